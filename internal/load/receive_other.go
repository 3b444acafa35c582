//go:build !linux

package load

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// receiver reads a UDP socket packet by packet. One goroutine at a time reads.
type receiver struct {
	conn    *net.UDPConn
	buffers *sync.Pool
	dropped atomic.Uint32 // not told by this system: 0

	// Owned by the reading goroutine.
	buffer *[readSize]byte
	arrival
}

func newReceiver(conn *net.UDPConn, buffers *sync.Pool) (*receiver, error) {
	return &receiver{conn: conn, buffers: buffers, buffer: new([readSize]byte)}, nil
}

// next returns the next packet, which is valid until the next call, with its
// sender and the time of its arrival.
func (r *receiver) next() ([]byte, netip.AddrPort, time.Time, error) {
	n, from, err := r.conn.ReadFromUDPAddrPort(r.buffer[:])
	if err != nil {
		return nil, netip.AddrPort{}, time.Time{}, err
	}
	r.arrival = arrival{data: r.buffer[:n], segment: n, from: from, at: time.Now()}
	return r.cut(), r.from, r.at, nil
}

// processCPU is not known on this system.
func processCPU() time.Duration { return 0 }
