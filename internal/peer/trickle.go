package peer

import (
	"slices"

	"porthole/internal/negotiate"
)

// maxTrickled bounds how many addresses a client can make us send checks to. A
// browser on a machine with many interfaces sends a few dozen.
const maxTrickled = 64

// Trickle adds the client's candidates of a fragment (RFC 8840). Those that are
// of no use, such as names and components that do not exist, are dropped
// silently, as RFC 9725 4.3.2 wants. It returns ErrICERestart when the fragment
// carries other credentials than the current ones, and the session's reason when
// that is over.
func (s *Connection) Trickle(f *negotiate.Fragment) error {
	if err := s.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	ufrag := s.ufrag
	s.mu.Unlock()
	if f.Ufrag != "" && f.Ufrag != ufrag {
		return ErrICERestart
	}
	s.reveal(f.Hidden)
	for _, c := range f.Candidates {
		if !s.hasSection(c) || s.trickled.Add(1) > maxTrickled {
			continue
		}
		if err := s.transport.addCandidate(c.Value); err != nil {
			s.engine.settings.log.Debug("dropped a client's candidate", "error", err)
			continue
		}
		s.mu.Lock()
		s.life.remote = appendCandidate(s.life.remote, c.Value)
		s.mu.Unlock()
	}
	return nil
}

// hasSection says whether a candidate is for a section of the offer, by its mid
// or, when it has none, its place. All sections share one transport, so which
// one it is does not matter.
func (s *Connection) hasSection(c negotiate.Candidate) bool {
	if c.Mid != "" {
		return slices.Contains(s.mids, c.Mid)
	}
	return c.MLineIndex >= 0 && c.MLineIndex < len(s.mids)
}
