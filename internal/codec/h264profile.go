package codec

import (
	"fmt"
	"strconv"
)

// H264Profile is a sub-profile of H.264: a profile_idc together with those
// constraint flags that change what a decoder must be able to do.
type H264Profile uint8

// The sub-profiles (ITU-T H.264 annex A.2).
const (
	H264Other H264Profile = iota // compared by profile_idc and flags
	H264ConstrainedBaseline
	H264Baseline
	H264Main
	H264Extended
	H264ConstrainedHigh
	H264High
	H264High10
	H264High422
	H264High444
)

// String returns the name that encoders show in their settings.
func (p H264Profile) String() string {
	names := [...]string{
		H264Other:               "Other",
		H264ConstrainedBaseline: "Constrained Baseline",
		H264Baseline:            "Baseline",
		H264Main:                "Main",
		H264Extended:            "Extended",
		H264ConstrainedHigh:     "Constrained High",
		H264High:                "High",
		H264High10:              "High 10",
		H264High422:             "High 4:2:2",
		H264High444:             "High 4:4:4",
	}
	if int(p) >= len(names) {
		return names[H264Other]
	}
	return names[p]
}

// Decoders lists which profiles' decoders play a stream of profile p, the
// closest one first. Constrained Baseline holds only tools that all others have,
// and Main is a subset of High; it never works the other way round. Baseline is
// a dead end, because nothing else has its slice groups.
func (p H264Profile) Decoders() []H264Profile {
	switch p {
	case H264ConstrainedBaseline:
		return []H264Profile{p, H264Baseline, H264Main, H264ConstrainedHigh, H264High, H264High444}
	case H264Main, H264ConstrainedHigh:
		return []H264Profile{p, H264High, H264High444}
	case H264High:
		return []H264Profile{p, H264High444}
	default:
		return []H264Profile{p}
	}
}

// Common tells the profiles of 8 bits and 4:2:0, which are the cameras' and the
// web's: a decoder that names no profile is taken to have them.
func (p H264Profile) Common() bool {
	switch p {
	case H264ConstrainedBaseline, H264Baseline, H264Main, H264ConstrainedHigh, H264High:
		return true
	default:
		return false
	}
}

// H264ID is a parsed profile-level-id.
type H264ID struct {
	IDC, Flags, Level uint8
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

// ParseH264ID reads a profile-level-id. One released FFmpeg wrote seven digits
// for Constrained Baseline, its internal flag 0x200 in the place of two digits.
func ParseH264ID(s string) (H264ID, bool) {
	if len(s) == 7 && s[2:5] == "200" {
		s = s[:2] + "40" + s[5:]
	}
	if len(s) != 6 {
		return H264ID{}, false
	}
	v, err := strconv.ParseUint(s, 16, 24)
	if err != nil {
		return H264ID{}, false
	}
	return H264ID{IDC: uint8(v >> 16), Flags: uint8(v >> 8), Level: uint8(v)}, true
}

// Profile maps profile_idc and flags as RFC 6184 table 5 does. It looks only at
// the flags that tell profiles apart, since encoders set the others freely.
func (id H264ID) Profile() H264Profile {
	flag := func(f uint8) bool { return id.Flags&f != 0 }
	switch id.IDC {
	case 66:
		if flag(h264Set1) {
			return H264ConstrainedBaseline
		}
		return H264Baseline
	case 77:
		if flag(h264Set0) {
			return H264ConstrainedBaseline
		}
		return H264Main
	case 88:
		switch {
		case flag(h264Set0) && flag(h264Set1):
			return H264ConstrainedBaseline
		case flag(h264Set0):
			return H264Baseline
		}
		return H264Extended
	case 100:
		if flag(h264Set4) && flag(h264Set5) {
			return H264ConstrainedHigh
		}
		return H264High
	}
	// The intra-only variants of these are other profiles.
	if !flag(h264Set3) {
		switch id.IDC {
		case 110:
			return H264High10
		case 122:
			return H264High422
		case 244:
			return H264High444
		}
	}
	return H264Other
}

// levelName returns "3.1" for level_idc 31. Level 1b is a flag in the older
// profiles and a number of its own in the newer ones (H.264 annex A.3).
func (id H264ID) levelName() string {
	oldProfile := id.IDC == 66 || id.IDC == 77 || id.IDC == 88
	if id.Level == 9 || id.Level == 11 && oldProfile && id.Flags&h264Set3 != 0 {
		return "1b"
	}
	if id.Level%10 == 0 {
		return strconv.Itoa(int(id.Level / 10))
	}
	return fmt.Sprintf("%d.%d", id.Level/10, id.Level%10)
}

// ProfileName says in words what an H.264 profile-level-id means, such as
// "Constrained Baseline 3.1" for 42e01f. It is meant for messages; what it
// cannot read it returns in quotes.
func ProfileName(profileLevelID string) string {
	id, ok := ParseH264ID(profileLevelID)
	if !ok {
		return fmt.Sprintf("%.60q", profileLevelID)
	}
	if p := id.Profile(); p != H264Other {
		return p.String() + " " + id.levelName()
	}
	return fmt.Sprintf("profile_idc %d %s", id.IDC, id.levelName())
}
