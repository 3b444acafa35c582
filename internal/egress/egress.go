// Package egress is the UDP socket that all sessions share. It sends media in
// batches: one system call for all packets of a picture that go to one viewer.
//
// Sending is most of what a viewer costs, and most of that is the price of a
// system call and of the way down the network stack, paid per packet. With
// generic segmentation offload (UDP_SEGMENT) both are paid once for up to 64
// packets of equal size; where the kernel lacks it, sendmmsg saves the system
// calls at least; other systems get a plain write for each packet.
//
//	WriteToAddrPort ─┬─ RTP to an open Destination ─► its batch ─► Flush ─► GSO │ sendmmsg │ write
//	                 └─ everything else (STUN, DTLS, RTCP) ─────────────────────────────► write
//
// A [Conn] never waits for the network: when the socket's buffer is full,
// packets are dropped and counted, because the next viewer must not wait for
// this one's. An error of one destination is returned to that one only.
package egress

import (
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Mode says how batches leave.
type Mode uint32

// The modes, the cheapest first.
const (
	Segmented Mode = iota // one sendmsg with UDP_SEGMENT for a batch (Linux 4.18)
	Multiple              // one sendmmsg for a batch (Linux)
	Plain                 // one write for a packet
)

// String returns the mode as it appears in logs.
func (m Mode) String() string {
	return [...]string{"GSO", "sendmmsg", "plain writes"}[m]
}

// ErrClosed is returned by Append when the Destination is closed, or the packet larger
// than a batch can be.
var ErrClosed = errors.New("the destination is closed")

// ErrBufferFull is returned by Flush when the kernel's send buffer was full and
// packets were dropped.
var ErrBufferFull = errors.New("the socket's send buffer is full")

// Stats are totals since the start.
type Stats struct {
	Batches uint64 // batches of two packets or more that left with one system call
	Packets uint64 // media packets that left
	Dropped uint64 // media packets that found the send buffer full
	Failed  uint64 // media packets that the kernel refused for another reason
}

const shards = 32

// Conn is a UDP socket with batches by destination. It implements
// net.PacketConn and the AddrPort methods that pion/ice uses when they are
// there. All methods may be called by any goroutine.
type Conn struct {
	// Set by New, read-only afterwards.
	udp  *net.UDPConn
	os   system
	seed maphash.Seed
	in   *inbox

	mode    atomic.Uint32
	batches atomic.Uint64
	packets atomic.Uint64
	dropped atomic.Uint64
	failed  atomic.Uint64

	shards [shards]shard
}

// shard is a part of the table of destinations: senders that serve different
// viewers seldom meet in one.
type shard struct {
	mu   sync.RWMutex
	open map[netip.AddrPort]*Destination
}

// New takes over a socket and finds out how batches can leave: best is the
// best mode that may be used, Segmented unless a test wants less.
func New(udp *net.UDPConn, best Mode) (*Conn, error) {
	sys, err := newSystem(udp)
	if err != nil {
		return nil, fmt.Errorf("prepare %v for batches: %w", udp.LocalAddr(), err)
	}
	c := &Conn{udp: udp, os: sys, seed: maphash.MakeSeed(), in: newInbox()}
	c.mode.Store(uint32(max(best, sys.probe())))
	for i := range c.shards {
		c.shards[i].open = make(map[netip.AddrPort]*Destination)
	}
	return c, nil
}

// Mode returns how batches leave now. It gets worse when the kernel or the
// network card turns out not to do what it promised, never better.
func (c *Conn) Mode() Mode { return Mode(c.mode.Load()) }

// Stats returns the totals.
func (c *Conn) Stats() Stats {
	return Stats{c.batches.Load(), c.packets.Load(), c.dropped.Load(), c.failed.Load()}
}

func (c *Conn) shard(addr netip.AddrPort) *shard {
	return &c.shards[maphash.Comparable(c.seed, addr)%shards]
}

// Open makes media to addr go out in batches from now on: nothing more leaves
// until Flush, or until a batch is full. Close the Destination when done. An
// address that is open already is taken over by the new Destination.
func (c *Conn) Open(addr netip.AddrPort) *Destination {
	addr = canonical(addr)
	d := newDestination(c, addr)
	s := c.shard(addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[addr] = d
	return d
}

func (c *Conn) find(addr netip.AddrPort) *Destination {
	addr = canonical(addr)
	s := c.shard(addr)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.open[addr]
}

// canonical makes an IPv4 address look the same however it was learned.
func canonical(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// isMedia tells RTP from STUN, DTLS and RTCP by the first two bytes (RFC 7983
// section 7, RFC 5761 section 4).
func isMedia(b []byte) bool {
	return len(b) > 12 && b[0] >= 128 && b[0] < 192 && (b[1] < 192 || b[1] > 223)
}

// WriteToAddrPort adds an RTP packet to its destination's batch, and sends
// everything else at once, or not at all: ErrBufferFull. b is not kept.
func (c *Conn) WriteToAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	if isMedia(b) {
		if d := c.find(addr); d != nil {
			d.add(b)
			return len(b), nil
		}
	}
	return c.os.write(b, addr)
}

// WriteTo is WriteToAddrPort for a *net.UDPAddr.
func (c *Conn) WriteTo(b []byte, addr net.Addr) (int, error) {
	a, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("write to %v: %w", addr, net.UnknownNetworkError(addr.Network()))
	}
	return c.WriteToAddrPort(b, a.AddrPort())
}

// ReadFromAddrPort reads one datagram. IPv4 addresses come as such, also from a
// socket for both families.
func (c *Conn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, addr, err := c.read(b)
	return n, canonical(addr), err
}

// ReadFrom is ReadFromAddrPort for callers who want a *net.UDPAddr.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := c.ReadFromAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(addr), nil
}

// LocalAddr returns the *net.UDPAddr that the socket is bound to.
func (c *Conn) LocalAddr() net.Addr { return c.udp.LocalAddr() }

// SetDeadline is net.PacketConn's.
func (c *Conn) SetDeadline(t time.Time) error { return c.udp.SetDeadline(t) }

// SetReadDeadline is net.PacketConn's.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.udp.SetReadDeadline(t) }

// SetWriteDeadline is net.PacketConn's.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.udp.SetWriteDeadline(t) }

// Close closes the socket. Batches that were not flushed are lost.
func (c *Conn) Close() error { return c.udp.Close() }
