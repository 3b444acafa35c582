package turnclient

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Permissions live 5 minutes at the server, channels 10 (RFC 8656 sections 9.2, 12.2).
	permissionLife = 5 * time.Minute
	channelLife    = 10 * time.Minute
	// channelPause is how long a channel's number is not used again (section 12).
	channelPause = 5 * time.Minute
	// renewAge is when what is in use is asked for again, idleAge after how long
	// without a packet it is not in use any more.
	renewAge = permissionLife - 4*refreshInterval
	idleAge  = 2 * time.Minute
	// refusedFor is how long a peer is not asked for again that the server refuses.
	refusedFor = time.Minute
	// maxRequests is how many permissions and channels are asked for at a time.
	maxRequests = 32

	firstChannel, lastChannel = channelNumber(0x4000), channelNumber(0x4FFF) // section 12
)

// ErrRefused is returned for packets to a peer that the server does not relay to.
var ErrRefused = errors.New("the TURN server does not relay to this address")

// permission is what is known about the address of peers, channel about a peer.
type permission struct {
	state   state
	since   time.Time    // of the state; when it was granted or refused last
	used    atomic.Int64 // when the last packet was, in nanoseconds of time.Time.UnixNano
	waiting []byte       // the last packet to it, while it is asked for
	to      netip.AddrPort
}

type channel struct {
	number channelNumber
	state  state
	since  time.Time
	used   atomic.Int64
}

type state uint8

const (
	asked state = iota
	granted
	refused
	renewed // granted, and asked for again
)

// peers are all that we have sent to lately.
type peers struct {
	requests *slots // one for each request under way

	mu          sync.RWMutex
	permissions map[netip.Addr]*permission
	channels    map[netip.AddrPort]*channel
	numbers     map[channelNumber]netip.AddrPort // of channels that are granted, or asked for
	resting     map[channelNumber]time.Time      // until when
	next        channelNumber
}

// slots bound what goes on at a time.
type slots struct{ free chan struct{} }

func (s *slots) take() bool {
	select {
	case s.free <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *slots) give() { <-s.free }

func newPeers() peers {
	return peers{
		requests:    &slots{free: make(chan struct{}, maxRequests)},
		permissions: make(map[netip.Addr]*permission), channels: make(map[netip.AddrPort]*channel),
		numbers: make(map[channelNumber]netip.AddrPort), resting: make(map[channelNumber]time.Time), next: firstChannel,
	}
}

func (p *peers) byNumber(number channelNumber) (netip.AddrPort, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	addr, ok := p.numbers[number]
	return addr, ok
}

// way is how a packet can go to a peer.
func (p *peers) way(to netip.AddrPort, now int64) (*permission, *channel, state) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	permission := p.permissions[to.Addr()]
	if permission == nil {
		return nil, nil, asked
	}
	permission.used.Store(now)
	c := p.channels[to]
	if c != nil {
		c.used.Store(now)
		if c.state != granted && c.state != renewed {
			c = nil
		}
	}
	return permission, c, permission.state
}

// WriteToAddrPort sends a packet to a peer. It does not wait: a packet that finds no
// room is lost. The first packet to a new address makes the server relay to it.
func (a *Allocation) WriteToAddrPort(packet []byte, to netip.AddrPort) (int, error) {
	to = canonical(to)
	switch {
	case a.ctx.Err() != nil:
		return 0, fmt.Errorf("%w: %w", net.ErrClosed, a.Err())
	case len(packet) > maxPacket || len(packet) < 1:
		return 0, io.ErrShortBuffer
	case to.Addr().Is4() != a.relayed.Addr().Is4():
		return 0, ErrRefused // RFC 8656 section 9.2
	}
	permission, channel, state := a.peers.way(to, time.Now().UnixNano())
	switch {
	case permission == nil || state == asked:
		a.permit(to, packet)
		return len(packet), nil
	case state == refused:
		return 0, ErrRefused
	case channel != nil:
		a.enqueue(channelData(channel.number, packet))
		return len(packet), nil
	}
	if packet[0] > 3 { // neither STUN nor ZRTP: more of it will come, which 36 bytes less each do good
		a.bind(to)
	}
	f, err := indication(to, packet)
	if err != nil {
		return 0, err
	}
	a.enqueue(f)
	return len(packet), nil
}

// WriteTo is WriteToAddrPort for net.PacketConn.
func (a *Allocation) WriteTo(packet []byte, to net.Addr) (int, error) {
	addr, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("%T is not a UDP address", to)
	}
	return a.WriteToAddrPort(packet, addr.AddrPort())
}

func (a *Allocation) enqueue(f *frame) {
	select {
	case a.queue <- f:
	default:
		a.dropped.Add(1)
		framePool.Put(f)
	}
}

// SetDeadline is not needed: writing does not wait, and Close ends reading.
func (*Allocation) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing, as SetDeadline.
func (*Allocation) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing, as SetDeadline.
func (*Allocation) SetWriteDeadline(time.Time) error { return nil }
