package sessioninfo

import (
	"time"

	"porthole/internal/diagnosis"
)

// Session is a session as the API shows it. It holds neither tokens nor ICE
// credentials nor SDP.
type Session struct {
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
	State     State          `json:"state"`
	Code      diagnosis.Code `json:"code"`
	Diagnosis string         `json:"diagnosis"` // "" when there is nothing to tell
}

// Brief is one line of the list of sessions.
type Brief struct {
	ID        string         `json:"id"`
	Protocol  string         `json:"protocol"` // "whip" or "whep"
	Stream    string         `json:"stream"`
	State     State          `json:"state"`
	Since     time.Time      `json:"since"`
	Ended     time.Time      `json:"ended,omitzero"`
	Client    string         `json:"client"`
	Path      string         `json:"path,omitempty"` // "udp", "tcp" or "relay"
	Reason    string         `json:"reason,omitempty"`
	Code      diagnosis.Code `json:"code"`
	Diagnosis string         `json:"diagnosis,omitempty"`
	Packets   uint64         `json:"packets"`         // sent to a viewer, received of a publisher
	Bytes     uint64         `json:"bytes"`           // of their payloads
	Drops     uint64         `json:"drops"`           // packets that a viewer was not sent
	Loss      float64        `json:"loss,omitempty"`  // 0 to 1, as a viewer reported it last
	RTT       float64        `json:"rttMs,omitempty"` // milliseconds
	// Warnings says what of a publisher's stream hurts viewers; left out when nothing does.
	Warnings []Warning `json:"warnings,omitempty"`
}

// Brief is the session as one line.
func (s Session) Brief() Brief {
	b := Brief{
		ID: s.ID, Protocol: s.Protocol, Stream: s.Stream, State: s.State, Since: s.Since, Ended: s.Ended,
		Client: s.Client, Path: s.Path, Reason: s.Peer.Reason, Code: s.Code, Diagnosis: s.Diagnosis,
	}
	if s.Viewer != nil {
		b.Packets, b.Bytes, b.RTT, b.Loss = s.Viewer.Packets, s.Viewer.Bytes, s.Viewer.RTT, s.Viewer.FractionLost
		for _, n := range s.Viewer.Dropped {
			b.Drops += n
		}
	}
	if s.Publisher != nil {
		b.Packets, b.Bytes, b.Warnings = s.Publisher.Packets, s.Publisher.Bytes, s.Publisher.Warnings
	}
	return b
}

// Detail is what a session says about itself.
type Detail struct {
	State  State      `json:"state"`
	Peer   Connection `json:"peer"`
	Viewer *Viewer    `json:"viewer,omitempty"` // of a WHEP session
	// Publisher is what came in, of a WHIP session.
	Publisher *Publisher `json:"publisher,omitempty"`
}

// Publisher counts what a publisher has sent.
type Publisher struct {
	Packets uint64 `json:"packets"` // RTP packets
	Bytes   uint64 `json:"bytes"`   // of their payloads
	// Warnings says what of the stream hurts viewers, now or when the session ended.
	Warnings []Warning `json:"warnings,omitempty"`
}

// Viewer is what is known of a viewer's reception.
type Viewer struct {
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

// Network is what is known of the path to a viewer, and of what it is sent for that reason.
type Network struct {
	State string `json:"state"` // "steady", "early-warning" or "congested"
	// LimitedBy says what holds the picture down: "queue", "loss", "remb" (the client's own estimate), "silence" (no
	// feedback), or "probing" after one of those; left out when nothing does.
	LimitedBy string `json:"limitedBy,omitempty"`
	Estimate  uint64 `json:"estimate,omitempty"` // bits per second that the path carries; left out while it has carried everything
	Needs     uint64 `json:"needs,omitempty"`    // bits per second that the picture takes at least, with the sound
	Fits      bool   `json:"fits"`               // the path carries that
	Queue     int64  `json:"queueMs,omitempty"`  // milliseconds that packets wait in the path
	RID       string `json:"rid,omitempty"`      // of the encoding that is sent, with several
	Width     int    `json:"width,omitempty"`    // pixels
	Height    int    `json:"height,omitempty"`
	// Temporal is the highest temporal layer that is sent, from 0, of TemporalLayers; left out when there is one.
	Temporal       *int `json:"temporal,omitempty"`
	TemporalLayers int  `json:"temporalLayers,omitempty"`
}

// Warning is what is the matter with a layer of a stream, for the API and for people:
//
//	{"code": "keyframe_interval", "interval": 8.3, "sentence": "…", "obs": "…", "ffmpeg": "…"}
type Warning struct {
	Code string `json:"code"`          // of broadcast.WarningCode
	RID  string `json:"rid,omitempty"` // which layer, with simulcast
	// Interval is how many seconds the last two keyframes were apart; left out when there
	// was one only, or something else is the matter.
	Interval float64 `json:"interval,omitempty"`
	// Profile is the H.264 profile that is the matter: "High".
	Profile  string `json:"profile,omitempty"`
	Sentence string `json:"sentence"` // what viewers notice, and why
	OBS      string `json:"obs"`      // the setting of OBS
	FFmpeg   string `json:"ffmpeg"`   // the options of FFmpeg
	// Camera is what mends it where a camera of this machine has encoded it, in the place of both; left out of all else.
	Camera string `json:"camera,omitempty"`
}
