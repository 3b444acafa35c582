package turnserver

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// messageTime is how long a client may take from the first byte of a message to
	// its last, and for saying what it speaks, the TLS handshake included.
	messageTime = 10 * time.Second
	// idle is how long a connection may be silent. A client with an allocation
	// refreshes it more often than that.
	idle = 10 * time.Minute
	// writeTimeout ends a connection whose client does not take what it is sent:
	// there is no way back into a stream that lacks half a message.
	writeTimeout = 5 * time.Second
	// tlsRecord is the first byte of a TLS handshake. STUN messages begin with 0 to 3,
	// channel data with 0x40 to 0x4f (RFC 7983).
	tlsRecord = 22
)

var (
	errRate       = errors.New("too many requests over one connection")
	errNoTLS      = errors.New("there is no certificate for TLS")
	errNoMessage  = errors.New("what came is neither a STUN message nor channel data")
	errNotRequest = errors.New("what came first is no request")
)

// conn is one client's connection: TLS or plain, as its first byte says. It is not
// a *tls.Conn, because pion leaves such a one open when the handshake fails.
//
// Each Read returns one whole message (RFC 8656 12.5). pion cuts streams into messages,
// too, but a length close to 65,535 makes that loop without an end.
type conn struct {
	net.Conn // the TCP connection; stream is what is written
	listener *listener
	client   netip.Addr
	once     sync.Once

	// Set by the first Read, which pion's loop makes before it writes anything.
	stream net.Conn
	reader *bufio.Reader // of stream
	begun  bool          // the first message has begun well
}

// Read returns the next message.
func (c *conn) Read(b []byte) (int, error) {
	if !c.listener.readers.enter() {
		return 0, net.ErrClosed
	}
	defer c.listener.readers.leave()
	if c.stream == nil {
		if err := c.open(); err != nil {
			return 0, err // pion closes the connection
		}
	}
	n, err := c.message(b)
	if err != nil {
		return 0, err // likewise
	}
	switch {
	case !isRequest(b[:n]) && !c.begun: // there is no channel yet
		return 0, errNotRequest
	case isRequest(b[:n]) && !c.listener.requests.take(c.client):
		c.listener.metrics.refused(refusedRate)
		return 0, errRate
	}
	c.begun = true
	return n, nil
}

// message reads one message into b.
func (c *conn) message(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(idle)); err != nil {
		return 0, err // the caller passes it on
	}
	if _, err := c.reader.Peek(1); err != nil {
		return 0, err // likewise
	}
	if err := c.SetReadDeadline(time.Now().Add(messageTime)); err != nil {
		return 0, err // likewise
	}
	header, err := c.reader.Peek(4)
	if err != nil {
		return 0, err // likewise
	}
	size, ok := messageSize(header)
	if !ok || size >= len(b) { // pion takes a message that fills its buffer for a part of one
		return 0, errNoMessage
	}
	return io.ReadFull(c.reader, b[:size])
}

// messageSize reads the first four bytes of a message: how long all of it is, with the
// padding that channel data has over TCP.
func messageSize(header []byte) (size int, ok bool) {
	const stunHeader, channelHeader = 20, 4
	length := int(binary.BigEndian.Uint16(header[2:]))
	switch {
	case header[0]&0xc0 == 0: // STUN; its attributes are padded
		return stunHeader + length, length%4 == 0
	case header[0]&0xf0 == 0x40:
		return channelHeader + (length+3)/4*4, true
	}
	return 0, false
}

// open finds out what the connection speaks.
func (c *conn) open() error {
	if err := c.SetDeadline(time.Now().Add(messageTime)); err != nil {
		return err // the caller passes it on
	}
	buffered := bufio.NewReader(c.Conn)
	first, err := buffered.Peek(1)
	if err != nil {
		return err // likewise
	}
	plain := peeked{Conn: c.Conn, reader: buffered}
	switch {
	case first[0] != tlsRecord:
		c.stream, c.reader = plain, buffered
	case c.listener.cfg.TLS == nil:
		c.listener.metrics.refused(refusedTLS)
		return errNoTLS
	default:
		secure := tls.Server(plain, c.listener.cfg.TLS)
		if err := secure.Handshake(); err != nil { //nolint:noctx // the deadline bounds it
			c.listener.metrics.refused(refusedTLS)
			return err // likewise
		}
		c.stream, c.reader = secure, bufio.NewReader(secure)
	}
	return c.SetDeadline(time.Time{})
}

// Write sends a whole message or ends the connection.
func (c *conn) Write(b []byte) (int, error) {
	if c.stream == nil {
		return 0, net.ErrClosed
	}
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err // pion logs it
	}
	n, err := c.stream.Write(b)
	if err != nil {
		_ = c.Close() // the first error counts
	}
	return n, err
}

// Close closes the connection. Closing twice is harmless.
func (c *conn) Close() error {
	c.once.Do(func() { c.listener.remove(c) })
	return c.Conn.Close()
}

// peeked is a connection of which the first byte was looked at.
type peeked struct {
	net.Conn
	reader *bufio.Reader
}

// Read reads from the buffer first.
func (p peeked) Read(b []byte) (int, error) { return p.reader.Read(b) }
