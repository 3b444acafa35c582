package turnserver

import (
	"net"

	"porthole/internal/sockets"

	"github.com/pion/stun/v4"
)

// clientConn is the UDP socket that clients send to. Requests of a client that is
// over its rate are dropped before anybody works on them.
type clientConn struct {
	net.PacketConn
	requests *limiter
	metrics  *metrics
	readers  readers
}

// ReadFrom returns the next packet.
func (c *clientConn) ReadFrom(b []byte) (n int, from net.Addr, err error) {
	if !c.readers.enter() {
		return 0, nil, net.ErrClosed
	}
	defer c.readers.leave()
	err = sockets.Read(func() (again bool, err error) {
		n, from, err = c.PacketConn.ReadFrom(b)
		if err == nil && isRequest(b[:n]) && !c.requests.take(addrOf(from)) {
			c.metrics.refused(refusedRate)
			return true, nil
		}
		return false, err
	})
	return n, from, err // pion ends with an error
}

// isRequest tells a STUN request from media, in channels and in indications.
func isRequest(b []byte) bool {
	return stun.IsMessage(b) && b[0]&0x01 == 0 && b[1]&0x10 == 0 // the class, RFC 8489 5
}
