package peer

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// agentHears is how often RTCP of a client still goes by its ICE agent, which takes what comes for
// a sign of life.
const agentHears = time.Second

// shortcuts lead RTCP of connected viewers from the socket to those who read it. By way of the mux and the
// agent a packet wakes three goroutines, which for reports that come many times a second
// costs as much as a third of the viewer's media. Who reads must be quick: one goroutine
// reads for all.
type shortcuts struct {
	mu sync.RWMutex // held while somebody reads, so that nothing is read of a transport that has left
	to map[netip.AddrPort]*mediaTransport
}

// add leads RTCP from an address to a transport, until it is removed.
func (s *shortcuts) add(from netip.AddrPort, l *mediaTransport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.to == nil {
		s.to = make(map[netip.AddrPort]*mediaTransport)
	}
	s.to[unmapped(from)] = l
}

// remove ends the shortcut, unless the address has become another transport's. Nothing is read by it when
// it returns.
func (s *shortcuts) remove(from netip.AddrPort, l *mediaTransport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from = unmapped(from); s.to[from] == l {
		delete(s.to, from)
	}
}

// take reads a packet, if there is a shortcut for it.
func (s *shortcuts) take(packet []byte, from netip.AddrPort) bool {
	if len(packet) < 2 || packet[0] < 128 || packet[0] >= 192 || packet[1] < 192 || packet[1] >= 224 { // RFC 7983, RFC 5761
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	l := s.to[unmapped(from)]
	if l == nil || l.agentWaits(time.Now()) {
		return false
	}
	defer l.endOnPanic()
	l.readRTCP(packet)
	return true
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// signsOfLife is when a packet last took the way of the agent.
type signsOfLife struct{ last atomic.Int64 }

// agentWaits says whether the agent should hear of the client again.
func (s *signsOfLife) agentWaits(now time.Time) bool {
	last := s.last.Load()
	return now.UnixNano()-last >= int64(agentHears) && s.last.CompareAndSwap(last, now.UnixNano())
}
