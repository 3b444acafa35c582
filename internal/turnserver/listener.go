package turnserver

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// firstBytes is how long a connection may take to say what it is, the TLS
	// handshake included.
	firstBytes = 10 * time.Second
	// idle is how long a connection may be silent. A client with an allocation
	// refreshes it more often than that.
	idle = 10 * time.Minute
	// writeTimeout ends a connection whose client does not take what it is sent:
	// there is no way back into a stream that lacks half a message.
	writeTimeout = 5 * time.Second
	// sendBuffer bounds what the kernel keeps for a slow client, about half a second
	// of video.
	sendBuffer = 128 << 10
	// tlsRecord is the first byte of a TLS handshake. STUN messages begin with 0 or
	// 1, channel data with 0x40 to 0x4f (RFC 7983).
	tlsRecord = 22
)

// listener accepts the TCP connections of clients, within limits, and closes them
// all when it is closed.
type listener struct {
	*net.TCPListener
	cfg      Config
	requests *limiter
	metrics  *metrics
	reading  sync.WaitGroup // one for each Accept and Read that is under way

	mu       sync.Mutex
	closed   bool
	conns    map[*conn]struct{}
	byClient map[netip.Addr]int
}

func newListener(tcp *net.TCPListener, cfg Config, m *metrics) *listener {
	return &listener{
		TCPListener: tcp, cfg: cfg, metrics: m, requests: newLimiter(float64(cfg.Limits.Requests), 4*cfg.Limits.Requests),
		conns: make(map[*conn]struct{}), byClient: make(map[netip.Addr]int),
	}
}

// Accept returns the next connection that is within the limits.
func (l *listener) Accept() (net.Conn, error) {
	if !l.enter() {
		return nil, net.ErrClosed
	}
	defer l.reading.Done()
	for {
		tcp, err := l.AcceptTCP()
		if err != nil {
			if isTemporary(err) {
				time.Sleep(acceptPause)
				continue
			}
			return nil, err // pion ends with it
		}
		if c := l.admit(tcp); c != nil {
			return c, nil
		}
		l.metrics.refused(refusedConnections)
		_ = tcp.Close() // the client sees it
	}
}

// acceptPause is how long accepting rests when the process has no file left, as
// net/http does.
const acceptPause = 50 * time.Millisecond

// isTemporary says whether a failed Accept is worth another.
func isTemporary(err error) bool {
	var failed net.Error
	return !errors.Is(err, net.ErrClosed) && errors.As(err, &failed)
}

// admit counts a connection, or returns nil when there are too many.
func (l *listener) admit(tcp *net.TCPConn) *conn {
	client := key(addrOf(tcp.RemoteAddr()))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.conns) >= l.cfg.Limits.Connections || l.byClient[client] >= l.cfg.Limits.clientConnections() {
		return nil
	}
	_ = tcp.SetWriteBuffer(sendBuffer) // best effort: without it the kernel's own limit holds
	c := &conn{Conn: tcp, listener: l, client: client}
	l.conns[c] = struct{}{}
	l.byClient[client]++
	l.metrics.connections.Set(float64(len(l.conns)))
	return c
}

func (l *listener) remove(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.conns[c]; !ok {
		return
	}
	delete(l.conns, c)
	if l.byClient[c.client]--; l.byClient[c.client] == 0 {
		delete(l.byClient, c.client)
	}
	l.metrics.connections.Set(float64(len(l.conns)))
}

func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// enter notes somebody who will wait for the network, unless the listener is closed.
func (l *listener) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.reading.Add(1)
	return true
}

// Close stops listening and closes what was accepted.
func (l *listener) Close() error {
	l.mu.Lock()
	l.closed = true
	var open []*conn
	for c := range l.conns {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		_ = c.Close() // its reader notices
	}
	return l.TCPListener.Close()
}

// wait waits until nobody accepts or reads any more.
func (l *listener) wait() { l.reading.Wait() }

// conn is one client's connection: TLS or plain, as its first byte says. It is not
// a *tls.Conn, because pion leaves such a one open when the handshake fails.
type conn struct {
	net.Conn // the TCP connection; stream is what is read and written
	listener *listener
	client   netip.Addr
	once     sync.Once

	// Set by the first Read, which pion's loop makes before it writes anything.
	stream net.Conn
	begun  bool // a first message has begun well
}

// Read reads from the stream.
func (c *conn) Read(b []byte) (int, error) {
	if !c.listener.enter() {
		return 0, net.ErrClosed
	}
	defer c.listener.reading.Done()
	if c.stream == nil {
		if err := c.open(); err != nil {
			return 0, err // pion closes the connection
		}
	}
	if err := c.SetReadDeadline(time.Now().Add(idle)); err != nil {
		return 0, err // likewise
	}
	n, err := c.stream.Read(b)
	if err == nil && !c.begun {
		// A message before a channel exists is a request, and requests begin with 0
		// (RFC 8489 5). pion would wait for the rest of what is none.
		if c.begun = n > 0 && b[0] == 0; !c.begun {
			return 0, errNotSTUN
		}
	}
	if err == nil && isRequest(b[:n]) && !c.listener.requests.take(c.client) {
		c.listener.metrics.refused(refusedRate)
		return 0, errRate
	}
	return n, err
}

var (
	errRate    = errors.New("too many requests over one connection")
	errNotSTUN = errors.New("what came first is no request")
	errNoTLS   = errors.New("there is no certificate for TLS")
)

// open finds out what the connection speaks.
func (c *conn) open() error {
	if err := c.SetDeadline(time.Now().Add(firstBytes)); err != nil {
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
		c.stream = plain
	case c.listener.cfg.TLS == nil:
		c.listener.metrics.refused(refusedTLS)
		return errNoTLS
	default:
		secure := tls.Server(plain, c.listener.cfg.TLS)
		if err := secure.Handshake(); err != nil { //nolint:noctx // the deadline bounds it
			c.listener.metrics.refused(refusedTLS)
			return err // likewise
		}
		c.stream = secure
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
