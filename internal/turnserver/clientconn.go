package turnserver

import (
	"errors"
	"net"
	"os"
	"sync"

	"github.com/pion/stun/v4"
)

// maxReadErrors is how many reads in a row may fail before the socket counts as
// broken: a stray ICMP message must not end the server.
const maxReadErrors = 100

// clientConn is the UDP socket that clients send to. Requests of a client that is
// over its rate are dropped before anybody works on them.
type clientConn struct {
	net.PacketConn
	requests *limiter
	metrics  *metrics
	readers  gate
}

// ReadFrom returns the next packet.
func (c *clientConn) ReadFrom(b []byte) (n int, from net.Addr, err error) {
	if !c.readers.enter() {
		return 0, nil, net.ErrClosed
	}
	defer c.readers.leave()
	for failed := 0; failed < maxReadErrors; {
		n, from, err = c.PacketConn.ReadFrom(b)
		switch {
		case err == nil && isRequest(b[:n]) && !c.requests.take(addrOf(from)):
			c.metrics.refused(refusedRate)
			continue
		case err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded):
			return n, from, err // pion ends with it
		}
		failed++
	}
	return n, from, err
}

// isRequest tells a STUN request from media, in channels and in indications.
func isRequest(b []byte) bool {
	return stun.IsMessage(b) && b[0]&0x01 == 0 && b[1]&0x10 == 0 // the class, RFC 8489 5
}

// gate counts who is inside, until it is shut.
type gate struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

// enter says whether the gate was still open; who entered must leave.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.inside.Add(1)
	}
	return !g.closed
}

func (g *gate) leave() { g.inside.Done() }

// shut lets nobody enter any more and waits until everybody has left.
func (g *gate) shut() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
}
