package peer

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"porthole/internal/sessioninfo"
)

// maxPairs bounds what is kept of a client that offers dozens of addresses.
const maxPairs = 64

// pairs returns what the agent has tried. After the agent has failed or was closed
// there is nothing left to return.
func (l *mediaTransport) pairs() []sessioninfo.TriedPair {
	candidates := make(map[string]sessioninfo.Candidate)
	for _, c := range append(l.agent.GetLocalCandidatesStats(), l.agent.GetRemoteCandidatesStats()...) {
		candidates[c.ID] = sessioninfo.Candidate{
			Type: c.CandidateType.String(), Protocol: c.NetworkType.NetworkShort(),
			Address: net.JoinHostPort(c.IP, strconv.Itoa(c.Port)),
		}
	}
	var tried []sessioninfo.TriedPair
	for _, p := range l.agent.GetCandidatePairsStats() {
		tried = append(tried, sessioninfo.TriedPair{
			Pair:  l.candidates.named(sessioninfo.Pair{Local: candidates[p.LocalCandidateID], Remote: candidates[p.RemoteCandidateID]}),
			State: p.State.String(), Selected: p.Nominated,
			ChecksSent: p.RequestsSent, ChecksAnswered: p.ResponsesReceived, ChecksReceived: p.RequestsReceived,
			RTT: p.CurrentRoundTripTime * 1000, Packets: uint64(p.PacketsReceived), FirstCheck: p.FirstRequestReceivedTimestamp,
		})
	}
	return tried[:min(len(tried), maxPairs)]
}

// Examine asks ICE which pairs it has tried, for the next Info. It takes a moment
// of the agent's time, and is for who looks at one session.
func (s *Connection) Examine() {
	s.examining.Lock()
	defer s.examining.Unlock()
	if s.ctx.Err() == nil { // else finish has asked for the last time, or will
		s.examine()
	}
}

// examine keeps what was tried, and what was known before when that is nothing any
// more. The caller holds examining, so that nothing is closed meanwhile.
func (s *Connection) examine() {
	tried := s.transport.pairs()
	if len(tried) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.pairs = tried
	if s.life.firstCheck.IsZero() {
		s.life.firstCheck = firstCheck(tried)
	}
}

// examineHandshake keeps what is known of a handshake that failed.
func (s *Connection) examineHandshake() {
	reason := s.Err()
	if !errors.Is(reason, ErrDTLSFailed) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.wrongCert = errors.Is(reason, errWrongCertificate)
	s.life.dtlsError = strings.TrimPrefix(strings.TrimPrefix(reason.Error(), ErrDTLSFailed.Error()), ": ")
}

// firstCheck is when the first of the client's checks came, on whatever pair.
func firstCheck(pairs []sessioninfo.TriedPair) (first time.Time) {
	for _, p := range pairs {
		if !p.FirstCheck.IsZero() && (first.IsZero() || p.FirstCheck.Before(first)) {
			first = p.FirstCheck
		}
	}
	return first
}

// examineEvery is how often a session that does not connect is examined: an agent
// that gives up keeps nothing.
const examineEvery = time.Second
