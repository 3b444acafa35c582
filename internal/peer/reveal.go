package peer

import (
	"net/netip"

	"porthole/internal/negotiate"
)

// reveal looks for the names among the client's candidates.
func (s *Connection) reveal(hidden []negotiate.Hidden) {
	if s.engine.names == nil {
		return
	}
	for _, h := range hidden {
		s.engine.names.Find(s.ctx, h.Name, func(addr netip.Addr) { s.addRevealed(h.Value(addr)) })
	}
}

func (s *Connection) addRevealed(value string) {
	if s.trickled.Add(1) > maxTrickled || s.Err() != nil {
		return
	}
	if err := s.transport.addCandidate(value); err != nil {
		s.engine.settings.log.Debug("dropped a client's candidate", "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.remote = appendCandidate(s.life.remote, value)
	s.life.record("mDNS name resolved")
}
