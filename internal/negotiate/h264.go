package negotiate

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// h264Profile is a sub-profile of H.264: a profile_idc together with those
// constraint flags that change what a decoder must be able to do.
type h264Profile uint8

const (
	h264Other h264Profile = iota // compared by profile_idc and flags
	h264ConstrainedBaseline
	h264Baseline
	h264Main
	h264Extended
	h264ConstrainedHigh
	h264High
	h264High10
	h264High422
	h264High444
)

// String returns the name that encoders show in their settings.
func (p h264Profile) String() string {
	names := [...]string{
		h264Other:               "Other",
		h264ConstrainedBaseline: "Constrained Baseline",
		h264Baseline:            "Baseline",
		h264Main:                "Main",
		h264Extended:            "Extended",
		h264ConstrainedHigh:     "Constrained High",
		h264High:                "High",
		h264High10:              "High 10",
		h264High422:             "High 4:2:2",
		h264High444:             "High 4:4:4",
	}
	if int(p) >= len(names) {
		return names[h264Other]
	}

	return names[p]
}

// decoders lists which profiles' decoders play a stream of profile p, the
// closest one first. Constrained Baseline holds only tools that all others have,
// and Main is a subset of High; it never works the other way round. Baseline is
// a dead end, because nothing else has its slice groups.
func (p h264Profile) decoders() []h264Profile {
	switch p {
	case h264ConstrainedBaseline:
		return []h264Profile{p, h264Baseline, h264Main, h264ConstrainedHigh, h264High, h264High444}
	case h264Main, h264ConstrainedHigh:
		return []h264Profile{p, h264High, h264High444}
	case h264High:
		return []h264Profile{p, h264High444}
	default:
		return []h264Profile{p}
	}
}

// common tells the profiles of 8 bits and 4:2:0, which are the cameras' and the
// web's: a decoder that names no profile is taken to have them.
func (p h264Profile) common() bool {
	switch p {
	case h264ConstrainedBaseline, h264Baseline, h264Main, h264ConstrainedHigh, h264High:
		return true
	default:
		return false
	}
}

// h264ID is a parsed profile-level-id.
type h264ID struct {
	idc, flags, level uint8
}

// H.264 constraint flags, in the second byte of profile-level-id.
const (
	h264Set0 = 1 << (7 - iota)
	h264Set1
	_ // constraint_set2: also conforms to Extended
	h264Set3
	h264Set4
	h264Set5
)

// parseH264ID reads a profile-level-id. One released FFmpeg wrote seven digits
// for Constrained Baseline, its internal flag 0x200 in the place of two digits.
func parseH264ID(s string) (h264ID, bool) {
	if len(s) == 7 && s[2:5] == "200" {
		s = s[:2] + "40" + s[5:]
	}
	if len(s) != 6 {
		return h264ID{}, false
	}
	v, err := strconv.ParseUint(s, 16, 24)
	if err != nil {
		return h264ID{}, false
	}

	return h264ID{idc: uint8(v >> 16), flags: uint8(v >> 8), level: uint8(v)}, true
}

// profile maps profile_idc and flags as RFC 6184 table 5 does. It looks only at
// the flags that tell profiles apart, since encoders set the others freely.
func (id h264ID) profile() h264Profile {
	flag := func(f uint8) bool { return id.flags&f != 0 }
	switch id.idc {
	case 66:
		if flag(h264Set1) {
			return h264ConstrainedBaseline
		}
		return h264Baseline
	case 77:
		if flag(h264Set0) {
			return h264ConstrainedBaseline
		}
		return h264Main
	case 88:
		switch {
		case flag(h264Set0) && flag(h264Set1):
			return h264ConstrainedBaseline
		case flag(h264Set0):
			return h264Baseline
		}
		return h264Extended
	case 100:
		if flag(h264Set4) && flag(h264Set5) {
			return h264ConstrainedHigh
		}
		return h264High
	}
	// The intra-only variants of these are other profiles.
	if !flag(h264Set3) {
		switch id.idc {
		case 110:
			return h264High10
		case 122:
			return h264High422
		case 244:
			return h264High444
		}
	}

	return h264Other
}

// levelName returns "3.1" for level_idc 31. Level 1b is a flag in the older
// profiles and a number of its own in the newer ones (H.264 annex A.3).
func (id h264ID) levelName() string {
	oldProfile := id.idc == 66 || id.idc == 77 || id.idc == 88
	if id.level == 9 || id.level == 11 && oldProfile && id.flags&h264Set3 != 0 {
		return "1b"
	}
	if id.level%10 == 0 {
		return strconv.Itoa(int(id.level / 10))
	}

	return fmt.Sprintf("%d.%d", id.level/10, id.level%10)
}

// ProfileName says in words what an H.264 profile-level-id means, such as
// "Constrained Baseline 3.1" for 42e01f. It is meant for messages; what it
// cannot read it returns in quotes.
func ProfileName(profileLevelID string) string {
	id, ok := parseH264ID(profileLevelID)
	if !ok {
		return strconv.Quote(clip(profileLevelID))
	}
	if p := id.profile(); p != h264Other {
		return p.String() + " " + id.levelName()
	}

	return fmt.Sprintf("profile_idc %d %s", id.idc, id.levelName())
}

// h264Format is the identity of an H.264 payload type (RFC 6184 section 8.2.2).
type h264Format struct {
	id         h264ID
	hasProfile bool
	mode       string // packetization-mode, "" when it is not given
}

// h264FormatOf reads the parameters of a codec; ok is false when it cannot.
func h264FormatOf(c Codec) (f h264Format, ok bool) {
	f.mode, _ = fmtpParameter(c.Fmtp, "packetization-mode")
	profileLevelID, given := fmtpParameter(c.Fmtp, "profile-level-id")
	if !given {
		return f, true
	}
	f.id, f.hasProfile = parseH264ID(profileLevelID)

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
func h264Fit(stream, offered Codec) int {
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
	profile := h264Baseline // RFC 6184 section 8.1
	if s.hasProfile {
		profile = s.id.profile()
	}
	if !o.hasProfile {
		if profile.common() {
			return h264UnsaidProfile
		}
		return -1
	}
	if profile == h264Other && (s.id.idc != o.id.idc || s.id.flags != o.id.flags) {
		return -1
	}

	return slices.Index(profile.decoders(), o.id.profile())
}

func describeH264(c Codec) string {
	profile := "without profile-level-id"
	if id, ok := fmtpParameter(c.Fmtp, "profile-level-id"); ok {
		profile = ProfileName(id)
	}
	if mode, ok := fmtpParameter(c.Fmtp, "packetization-mode"); ok {
		return "H264 " + profile + " mode " + clip(mode)
	}

	return "H264 " + profile
}
