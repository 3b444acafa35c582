package peer

import (
	"fmt"
	"time"

	"porthole/internal/negotiate"
)

// Restart begins a new ICE session (RFC 9725 4.3.3) with the client's new
// credentials and candidates in f, and returns ours, complete. DTLS and media go on
// as they are: they change over to the new path when it is there. Candidates given
// to Trickle belong to the new session from then on. An error says that nothing
// was changed, or, if it wraps ErrNotConnected, that the session is over.
func (s *Connection) Restart(f *negotiate.Fragment) (*negotiate.Fragment, error) {
	s.restarting.Lock()
	defer s.restarting.Unlock()
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	if s.offered.waiting() {
		return nil, ErrICERestart
	}
	remote := iceSide{ufrag: f.Ufrag, pwd: f.Pwd}
	for _, c := range f.Candidates {
		if s.hasSection(c) && len(remote.candidates) < maxTrickled {
			remote.candidates = append(remote.candidates, c.Value)
		}
	}
	local, err := s.transport.restart(remote, s.engine.settings.timeouts.Gather)
	if err != nil {
		if reason := s.Err(); reason != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotConnected, reason)
		}
		return nil, fmt.Errorf("restart ICE: %w", err)
	}
	s.trickled.Store(int32(len(remote.candidates))) //nolint:gosec // at most maxTrickled
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ufrag = f.Ufrag
	s.reveal(f.Hidden)
	s.life.record("ice restart")
	s.life.remote = nil
	for _, value := range remote.candidates {
		s.life.remote = appendCandidate(s.life.remote, value)
	}
	return s.offer.RestartAnswer(local.ufrag, local.pwd, local.candidates), nil
}

// restart starts the agent anew. The batch goes on to the old address until the
// new path is selected, since it does not ask the agent.
func (l *mediaTransport) restart(remote iceSide, gather time.Duration) (iceSide, error) {
	if err := l.candidates.renew(); err != nil {
		return iceSide{}, err
	}
	if err := l.agent.Restart("", ""); err != nil { // fails when it is closed only
		return iceSide{}, fmt.Errorf("restart the agent: %w", err)
	}
	if err := l.agent.SetRemoteCredentials(remote.ufrag, remote.pwd); err != nil {
		return iceSide{}, fmt.Errorf("set the client's credentials: %w", err)
	}
	// Not the request's context: half a restart would be the end of the session.
	candidates, err := l.gather(l.ctx, gather)
	if err != nil {
		return iceSide{}, err
	}
	l.addCandidates(remote.candidates)
	ufrag, pwd, err := l.agent.GetLocalUserCredentials()
	if err != nil {
		return iceSide{}, fmt.Errorf("read ICE credentials: %w", err)
	}
	return iceSide{ufrag: ufrag, pwd: pwd, candidates: candidates}, nil
}
