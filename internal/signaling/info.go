package signaling

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"porthole/internal/advice"
	"porthole/internal/broadcast"
	"porthole/internal/diagnosis"
	"porthole/internal/peer"
)

// SessionInfo is a session as the API shows it. It holds neither tokens nor ICE
// credentials nor SDP.
type SessionInfo struct {
	ID       string    `json:"id"`
	Protocol string    `json:"protocol"` // "whip" or "whep"
	Stream   string    `json:"stream"`
	Since    time.Time `json:"since"`
	// Client is the address that the offer came from.
	Client string `json:"client"`
	// Ended is when the session ended; left out while it lives.
	Ended time.Time `json:"ended,omitzero"`
	// Path is how packets travel: "udp", "tcp" or "relay"; "" before there is one.
	Path string `json:"path,omitempty"`
	// Code and Diagnosis say why the session did not come up, or came up slowly, or
	// went down (package diagnosis); Diagnosis is empty when there is nothing to tell.
	Code      diagnosis.Code `json:"code"`
	Diagnosis string         `json:"diagnosis,omitempty"`
	Detail
}

// Diagnosis is what a session's own page may know of it.
type Diagnosis struct {
	State     peer.State     `json:"state"`
	Code      diagnosis.Code `json:"code"`
	Diagnosis string         `json:"diagnosis"` // "" when there is nothing to tell
}

// Brief is one line of the list of sessions.
type Brief struct {
	ID        string         `json:"id"`
	Protocol  string         `json:"protocol"` // "whip" or "whep"
	Stream    string         `json:"stream"`
	State     peer.State     `json:"state"`
	Since     time.Time      `json:"since"`
	Ended     time.Time      `json:"ended,omitzero"`
	Client    string         `json:"client"`
	Path      string         `json:"path,omitempty"` // "udp", "tcp" or "relay"
	Reason    string         `json:"reason,omitempty"`
	Code      diagnosis.Code `json:"code"`
	Diagnosis string         `json:"diagnosis,omitempty"`
	Packets   uint64         `json:"packets"`         // sent to a viewer, received of a publisher
	Drops     uint64         `json:"drops"`           // packets that a viewer was not sent
	RTT       float64        `json:"rttMs,omitempty"` // milliseconds
	// Warnings says what of a publisher's stream hurts viewers; left out when nothing does.
	Warnings []advice.Warning `json:"warnings,omitempty"`
}

// Examiner may be implemented by a Session that can find out more about itself when
// somebody looks.
type Examiner interface{ Examine() }

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
	// Warnings says what of the stream hurts viewers, now or when the session ended.
	Warnings []advice.Warning `json:"warnings,omitempty"`
}

// ViewerInfo is what is known of a viewer's reception.
type ViewerInfo struct {
	Packets      uint64            `json:"packets"` // RTP packets sent
	Bytes        uint64            `json:"bytes"`   // of their payloads
	Resent       uint64            `json:"resent"`  // sent again for a NACK
	NACKs        uint64            `json:"nacks"`
	PLIs         uint64            `json:"plis"`
	Dropped      map[string]uint64 `json:"dropped"`       // packets not sent, by reason
	RTT          float64           `json:"rttMs"`         // milliseconds; 0: unknown
	FractionLost float64           `json:"fractionLost"`  // 0 to 1, of the last receiver report
	RID          string            `json:"rid,omitempty"` // of the encoding that is sent, with simulcast
	// AwaitsKeyframe says that no picture is sent until the publisher's next keyframe.
	AwaitsKeyframe bool    `json:"awaitsKeyframe,omitempty"`
	Probes         uint64  `json:"probes,omitempty"` // packets sent again to find out what the path carries
	Network        Network `json:"network"`
}

// NewViewerInfo puts a viewer's numbers into the form of the API.
func NewViewerInfo(s broadcast.ViewerStats) *ViewerInfo {
	info := &ViewerInfo{
		Packets: s.Packets, Bytes: s.Bytes, Resent: s.Resent, NACKs: s.NACKs, PLIs: s.PLIs,
		Dropped:      make(map[string]uint64),
		RTT:          float64(s.RTT.Microseconds()) / 1000,
		FractionLost: s.FractionLost,
		RID:          s.RID, AwaitsKeyframe: s.AwaitsKeyframe, Probes: s.Probes, Network: NewNetwork(s),
	}
	for _, reason := range broadcast.DropReasons() {
		if n := s.Drops[reason]; n > 0 {
			info.Dropped[reason.String()] = n
		}
	}
	return info
}

// Info describes a session that lives or has ended a while ago; ok is false when
// there is none with this id.
func (t *Table) Info(id string) (info SessionInfo, ok bool) {
	e, ended := t.lookUp(id)
	switch {
	case ended != nil:
		return ended.describe(), true
	case e == nil:
		return SessionInfo{}, false
	}
	if examiner, ok := e.session.(Examiner); ok {
		examiner.Examine()
	}
	return e.describe(nil, time.Now()), true
}

// Diagnosis says what is, or was, the matter with a session.
func (t *Table) Diagnosis(id string) (d Diagnosis, ok bool) {
	info, ok := t.Info(id)
	return Diagnosis{State: info.State, Code: info.Code, Diagnosis: info.Diagnosis}, ok
}

// Transcript returns the signalling of a session.
func (t *Table) Transcript(id string) (transcript Transcript, ok bool) {
	e, ended := t.lookUp(id)
	var log *exchangeLog
	switch {
	case ended != nil:
		transcript = Transcript{Protocol: ended.info.Protocol, Stream: ended.info.Stream, Client: ended.info.Client}
		log = ended.history.log
	case e != nil:
		transcript = Transcript{Protocol: protocolOf(e.role), Stream: e.stream, Client: e.client}
		log = e.log
	default:
		return Transcript{}, false
	}
	transcript.Session = id
	transcript.Exchanges, transcript.Omitted = log.read()
	return transcript, true
}

// Sessions lists the sessions that live, and after them those that have ended a
// while ago; the newest come first in both.
func (t *Table) Sessions() []Brief {
	now := time.Now()
	t.mu.Lock()
	live := slices.Collect(maps.Values(t.sessions))
	ended := t.ended.all(now)
	t.mu.Unlock()
	list := make([]Brief, 0, len(live)+len(ended))
	slices.SortFunc(live, func(a, b *entry) int {
		return cmp.Or(b.since.Compare(a.since), strings.Compare(a.id, b.id))
	})
	for _, e := range live {
		list = append(list, e.describe(nil, now).brief())
	}
	for _, e := range slices.Backward(ended) {
		list = append(list, e.describe().brief())
	}
	return list
}

// lookUp finds a session that lives, or one that has ended.
func (t *Table) lookUp(id string) (*entry, *endedSession) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.sessions[id]; e != nil {
		return e, nil
	}
	return nil, t.ended.find(id, time.Now())
}

// exchanges returns where the signalling of a session is noted; nil without one.
func (t *Table) exchanges(id string) *exchangeLog {
	e, ended := t.lookUp(id)
	switch {
	case e != nil:
		return e.log
	case ended != nil:
		return ended.history.log
	default:
		return nil
	}
}

// describe tells all of a session. reason is why it ended, nil while it lives.
func (e *entry) describe(reason error, now time.Time) SessionInfo {
	detail := e.session.Detail()
	verdict := history{e.role, e.client, e.log, reason}.diagnose(detail, now)
	return SessionInfo{
		ID: e.id, Protocol: protocolOf(e.role), Stream: e.stream, Since: e.since, Client: e.client,
		Path: pathOf(detail.Peer.Selected), Code: verdict.Code, Diagnosis: verdict.Sentence, Detail: detail,
	}
}

// pathOf names the way that packets take.
func pathOf(pair *peer.Pair) string {
	switch {
	case pair == nil:
		return ""
	case pair.Local.Type == "relay" || pair.Remote.Type == "relay":
		return "relay"
	default:
		return pair.Remote.Protocol
	}
}

func (i SessionInfo) brief() Brief {
	b := Brief{
		ID: i.ID, Protocol: i.Protocol, Stream: i.Stream, State: i.State, Since: i.Since, Ended: i.Ended,
		Client: i.Client, Path: i.Path, Reason: i.Peer.Reason, Code: i.Code, Diagnosis: i.Diagnosis,
	}
	if i.Viewer != nil {
		b.Packets, b.RTT = i.Viewer.Packets, i.Viewer.RTT
		for _, n := range i.Viewer.Dropped {
			b.Drops += n
		}
	}
	if i.Publisher != nil {
		b.Packets, b.Warnings = i.Publisher.Packets, i.Publisher.Warnings
	}
	return b
}
