package overload

import (
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"porthole/internal/ratelimit"
)

const (
	// inflowRate is how many bytes of requests a second are read of one client, for
	// each processor, and inflowBurst how many at once. HTTP/2 lets a client open and
	// reset a stream with 30 bytes, at the cost of some microseconds here: what is not
	// read costs nothing, and has the client wait.
	inflowRate  = 256 << 10
	inflowBurst = 1 << 20
	// handshakeCost is what a TLS handshake counts as, in such bytes: half a
	// millisecond of a processor.
	handshakeCost = 8 << 10
	// requestCost is what a request counts as besides its bytes: HTTP/2 packs one into
	// 20, and it costs some 20 microseconds whatever is answered.
	requestCost = 512
	// costAtOnce is the most that one read counts as: who has more connections waits
	// longer for their turn, but not for minutes.
	costAtOnce = 64 << 10
)

// Inflow bounds how fast the requests of each client are read, on all its connections
// together.
type Inflow struct {
	buckets *ratelimit.Buckets
	first   int64          // bytes that a new connection counts as
	exempt  []netip.Prefix // proxies, which bring many clients
}

// NewInflow makes a bound. secure says that each connection begins with a TLS handshake;
// proxies are not clients.
func NewInflow(secure bool, proxies []netip.Prefix) *Inflow {
	i := &Inflow{buckets: ratelimit.New(float64(inflowRate*runtime.GOMAXPROCS(0)), inflowBurst), exempt: proxies}
	if secure {
		i.first = handshakeCost
	}
	return i
}

// Listener has the connections of another listener read no faster than that.
func (i *Inflow) Listener(l net.Listener) net.Listener { return &pacedListener{Listener: l, inflow: i} }

type pacedListener struct {
	net.Listener
	inflow *Inflow
}

// Accept returns the next connection.
func (l *pacedListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err // net/http compares it
	}
	return l.inflow.pace(accepted, addrOf(accepted).Unmap().WithZone("")), nil
}

// pace makes the reads of a client's connection wait for the client's budget.
func (i *Inflow) pace(c net.Conn, client netip.Addr) net.Conn {
	if slices.ContainsFunc(i.exempt, func(p netip.Prefix) bool { return p.Contains(client) }) {
		return c
	}
	paced := &pacedConn{Conn: c, buckets: i.buckets, client: client, closed: make(chan struct{})}
	paced.debt.Store(i.first)
	return paced
}

type pacedConn struct {
	net.Conn
	buckets *ratelimit.Buckets
	client  netip.Addr
	debt    atomic.Int64 // what the next read costs besides its bytes
	closed  chan struct{}
	once    sync.Once
}

// NetConn is the connection below.
func (c *pacedConn) NetConn() net.Conn { return c.Conn }

// CloseWrite ends the sending side, for servers that want to be heard out.
func (c *pacedConn) CloseWrite() error { return closeWrite(c.Conn) }

// Read reads, and waits until what it has read is in the budget.
func (c *pacedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil || n == 0 {
		return n, err // transparent
	}
	now := time.Now()
	cost := min(n+int(c.debt.Swap(0)), costAtOnce)
	delay := c.buckets.Of(c.client, now).ReserveN(now, cost).DelayFrom(now)
	if delay <= 0 {
		return n, nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return n, nil
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

// Close closes the connection, and ends a wait.
func (c *pacedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close() // transparent
}

// pacer is the key of a context's value.
type pacer struct{}

// CountRequests has each request count towards what is read of its client, on the
// connections that Context told of.
func CountRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(pacer{}).(*pacedConn); ok {
			c.debt.Add(requestCost)
		}
		next.ServeHTTP(w, r)
	})
}
