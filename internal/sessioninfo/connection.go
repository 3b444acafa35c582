package sessioninfo

import (
	"fmt"
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
	StateDisconnected              // nothing arrived for peer.Timeouts.ICEDisconnected; it may come back
	StateClosed                    // over; Connection.Reason says why
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

// Connection is a session's connection as it is shown to people, as JSON. It holds
// neither ids nor credentials.
type Connection struct {
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
	// Pairs are those that were tried, as peer.Session.Examine found them last and as they
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

// UnexpectedPayload is media that nobody can use: packets whose payload type is not that of
// their track, while a track has none.
type UnexpectedPayload struct {
	PayloadType uint8  `json:"payloadType"` // the most frequent one
	Packets     uint64 `json:"packets"`     // that came with it, and were dropped
	// Agreed is what the answer agreed on for the tracks that get nothing.
	Agreed []AgreedPayload `json:"agreed"`
}

// AgreedPayload is a payload type of an answer.
type AgreedPayload struct {
	PayloadType uint8  `json:"payloadType"`
	Codec       string `json:"codec"` // such as "H264"
}

// String returns "96 (H264)".
func (a AgreedPayload) String() string { return fmt.Sprintf("%d (%s)", a.PayloadType, a.Codec) }
