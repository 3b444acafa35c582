package negotiate

import (
	"cmp"
	"slices"

	"porthole/internal/codec"
)

// h264Format is the identity of an H.264 payload type (RFC 6184 section 8.2.2).
type h264Format struct {
	id         codec.H264ID
	hasProfile bool
	mode       string // packetization-mode, "" when it is not given
}

// h264FormatOf reads the parameters of a codec; ok is false when it cannot.
func h264FormatOf(c codec.Codec) (f h264Format, ok bool) {
	f.mode, _ = c.Parameter("packetization-mode")
	profileLevelID, given := c.Parameter("profile-level-id")
	if !given {
		return f, true
	}
	f.id, f.hasProfile = codec.ParseH264ID(profileLevelID)

	return f, f.hasProfile
}

// What a receiver that leaves a parameter out costs: it is a last resort, behind all
// that say that they take the stream.
const (
	h264UnsaidMode    = 100
	h264UnsaidProfile = 2 * h264UnsaidMode
)

// h264Fit returns how well an offered payload type takes a stream: 0 is best,
// negative is not at all. The level is left out of it, because a stream has the
// level that it has and players decode above the level that they announce.
//
// By RFC 6184 section 8.1 a payload type that says nothing is Baseline in mode 0,
// which nobody sends. The receivers that say nothing, or leave half of it out, are
// libraries and gateways that depacketize and decode what comes; browsers say all
// of it. So an unsaid parameter is no reason to refuse.
func h264Fit(stream, offered codec.Codec) int {
	s, ok := h264FormatOf(stream)
	if !ok {
		return -1
	}
	o, ok := h264FormatOf(offered)
	if !ok {
		return -1
	}
	mode, profile := h264ModeFit(s.mode, o.mode), h264ProfileFit(s, o)
	if mode < 0 || profile < 0 {
		return -1
	}

	return 2*profile + mode
}

// h264ModeFit compares packetization modes. A mode 0 stream is also a valid mode 1
// stream. A stream that does not say otherwise uses mode 1, as everybody does.
func h264ModeFit(stream, offered string) int {
	switch {
	case offered == "":
		return h264UnsaidMode
	case offered == cmp.Or(stream, "1"):
		return 0
	case stream == "0" && offered == "1":
		return 1
	}

	return -1
}

// h264ProfileFit returns how far the offered profile is from that of the stream.
func h264ProfileFit(s, o h264Format) int {
	profile := codec.H264Baseline // RFC 6184 section 8.1
	if s.hasProfile {
		profile = s.id.Profile()
	}
	if !o.hasProfile {
		if profile.Common() {
			return h264UnsaidProfile
		}
		return -1
	}
	if profile == codec.H264Other && (s.id.IDC != o.id.IDC || s.id.Flags != o.id.Flags) {
		return -1
	}

	return slices.Index(profile.Decoders(), o.id.Profile())
}
