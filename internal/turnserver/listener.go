package turnserver

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"porthole/internal/ratelimit"
)

// sendBuffer bounds what the kernel keeps for a slow client over TCP, about half a
// second of video.
const sendBuffer = 128 << 10

// listener accepts the TCP connections of clients, within limits, and closes them
// all when it is closed.
type listener struct {
	*net.TCPListener
	cfg      Config
	requests *limiter
	metrics  *metrics
	readers  readers // each Accept and Read that is under way

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
	if !l.readers.enter() {
		return nil, net.ErrClosed
	}
	defer l.readers.leave()
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
	client := ratelimit.Key(addrOf(tcp.RemoteAddr()))
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

// Close stops listening and closes what was accepted.
func (l *listener) Close() error {
	l.readers.shut()
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
