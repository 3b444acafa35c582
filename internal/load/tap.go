package load

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/transport/v5"
)

// tap is the UDP socket of one session, between the network and pion. It counts
// RTP in the meter and hands on what is still needed, and all that is not RTP.
type tap struct {
	*net.UDPConn
	meter   *meter
	receive *receiver
}

var _ transport.UDPConn = (*tap)(nil)

// ReadFromAddrPort returns the next packet that is not for the meter alone. Only
// one goroutine may read.
func (t *tap) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		packet, from, at, err := t.receive.next()
		if err != nil {
			return 0, netip.AddrPort{}, err
		}
		if isRTP(packet) && !t.meter.count(at, packet) {
			continue
		}
		return copy(b, packet), from, nil
	}
}

// ReadFrom is ReadFromAddrPort for callers that know net.Addr only.
func (t *tap) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := t.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteToAddrPort sends one packet.
func (t *tap) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return t.WriteToUDPAddrPort(b, to)
}

// tapNet gives a session's ICE agent taps for sockets, bound to all addresses:
// the one socket reaches every candidate of the server, whichever interface
// leads there.
type tapNet struct {
	transport.Net
	meter   *meter
	buffers *sync.Pool // of *[readSize]byte, shared by all sessions: only those that are reading hold one

	mu   sync.Mutex // guards what follows
	taps []*tap
}

// ListenUDP makes a tap of the family of laddr.
func (n *tapNet) ListenUDP(_ string, laddr *net.UDPAddr) (transport.UDPConn, error) {
	network := "udp4"
	if laddr.IP.To4() == nil {
		network = "udp6"
	}
	conn, err := net.ListenUDP(network, &net.UDPAddr{Port: laddr.Port})
	if err != nil {
		return nil, err
	}
	// A keyframe to a hundred sessions on one machine comes faster than they are
	// scheduled. What the system does not grant is not worth failing for.
	_ = conn.SetReadBuffer(1 << 20)
	receive, err := newReceiver(conn, n.buffers)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	t := &tap{UDPConn: conn, meter: n.meter, receive: receive}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.taps = append(n.taps, t)
	return t, nil
}

// dropped returns how many packets reached this machine but found no room in
// the buffers of the session's sockets, as far as the system tells.
func (n *tapNet) dropped() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	var sum uint64
	for _, t := range n.taps {
		sum += uint64(t.receive.dropped.Load())
	}
	return sum
}

// readSize is the most that one read can return: the largest UDP payload.
const readSize = 64 << 10

func newBuffers() *sync.Pool {
	return &sync.Pool{New: func() any { return new([readSize]byte) }}
}

// arrival is one read from a socket: one packet, or several of the same size
// and sender that the system merged.
type arrival struct {
	data    []byte // what is left of it
	segment int    // size of each packet but the last
	from    netip.AddrPort
	at      time.Time
}

// cut takes the next packet off.
func (a *arrival) cut() []byte {
	n := min(a.segment, len(a.data))
	packet := a.data[:n]
	a.data = a.data[n:]
	return packet
}
