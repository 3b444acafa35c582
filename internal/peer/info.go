package peer

import (
	"slices"
	"time"
)

// State is where a session is in its life.
type State uint8

// The states of a session, in the order in which it can reach them first.
const (
	StateNew          State = iota // the answer is being made
	StateAnswered                  // nothing was heard of the client yet
	StateConnecting                // ICE or DTLS is under way
	StateConnected                 // media may flow
	StateDisconnected              // nothing arrived for Timeouts.ICEDisconnected; it may come back
	StateClosed                    // over; Info.Reason says why
	states
)

// String returns the state as one lower-case word.
func (s State) String() string {
	if s >= states {
		return "unknown"
	}
	return [states]string{"new", "answered", "connecting", "connected", "disconnected", "closed"}[s]
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Info is a session as it is shown to people, as JSON. It holds neither ids nor
// credentials.
type Info struct {
	Role   string `json:"role"` // "publisher" or "viewer"
	State  State  `json:"state"`
	Reason string `json:"reason,omitempty"` // why it ended
	// End is the kind of reason, as porthole_sessions_ended_total counts it.
	End  string `json:"end,omitempty"`
	ICE  string `json:"ice"`  // RTCIceConnectionState
	DTLS string `json:"dtls"` // RTCDtlsTransportState
	// Connection is RTCPeerConnectionState, put together from both.
	Connection string `json:"connection"`
	// Timeline says when what happened first: offer, answer, changes of the ICE
	// and DTLS states, connected, first media, closed.
	Timeline []Event `json:"timeline"`
	// Local and Remote are the ICE candidates of both sides. Of a client that sent
	// none, the one that was found by its checks is in Selected only.
	Local  []Candidate `json:"local"`
	Remote []Candidate `json:"remote"`
	// Selected is the pair that packets travel by; nil before there is one.
	Selected *Pair `json:"selected,omitempty"`
	// Pairs are those that were tried, as Session.Examine found them last and as they
	// were at the end.
	Pairs []TriedPair `json:"pairs"`
	// FirstCheck is when the client's first check came.
	FirstCheck time.Time `json:"firstCheck,omitzero"`
	// DTLSError is what a failed handshake said, where that is known.
	DTLSError string `json:"dtlsError,omitempty"`
	// WrongCertificate: the client proved to be somebody else than its offer says.
	WrongCertificate bool `json:"wrongCertificate,omitempty"`
	// Unexpected is what a publisher sends in vain; nil when there is nothing.
	Unexpected *UnexpectedPayload `json:"unexpectedPayload,omitempty"`
	// Answered is when the client could begin to connect.
	Answered time.Time `json:"-"`
	// Idle is how long a publisher may send nothing.
	Idle time.Duration `json:"-"`
}

// Event is one entry of a session's timeline.
type Event struct {
	At    time.Time `json:"at"`
	Event string    `json:"event"`
}

// Candidate is an ICE candidate (RFC 8445).
type Candidate struct {
	Type     string `json:"type"`     // "host", "srflx", "prflx" or "relay"
	Protocol string `json:"protocol"` // "udp" or "tcp"
	Address  string `json:"address"`  // IP and port
}

// Pair is the candidate pair that ICE selected.
type Pair struct {
	Local  Candidate `json:"local"`
	Remote Candidate `json:"remote"`
}

// maxTimeline bounds what a connection that comes and goes adds to its timeline.
const maxTimeline = 64

// life is what is known about the course of a session.
type life struct {
	state         State
	ice, dtls     string
	connection    string // as a whole
	answered      time.Time
	iceConnected  bool // ever
	up            bool // ever
	timeline      []Event
	pair          *Pair // never changed, only replaced
	local, remote []Candidate
	pairs         []TriedPair // never changed, only replaced
	firstCheck    time.Time
	dtlsError     string
	wrongCert     bool
}

func (l *life) record(event string) {
	if len(l.timeline) < maxTimeline {
		l.timeline = append(l.timeline, Event{At: time.Now(), Event: event})
	}
}

// Info returns what is known about the session, also after its end.
func (s *Session) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := Info{
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
func (s *Session) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life.state
}
