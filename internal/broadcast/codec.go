package broadcast

import "strings"

// Kind says whether a track is heard or seen.
type Kind uint8

// The two kinds of track. A stream has at most one of each.
const (
	Audio Kind = iota
	Video
	kinds // how many there are
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
	Channels  uint16 // audio only
	// Fmtp holds the format parameters, "key=value;key=value". For H.264 the
	// profile-level-id is the one of the publisher's real SPS once that was seen:
	// what publishers promise in SDP and what they send are often two things.
	Fmtp string
}

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

// profileLevelID returns the parameter of that name of H.264, "" when there is none.
func (c Codec) profileLevelID() string {
	for part := range strings.SplitSeq(c.Fmtp, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(name, "profile-level-id") {
			return strings.ToLower(value)
		}
	}
	return ""
}

// withProfile returns the codec with the given H.264 profile-level-id.
func (c Codec) withProfile(profileLevelID string) Codec {
	const key = "profile-level-id="
	var parts []string
	for part := range strings.SplitSeq(c.Fmtp, ";") {
		part = strings.TrimSpace(part)
		if part != "" && !strings.HasPrefix(strings.ToLower(part), key) {
			parts = append(parts, part)
		}
	}
	c.Fmtp = strings.Join(append(parts, key+profileLevelID), ";")
	return c
}
