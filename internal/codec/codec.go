// Package codec says what packets of a codec mean: where a picture that stands alone begins, how
// large it is, what a decoder has to know before it, which picture refers to which. It reads the
// payloads of RTP packets, one at a time, Annex B, and the format parameters of SDP; nothing else
// is in it: no sockets, no connection, no state. Each codec has a file of its own.
//
// Every function takes what a stranger sends: bytes that make no sense have no keyframe, no size
// and no ids. Those that are called for each packet do not allocate.
//
// The parsers are our own. Those of github.com/bluenviron/mediacommon were tried against them on
// what fuzzing found. They read whole access units where a relay has single packets, and allocate
// for each. Their H.265 pictures that stand alone lack BLA pictures (ITU-T H.265 table 7-1), their
// Annex B leaves zero bytes at the end of units (trailing_zero_8bits, ITU-T H.264 section B.1),
// and an SPS that ends early is an error to them, where its first bytes have the profile by which
// a viewer's decoder is chosen. On the SPS of real encoders they agree.
package codec

import "strings"

// The codecs that are relayed, as their media types are spelt in SDP.
const (
	H264 = "video/H264"
	H265 = "video/H265"
	VP8  = "video/VP8"
	VP9  = "video/VP9"
	AV1  = "video/AV1"
	Opus = "audio/opus"
	PCMU = "audio/PCMU"
	PCMA = "audio/PCMA"
	G722 = "audio/G722"
)

// Kind says whether a track is heard or seen.
type Kind uint8

// The two kinds of track. A stream has at most one of each.
const (
	Audio Kind = iota
	Video
	Kinds // how many there are
)

// String returns "audio" or "video", as in an SDP media line.
func (k Kind) String() string {
	if k == Video {
		return "video"
	}
	return "audio"
}

// Codec says what a layer carries, in the terms of an SDP rtpmap and fmtp line.
type Codec struct {
	MimeType  string // "video/H264", "audio/opus"
	ClockRate uint32 // Hz, the unit of RTP timestamps
	Channels  uint16 // audio only; 0 means one
	// Fmtp holds the format parameters, "key=value;key=value". For H.264 the
	// profile-level-id is the one of the publisher's real SPS once that was seen:
	// what publishers promise in SDP and what they send are often two things.
	Fmtp string
}

// Is compares media types, whatever their case.
func (c Codec) Is(mimeType string) bool { return strings.EqualFold(c.MimeType, mimeType) }

// Kind returns Audio or Video, by the media type.
func (c Codec) Kind() Kind {
	if strings.HasPrefix(strings.ToLower(c.MimeType), "video/") {
		return Video
	}
	return Audio
}

// Name returns the codec's name without the kind: "H264".
func (c Codec) Name() string {
	_, name, _ := strings.Cut(c.MimeType, "/")
	return name
}

// Named returns the media type of an rtpmap's name, spelt as pion spells it, and tells
// whether Porthole relays the codec.
func Named(kind, name string) (mimeType string, relayed bool) {
	mimeType = kind + "/" + name
	for _, known := range [...]string{H264, H265, VP8, VP9, AV1, Opus, PCMU, PCMA, G722} {
		if strings.EqualFold(mimeType, known) && strings.HasPrefix(known, kind+"/") {
			return known, true
		}
	}
	return mimeType, false
}

// RightClockRate returns the one that a codec that is relayed has, in Hz: timestamps of
// another would mean nothing to viewers.
func (c Codec) RightClockRate() uint32 {
	switch {
	case c.Is(Opus):
		return 48_000 // whatever the sound's rate is (RFC 7587 section 7)
	case strings.HasPrefix(c.MimeType, "audio/"):
		return 8_000 // G722 too, by an old mistake (RFC 3551 section 4.5.2)
	}
	return 90_000
}
