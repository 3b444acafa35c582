package api

import (
	"context"
	"math"
	"time"

	"porthole/internal/advice"
	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/sessioninfo"
)

// StreamList is the document of /api/streams and the data of every event of
// /api/events:
//
//	{"streams": [ … ], "publishToken": true}
type StreamList struct {
	Streams      []Stream `json:"streams"`                // by name; never null
	PublishToken bool     `json:"publishToken,omitempty"` // whether publishing takes a token
}

// Stream is one stream:
//
//	{"name": "webcam", "live": true, "state": "live", "source": "camera", "viewers": 2, "since": "2026-11-21T08:15:00Z",
//	 "snapshot": true, "tracks": [{"kind": "video", "codec": "H264", "fmtp": "…", "width": 1280, "height": 720,
//	             "bitrate": 2500000, "fps": 30}, {"kind": "audio", "codec": "opus", "bitrate": 32000}]}
type Stream struct {
	Name  string `json:"name"`
	Live  bool   `json:"live"`  // a viewer who joins now sees or hears something
	State string `json:"state"` // "live"; "waiting" for a publisher; "standby": begins when a viewer joins; "fallback"; "stalled": nothing has come for 2 s
	// Fallback is the stream that is shown while the publisher is away, and described
	// by the rest. It is left out otherwise.
	Fallback string `json:"fallback,omitempty"`
	Source   string `json:"source"` // "camera", "pattern", "whip"; empty when nobody publishes or will
	// SourceState says for people how a source on this machine is, as "camera
	// unplugged", or that "the publisher has stopped sending". It is left out when there is nothing to say.
	SourceState string `json:"sourceState,omitempty"`

	Viewers  int       `json:"viewers"`            // who hold a place, those that are connecting among them
	Readers  int       `json:"readers,omitempty"`  // who read it on this machine, as recorders do, and hold no place
	Since    time.Time `json:"since,omitzero"`     // when the publisher came, RFC 3339; left out without one
	Snapshot bool      `json:"snapshot,omitempty"` // a picture can be had at /snapshot/NAME.jpg
	// LastPicture is when the picture was taken that a source which is off showed last: it can be
	// had at /snapshot/NAME.jpg?wake=0. It is left out while the source works, and when it has shown nothing yet.
	LastPicture time.Time `json:"lastPicture,omitzero"`
	Tracks      []Track   `json:"tracks"` // never null; several of a kind when the publisher sends simulcast
	// Warnings says what of the stream hurts viewers now, and which setting of the
	// publisher mends it; left out when nothing does.
	Warnings []sessioninfo.Warning `json:"warnings,omitempty"`
}

// Track is one encoding of a track. What is not known, or does not apply, is left out.
type Track struct {
	Kind    string  `json:"kind"`            // "video" or "audio"
	Codec   string  `json:"codec"`           // as in SDP: "H264", "VP8", "opus"
	Fmtp    string  `json:"fmtp,omitempty"`  // the codec's parameters, as in SDP
	RID     string  `json:"rid,omitempty"`   // which simulcast layer
	Width   int     `json:"width,omitempty"` // pixels
	Height  int     `json:"height,omitempty"`
	Bitrate uint64  `json:"bitrate,omitempty"` // bits a second, over the last second
	FPS     float64 `json:"fps,omitempty"`     // pictures a second, over the last second
	// NominalBitrate is what a source on this machine encodes to, in bits a second.
	NominalBitrate uint64 `json:"nominalBitrate,omitempty"`
	// OnDemand says that the encoding comes only while some viewer needs it; it can be chosen all the same.
	OnDemand bool `json:"onDemand,omitempty"`
}

func (a *API) streamList() StreamList {
	infos := a.cfg.Streams.Streams()
	list := StreamList{Streams: make([]Stream, len(infos)), PublishToken: !a.cfg.Auth.Open(context.Background(), auth.Publish, "")}
	for i, info := range infos {
		list.Streams[i] = a.newStream(info)
	}
	return list
}

func (a *API) newStream(info broadcast.StreamInfo) Stream {
	s := Stream{
		Name: info.Name, Live: info.Live, State: info.State.String(), Fallback: info.Fallback, Source: info.Source, SourceState: info.SourceState,
		Viewers:  info.Viewers,
		Readers:  info.Readers,
		Snapshot: a.cfg.Snapshot != nil && a.cfg.Snapshot(info),
		Tracks:   make([]Track, len(info.Tracks)),
	}
	if !info.Since.IsZero() {
		s.Since = info.Since.UTC().Truncate(time.Second)
	}
	if info.State == broadcast.StateStandby && a.cfg.LastPicture != nil {
		if at := a.cfg.LastPicture(info.Name); !at.IsZero() {
			s.LastPicture = at.UTC().Truncate(time.Millisecond)
		}
	}
	advise := advice.All
	if info.Source == "camera" {
		advise = advice.OnCamera
	}
	for i, t := range info.Tracks {
		s.Warnings = append(s.Warnings, advise(t.Warnings)...)
		s.Tracks[i] = Track{
			Kind: t.Codec.Kind().String(), Codec: t.Codec.Name(), Fmtp: t.Codec.Fmtp, RID: t.RID,
			Width: t.Width, Height: t.Height, Bitrate: t.Bitrate, FPS: math.Round(10*t.FrameRate) / 10,
			NominalBitrate: t.Nominal, OnDemand: t.OnDemand,
		}
	}
	return s
}
