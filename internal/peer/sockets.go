package peer

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/ice/v4"

	"porthole/internal/egress"
	"porthole/internal/reach"
	"porthole/internal/sockets"
)

const (
	// socketBuffer is asked for in both directions of the UDP socket. All sessions
	// share it, so it has to hold the keyframes of many publishers at once.
	socketBuffer = 4 << 20
	// tcpSendBuffer bounds, in the kernel and again in the mux, what waits for a
	// client over TCP: together about 1.6 s of a 2.5 Mbit/s stream. What does not
	// fit is dropped, so that a stalled client delays nobody and, when it wakes
	// up, is not shown the past.
	tcpSendBuffer = 256 << 10
)

// sizeBuffers asks the kernel for large socket buffers and warns when it gives
// much less: then a burst of packets is lost before anybody can read it.
func sizeBuffers(conn *net.UDPConn, log *slog.Logger) {
	if err := errors.Join(conn.SetReadBuffer(socketBuffer), conn.SetWriteBuffer(socketBuffer)); err != nil {
		log.Warn("cannot size the media socket's buffers", "error", err)
		return
	}
	receive, send, err := bufferSizes(conn)
	if err != nil {
		log.Debug("cannot read the media socket's buffer sizes", "error", err)
		return
	}
	if min(receive, send) < socketBuffer/2 {
		log.Warn("the kernel limits the media socket's buffers; raise net.core.rmem_max and net.core.wmem_max",
			"want_bytes", socketBuffer, "receive_bytes", receive, "send_bytes", send)
	}
}

// mediaConn is the UDP socket that all sessions share. Media to viewers leaves it
// in batches. A read error does not end it: the mux above would take the first
// one for the socket's end, and one stray ICMP message or a moment without memory
// would cut off everybody.
type mediaConn struct {
	socket
	// open is closed when packets may be read. pion's mux begins to read before it
	// is complete, and a packet that is already there would meet a nil pointer.
	open chan struct{}
	// questions take the answers of STUN servers out of what is read.
	questions *reach.Questions
	// shortcuts take viewers' RTCP out of it.
	shortcuts shortcuts
}

func newMediaConn(udp socket) *mediaConn {
	return &mediaConn{socket: udp, open: make(chan struct{}), questions: reach.NewQuestions()}
}

// socket is a UDP socket: *egress.Conn, or one in a network that tests make up.
type socket interface {
	net.PacketConn
	ice.AddrPortReaderWriter
	// Open begins a batch; nil says that packets leave one by one.
	Open(addr netip.AddrPort) *egress.Destination
	Stats() egress.Stats
}

var _ ice.AddrPortReaderWriter = (*mediaConn)(nil)

// ReadFromAddrPort reads one packet.
func (c *mediaConn) ReadFromAddrPort(b []byte) (n int, from netip.AddrPort, err error) {
	<-c.open
	err = sockets.Read(func() (again bool, err error) {
		n, from, err = c.socket.ReadFromAddrPort(b)
		return err == nil && (c.questions.Take(b[:n], from) || c.shortcuts.take(b[:n], from)), err
	})
	return n, from, err
}

// tcpListener hands connections to the ICE mux and closes them all when it is
// closed: the mux waits for those that never sent a byte until their deadline.
type tcpListener struct {
	*net.TCPListener
	limit ConnectionLimit // nil: none

	mu     sync.Mutex
	conns  map[*tcpConn]struct{}
	closed bool
}

func newTCPListener(l *net.TCPListener, limit ConnectionLimit) *tcpListener {
	return &tcpListener{TCPListener: l, limit: limit, conns: make(map[*tcpConn]struct{})}
}

// acceptAllowed returns the next connection for which there is room. Others are
// closed: ICE has no way to say "later", and a client without this path has others.
func (l *tcpListener) acceptAllowed() (*net.TCPConn, error) {
	for {
		accepted, err := l.AcceptTCP()
		if err != nil || l.limit == nil {
			return accepted, err
		}
		client := clientOf(accepted)
		if l.limit.Take(client) {
			return accepted, nil
		}
		l.limit.Give(client)
		_ = accepted.Close() // nothing can be done about an error
	}
}

// Accept returns the next connection, with a bounded send buffer.
func (l *tcpListener) Accept() (net.Conn, error) {
	accepted, err := l.acceptAllowed()
	if err != nil {
		return nil, err // the mux compares it
	}
	// Best effort: without it the kernel's own limit holds.
	_ = accepted.SetWriteBuffer(tcpSendBuffer)
	conn := &tcpConn{TCPConn: accepted, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		l.release(accepted)
		return nil, errors.Join(net.ErrClosed, accepted.Close())
	}
	l.conns[conn] = struct{}{}
	return conn, nil
}

// clientOf is the address at the other end.
func clientOf(c *net.TCPConn) netip.Addr {
	if addr, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return addr.AddrPort().Addr()
	}
	return netip.Addr{}
}

// release gives the place of a connection back.
func (l *tcpListener) release(c *net.TCPConn) {
	if l.limit != nil {
		l.limit.Give(clientOf(c))
	}
}

// Close stops listening and closes what was accepted. Closing twice is harmless.
func (l *tcpListener) Close() error {
	l.mu.Lock()
	l.closed = true
	conns := l.conns
	l.conns = nil
	l.mu.Unlock()
	for conn := range conns {
		l.release(conn.TCPConn)
		_ = conn.TCPConn.Close() // it may have been closed by the mux a moment ago
	}
	if err := l.TCPListener.Close(); !errors.Is(err, net.ErrClosed) {
		return err // the caller wraps
	}
	return nil
}

// tcpConn takes itself off its listener's list when closed.
type tcpConn struct {
	*net.TCPConn
	listener *tcpListener
}

// LocalAddr returns the same address for all connections of a family, for the mux
// (see sessionTCPMux).
func (c *tcpConn) LocalAddr() net.Addr {
	local := c.TCPConn.LocalAddr().(*net.TCPAddr) // what a TCPConn has
	return &net.TCPAddr{IP: anyTCPAddress(local.IP.To4() == nil), Port: local.Port}
}

// Close closes the connection.
func (c *tcpConn) Close() error {
	c.listener.mu.Lock()
	if _, first := c.listener.conns[c]; first {
		delete(c.listener.conns, c)
		c.listener.release(c.TCPConn)
	}
	c.listener.mu.Unlock()
	return c.TCPConn.Close() // transparent
}
