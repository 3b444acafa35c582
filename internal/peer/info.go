package peer

import (
	"slices"
	"time"

	"porthole/internal/sessioninfo"
)

// maxTimeline bounds what a connection that comes and goes adds to its timeline.
const maxTimeline = 64

// life is what is known about the course of a session.
type life struct {
	state         sessioninfo.State
	ice, dtls     string
	connection    string // as a whole
	answered      time.Time
	iceConnected  bool // ever
	up            bool // ever
	timeline      []sessioninfo.Event
	pair          *sessioninfo.Pair // never changed, only replaced
	local, remote []sessioninfo.Candidate
	pairs         []sessioninfo.TriedPair // never changed, only replaced
	firstCheck    time.Time
	dtlsError     string
	wrongCert     bool
}

func (l *life) record(event string) {
	if len(l.timeline) < maxTimeline {
		l.timeline = append(l.timeline, sessioninfo.Event{At: time.Now(), Event: event})
	}
}

// Info returns what is known about the session, also after its end.
func (s *Connection) Info() sessioninfo.Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := sessioninfo.Connection{
		Role: roleLabel(s.role), State: s.life.state, ICE: s.life.ice, DTLS: s.life.dtls, Connection: s.life.connection,
		Timeline: slices.Clone(s.life.timeline),
		Local:    slices.Clone(s.life.local), Remote: slices.Clone(s.life.remote), Selected: s.life.pair,
		Pairs: s.life.pairs, FirstCheck: s.life.firstCheck, Answered: s.life.answered,
		DTLSError: s.life.dtlsError, WrongCertificate: s.life.wrongCert,
		Idle: s.engine.settings.timeouts.FirstMedia,
	}
	if s.ingest != nil {
		info.Unexpected = s.ingest.unexpectedPayload()
		if s.ingest.latest.Load() != 0 {
			info.Idle = s.engine.settings.timeouts.MediaIdle
		}
	}
	if err := s.Err(); err != nil {
		info.Reason, info.End = err.Error(), endReasonOf(err).String()
	}
	return info
}

// State returns where the session is in its life.
func (s *Connection) State() sessioninfo.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life.state
}
