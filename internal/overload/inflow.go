package overload

import (
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"porthole/internal/ratelimit"
)

const (
	// inflowRate is how many bytes of requests a second are read of one client, for
	// each processor, and inflowBurst how many at once. HTTP/2 lets a client open and
	// reset a stream with 30 bytes, at the cost of some microseconds here: what is not
	// read costs nothing, and has the client wait.
	inflowRate  = 512 << 10
	inflowBurst = 2 << 20
	// handshakeCost is what a TLS handshake counts as, in such bytes: half a
	// millisecond of a processor.
	handshakeCost = 8 << 10
)

// LimitInflow bounds how fast the requests of each client are read; secure says that
// each connection begins with a TLS handshake. It is called before the first connection.
func (f *Files) LimitInflow(secure bool) {
	f.inflow = ratelimit.New(float64(inflowRate*runtime.GOMAXPROCS(0)), inflowBurst)
	if secure {
		f.handshake = handshakeCost
	}
}

// inflow makes a connection's reads wait for their client's budget. Nil: they never do.
type inflow struct {
	buckets *ratelimit.Buckets
	client  netip.Addr
	first   int // what the first read costs besides its bytes
	closed  chan struct{}
	end     sync.Once
}

// newInflow is that of one connection, nil for a client without a bound.
func (f *Files) newInflow(client netip.Addr) *inflow {
	client = client.Unmap().WithZone("")
	if f.inflow == nil || f.exempts(client) {
		return nil
	}
	return &inflow{buckets: f.inflow, client: client, first: f.handshake, closed: make(chan struct{})}
}

// wait takes n bytes off the budget and waits until they are in it, or the connection
// is closed. One goroutine reads a connection.
func (i *inflow) wait(n int) error {
	if i == nil || n <= 0 {
		return nil
	}
	now := time.Now()
	n, i.first = n+i.first, 0
	delay := i.buckets.Of(i.client, now).ReserveN(now, min(n, inflowBurst)).DelayFrom(now)
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-i.closed:
		return net.ErrClosed
	}
}

func (i *inflow) close() {
	if i != nil {
		i.end.Do(func() { close(i.closed) })
	}
}
