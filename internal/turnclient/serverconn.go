package turnclient

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
)

// serverConn is the way to the server, message by message. One goroutine at a time reads,
// any may write.
type serverConn interface {
	// read returns the length of one message. After an error of the deadline it may
	// be called again.
	read(b []byte) (int, error)
	// write sends messages that are complete, each.
	write(messages ...[]byte) error
	setReadDeadline(t time.Time) error
	// hurry bounds what is written from now on, and what is being written, to a moment.
	hurry()
	close() error
	local() net.Addr
}

// Dialer connects to servers: *net.Dialer does.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// writeTimeout is how long a server may take to accept bytes over TCP before it
// counts as gone.
const (
	writeTimeout = 5 * time.Second
	hurryTimeout = 100 * time.Millisecond // the same when we leave
)

// dial connects to the server of a URL over UDP, TCP or TLS.
func dial(ctx context.Context, dialer Dialer, uri *stun.URI, roots *tls.Config) (serverConn, error) {
	address := net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port))
	network := "udp"
	if uri.Proto == stun.ProtoTypeTCP {
		network = "tcp"
	} else if uri.Scheme == stun.SchemeTypeTURNS {
		return nil, errors.New("TURN over DTLS is not supported; use turns:…?transport=tcp")
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if network == "udp" {
		return &datagrams{conn}, nil
	}
	if uri.Scheme == stun.SchemeTypeTURNS {
		cfg := roots.Clone()
		if cfg == nil {
			cfg = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		cfg.ServerName = uri.Host
		secured := tls.Client(conn, cfg)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("TLS handshake: %w", err), conn.Close())
		}
		conn = secured
	}
	return &stream{conn: conn, in: bufio.NewReaderSize(conn, maxMessage)}, nil
}

// datagrams is a connected UDP socket: what others than the server send does not
// arrive.
type datagrams struct{ conn net.Conn }

func (d *datagrams) read(b []byte) (int, error)        { return d.conn.Read(b) }
func (d *datagrams) setReadDeadline(t time.Time) error { return d.conn.SetReadDeadline(t) }
func (*datagrams) hurry()                              {}
func (d *datagrams) close() error                      { return d.conn.Close() }
func (d *datagrams) local() net.Addr                   { return d.conn.LocalAddr() }

// write sends each message. A refusal, such as an ICMP message's, concerns one packet;
// whether the server has gone, unanswered requests tell.
func (d *datagrams) write(messages ...[]byte) error {
	for _, m := range messages {
		if _, err := d.conn.Write(m); errors.Is(err, net.ErrClosed) {
			return err
		}
	}
	return nil
}

// stream is a TCP or TLS connection, with the framing of RFC 8656 section 12.5 and
// RFC 8489 section 6.2.2: each message tells its length.
type stream struct {
	conn    net.Conn
	leaving atomic.Bool
	in      *bufio.Reader // as large as any message, which is taken out when it is complete

	mu  sync.Mutex
	out []byte // several messages for one write; guarded by mu
}

// maxMessage bounds, in bytes, what a server may send at once: a full UDP packet and
// the header.
const maxMessage = 65535 + 64

func (s *stream) read(b []byte) (int, error) {
	header, err := s.in.Peek(4)
	if err != nil {
		return 0, err
	}
	length := int(binary.BigEndian.Uint16(header[2:]))
	padded := 0
	switch header[0] >> 6 {
	case 0: // STUN
		length += 20
		padded = length
	case 1: // ChannelData, whose padding is not counted
		length += 4
		padded = (length + 3) &^ 3
	default:
		return 0, errors.New("the server sends neither STUN nor ChannelData")
	}
	message, err := s.in.Peek(padded)
	if err != nil {
		return 0, err
	}
	n := copy(b, message[:length])
	_, _ = s.in.Discard(padded) // it is there
	if n < length {
		return 0, io.ErrShortBuffer
	}
	return n, nil
}

func (s *stream) write(messages ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = s.out[:0]
	for _, m := range messages {
		s.out = append(s.out, m...)
		for len(s.out)%4 != 0 { // all messages before it are padded, so it is this one's padding
			s.out = append(s.out, 0)
		}
	}
	timeout := writeTimeout
	if s.leaving.Load() {
		timeout = hurryTimeout
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(timeout)) // a connection that is closed says so at the write
	_, err := s.conn.Write(s.out)
	return err
}

func (s *stream) hurry() {
	s.leaving.Store(true)
	_ = s.conn.SetWriteDeadline(time.Now().Add(hurryTimeout))
}

func (s *stream) setReadDeadline(t time.Time) error { return s.conn.SetReadDeadline(t) }
func (s *stream) close() error                      { return s.conn.Close() }
func (s *stream) local() net.Addr                   { return s.conn.LocalAddr() }

// requests is the link as pion's client sees it: a socket to write requests to.
type requests struct {
	link   serverConn
	server net.Addr
}

var _ net.PacketConn = requests{}

func (r requests) WriteTo(b []byte, _ net.Addr) (int, error) {
	if err := r.link.write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// ReadFrom is not called: Allocation reads.
func (r requests) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, net.ErrClosed }

func (r requests) LocalAddr() net.Addr            { return r.link.local() }
func (requests) Close() error                     { return nil }
func (requests) SetDeadline(time.Time) error      { return nil }
func (requests) SetReadDeadline(time.Time) error  { return nil }
func (requests) SetWriteDeadline(time.Time) error { return nil }
func canonical(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}
