package peer

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"
)

// TriedPair is a pair of candidates that ICE has tried, or will (RFC 8445 6.1.2).
type TriedPair struct {
	Pair

	State    string `json:"state"` // "waiting", "in-progress", "failed" or "succeeded"
	Selected bool   `json:"selected,omitempty"`
	// ChecksSent are ours, ChecksAnswered those of them that the client answered.
	ChecksSent     uint64 `json:"checksSent"`
	ChecksAnswered uint64 `json:"checksAnswered"`
	// ChecksReceived are the client's, valid ones only; we answer each.
	ChecksReceived uint64  `json:"checksReceived"`
	RTT            float64 `json:"rttMs,omitempty"` // milliseconds, of the newest answer
	// Packets is what came that is no check: DTLS, RTP, RTCP.
	Packets uint64 `json:"packets"`
	// FirstCheck is when the client's first check came.
	FirstCheck time.Time `json:"firstCheck,omitzero"`
}

// maxPairs bounds what is kept of a client that offers dozens of addresses.
const maxPairs = 64

// pairs returns what the agent has tried. After the agent has failed or was closed
// there is nothing left to return.
func (l *viewerLink) pairs([]TriedPair) []TriedPair {
	candidates := make(map[string]Candidate)
	for _, c := range append(l.agent.GetLocalCandidatesStats(), l.agent.GetRemoteCandidatesStats()...) {
		candidates[c.ID] = Candidate{
			Type: c.CandidateType.String(), Protocol: c.NetworkType.NetworkShort(),
			Address: net.JoinHostPort(c.IP, strconv.Itoa(c.Port)),
		}
	}
	var tried []TriedPair
	for _, p := range l.agent.GetCandidatePairsStats() {
		tried = append(tried, TriedPair{
			Pair:  l.plan.named(Pair{Local: candidates[p.LocalCandidateID], Remote: candidates[p.RemoteCandidateID]}),
			State: p.State.String(), Selected: p.Nominated,
			ChecksSent: p.RequestsSent, ChecksAnswered: p.ResponsesReceived, ChecksReceived: p.RequestsReceived,
			RTT: p.CurrentRoundTripTime * 1000, Packets: uint64(p.PacketsReceived), FirstCheck: p.FirstRequestReceivedTimestamp,
		})
	}
	return tried[:min(len(tried), maxPairs)]
}

// pairs returns what pion's agent has tried. Its whole report is asked for before
// there is a path only: later pion may close the connection by itself, at the end of
// DTLS, and reading the report meanwhile is a race. What the selected pair tells then
// is laid over what was known.
func (l *publisherLink) pairs(known []TriedPair) []TriedPair {
	// Before ICE has started, pion still writes what the transport below would read.
	if l.pc.ICEConnectionState() <= webrtc.ICEConnectionStateChecking {
		return l.reported()
	}
	transport := l.pc.SCTP().Transport().ICETransport()
	selected, err := transport.GetSelectedCandidatePair()
	if err != nil || selected == nil {
		return nil
	}
	stats, ok := transport.GetSelectedCandidatePairStats()
	if !ok {
		return nil
	}
	pair := l.plan.named(Pair{Local: candidateOf(selected.Local), Remote: candidateOf(selected.Remote)})
	tried := slices.Clone(known)
	i := slices.IndexFunc(tried, func(t TriedPair) bool { return t.Pair == pair })
	if i < 0 {
		tried, i = append(tried, TriedPair{Pair: pair}), len(tried)
	}
	t := &tried[i]
	t.State, t.Selected = string(stats.State), true
	t.ChecksAnswered, t.Packets = stats.ResponsesReceived, uint64(stats.PacketsReceived)
	t.ChecksSent = max(t.ChecksSent, t.ChecksAnswered)
	t.RTT = stats.CurrentRoundTripTime * 1000
	return tried
}

// reported reads the pairs in pion's report.
func (l *publisherLink) reported() []TriedPair {
	report := l.pc.GetStats()
	candidate := func(id string) Candidate {
		c, _ := report[id].(webrtc.ICECandidateStats)
		return Candidate{
			Type: c.CandidateType.String(), Protocol: c.Protocol,
			Address: net.JoinHostPort(c.IP, strconv.Itoa(int(c.Port))),
		}
	}
	var tried []TriedPair
	for _, stats := range report {
		p, ok := stats.(webrtc.ICECandidatePairStats)
		if !ok || len(tried) == maxPairs {
			continue
		}
		pair := TriedPair{
			Pair:  l.plan.named(Pair{Local: candidate(p.LocalCandidateID), Remote: candidate(p.RemoteCandidateID)}),
			State: string(p.State), Selected: p.Nominated,
			ChecksSent: p.RequestsSent, ChecksAnswered: p.ResponsesReceived, ChecksReceived: p.RequestsReceived,
			RTT: p.CurrentRoundTripTime * 1000, Packets: uint64(p.PacketsReceived),
		}
		if p.FirstRequestReceivedTimestamp > 0 {
			pair.FirstCheck = p.FirstRequestReceivedTimestamp.Time()
		}
		tried = append(tried, pair)
	}
	return tried
}

// Examine asks ICE which pairs it has tried, for the next Info. It takes a moment
// of the agent's time, and is for who looks at one session.
func (s *Session) Examine() {
	s.examining.Lock()
	defer s.examining.Unlock()
	if s.ctx.Err() == nil { // else finish has asked for the last time, or will
		s.examine()
	}
}

// examine keeps what was tried, and what was known before when that is nothing any
// more. The caller holds examining, so that nothing is closed meanwhile.
func (s *Session) examine() {
	s.mu.Lock()
	known := s.life.pairs
	s.mu.Unlock()
	tried := s.link.pairs(known)
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

// examineHandshake keeps what is known of a handshake that failed. A PeerConnection
// says no more than that, but has the client's certificate; it holds a lock while it
// tells of its failure, so that only finish can ask.
func (s *Session) examineHandshake() {
	reason := s.Err()
	if !errors.Is(reason, ErrDTLSFailed) {
		return
	}
	wrong := errors.Is(reason, errWrongCertificate)
	if l, ok := s.link.(*publisherLink); ok {
		wrong = l.wrongCertificate()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.wrongCert = wrong
	s.life.dtlsError = strings.TrimPrefix(strings.TrimPrefix(reason.Error(), ErrDTLSFailed.Error()), ": ")
}

// firstCheck is when the first of the client's checks came, on whatever pair.
func firstCheck(pairs []TriedPair) (first time.Time) {
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
