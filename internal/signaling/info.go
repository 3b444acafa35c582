package signaling

import (
	"time"

	"porthole/internal/broadcast"
	"porthole/internal/peer"
)

// SessionInfo is a session as the API shows it. It holds neither tokens nor ICE
// credentials nor SDP.
type SessionInfo struct {
	ID       string    `json:"id"`
	Protocol string    `json:"protocol"` // "whip" or "whep"
	Stream   string    `json:"stream"`
	Since    time.Time `json:"since"`
	Detail
}

// Detail is what a Session says about itself.
type Detail struct {
	State  peer.State  `json:"state"`
	Peer   peer.Info   `json:"peer"`
	Viewer *ViewerInfo `json:"viewer,omitempty"` // of a WHEP session
	// Publisher is what came in, of a WHIP session.
	Publisher *PublisherInfo `json:"publisher,omitempty"`
}

// PublisherInfo counts what a publisher has sent.
type PublisherInfo struct {
	Packets uint64 `json:"packets"` // RTP packets
	Bytes   uint64 `json:"bytes"`   // of their payloads
}

// ViewerInfo is what is known of a viewer's reception.
type ViewerInfo struct {
	Packets      uint64            `json:"packets"` // RTP packets sent
	Bytes        uint64            `json:"bytes"`   // of their payloads
	Resent       uint64            `json:"resent"`  // sent again for a NACK
	NACKs        uint64            `json:"nacks"`
	PLIs         uint64            `json:"plis"`
	Dropped      map[string]uint64 `json:"dropped"`      // packets not sent, by reason
	RTT          float64           `json:"rttMs"`        // milliseconds; 0: unknown
	FractionLost float64           `json:"fractionLost"` // 0 to 1, of the last receiver report
}

// NewViewerInfo puts a viewer's numbers into the form of the API.
func NewViewerInfo(s broadcast.ViewerStats) *ViewerInfo {
	info := &ViewerInfo{
		Packets: s.Packets, Bytes: s.Bytes, Resent: s.Resent, NACKs: s.NACKs, PLIs: s.PLIs,
		Dropped:      make(map[string]uint64),
		RTT:          float64(s.RTT.Microseconds()) / 1000,
		FractionLost: s.FractionLost,
	}
	for _, reason := range broadcast.DropReasons() {
		if n := s.Drops[reason]; n > 0 {
			info.Dropped[reason.String()] = n
		}
	}
	return info
}

// Info describes a live session; ok is false when there is none with this id.
func (t *Table) Info(id string) (info SessionInfo, ok bool) {
	t.mu.Lock()
	e := t.sessions[id]
	t.mu.Unlock()
	if e == nil {
		return SessionInfo{}, false
	}
	return SessionInfo{
		ID: e.id, Protocol: protocolOf(e.role), Stream: e.stream, Since: e.since,
		Detail: e.session.Detail(),
	}, true
}
