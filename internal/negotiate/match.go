package negotiate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"porthole/internal/codec"
)

// maxSupported bounds what an answer accepts in one section. Chromium offers a
// dozen variants; a client that offers more does not need them all.
const maxSupported = 12

// Supported returns the codecs that a publisher may send in this section: those
// of its offer that Porthole relays, in the order of the offer, which is the
// order of preference; never none. All of them, because there are publishers
// whose encoder makes one codec and whose offer lists every codec that their
// library knows. A section with simulcast layers gets the first one only: which
// codec a layer has is not told by its packets before it is needed. The error
// wraps ErrNoCommonCodec.
func (m Media) Supported() ([]Format, error) {
	var codecs []Format
	var mistaken *Format
	for _, c := range m.Codecs {
		switch {
		case !relays(m.Kind, c) || len(codecs) == maxSupported:
		case looksLikeRTCP(c.PayloadType):
			mistaken = &c
		default:
			if looksLikeRTCP(c.RTX) {
				c.RTX = 0
			}
			codecs = append(codecs, c)
		}
	}
	switch {
	case len(codecs) > 0 && len(m.RIDs) > 0:
		return codecs[:1], nil
	case len(codecs) > 0:
		return codecs, nil
	case mistaken != nil:
		return nil, fmt.Errorf("%w: %s offers %s as payload type %d, which nobody can tell from RTCP on the same port (RFC 5761 section 4); "+
			"let it use one of 96 to 127", ErrNoCommonCodec, m.where(), *mistaken, mistaken.PayloadType)
	}
	ours := "opus, G722, PCMU or PCMA"
	if m.Kind == kindVideo {
		ours = "H264, VP8, VP9, AV1 or H265"
	}

	return nil, fmt.Errorf("%w: %s offers %s; choose %s in the encoder settings",
		ErrNoCommonCodec, m.where(), m.offered(), ours)
}

// looksLikeRTCP tells payload types with which the last packet of a picture, which has
// the marker bit, is taken for RTCP (RFC 5761 section 4).
func looksLikeRTCP(payloadType uint8) bool { return payloadType >= 64 && payloadType < 96 }

func relays(kind string, c Format) bool {
	if _, ok := codec.Named(kind, c.Name()); !ok || c.ClockRate != c.RightClockRate() {
		return false
	}
	// Interleaved mode needs a reordering buffer that no WebRTC player has.
	mode, _ := c.Parameter("packetization-mode")

	return !c.Is(codec.H264) || mode != "2"
}

// Match returns the offered payload type that a viewer can decode want with,
// want being what the publisher really sends: its Fmtp should hold the
// profile-level-id of the bitstream. Among several the closest fit wins, then
// the order of the offer. Its Fmtp is the offered one but for Opus in stereo, which
// the answer has to announce. The error wraps ErrNoCommonCodec and names both sides;
// pion would accept the offer and leave the viewer with a black picture.
func (m Media) Match(want codec.Codec) (Format, error) {
	best, bestFit := -1, 0
	for i, c := range m.Codecs {
		if f := fit(want, c.Codec); f >= 0 && (best < 0 || f < bestFit) {
			best, bestFit = i, f
		}
	}
	if best < 0 {
		return Format{}, fmt.Errorf("%w: the stream sends %s, and %s takes %s",
			ErrNoCommonCodec, want, m.where(), m.offered())
	}

	return inStereo(m.Codecs[best], want), nil
}

// inStereo returns an offered codec as the answer has to name it: an Opus stream of
// two channels is announced as one, or the player makes mono of it (RFC 7587
// section 7.1).
func inStereo(offered Format, stream codec.Codec) Format {
	if !stream.Is(codec.Opus) ||
		stream.ParameterOr("sprop-stereo", "0") != "1" && stream.ParameterOr("stereo", "0") != "1" {
		return offered
	}
	rest := withoutFmtpParameter(withoutFmtpParameter(offered.Fmtp, "stereo"), "sprop-stereo")
	offered.Fmtp = strings.TrimPrefix(rest+";stereo=1;sprop-stereo=1", ";")

	return offered
}

// fit returns how well an offered codec takes a stream: 0 is best, negative is
// not at all.
func fit(stream, offered codec.Codec) int {
	if !stream.Is(offered.MimeType) || stream.ClockRate != offered.ClockRate {
		return -1
	}
	switch {
	case stream.Is(codec.H264):
		return h264Fit(stream, offered)
	case stream.Is(codec.VP9):
		// RFC 9628: a receiver takes the profile that it names and no other.
		if stream.ParameterOr("profile-id", "0") != offered.ParameterOr("profile-id", "0") {
			return -1
		}
		return 0
	case stream.Is(codec.AV1):
		// Nested: Main (0) in High (1) in Professional (2).
		return nestedFit(stream, offered, "profile", "0")
	case stream.Is(codec.H265):
		// Nested as far as WebRTC goes: Main (1) in Main 10 (2). RFC 7798.
		return nestedFit(stream, offered, "profile-id", "1")
	case stream.Is(codec.Opus):
		return 0 // every Opus decoder plays every Opus stream (RFC 7587)
	}
	if max(stream.Channels, 1) != max(offered.Channels, 1) {
		return -1
	}

	return 0
}

// nestedFit compares profiles that each contain the ones before it.
func nestedFit(stream, offered codec.Codec, parameter, fallback string) int {
	s, err := strconv.Atoi(stream.ParameterOr(parameter, fallback))
	if err != nil {
		return -1
	}
	o, err := strconv.Atoi(offered.ParameterOr(parameter, fallback))
	if err != nil {
		return -1
	}

	return o - s
}

// offered lists the codecs of the section for an error text.
func (m Media) offered() string {
	const most = 8
	var names []string
	for _, c := range m.Codecs {
		if name := c.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 0:
		return "no codec"
	case len(names) > most:
		names = append(names[:most], fmt.Sprintf("and %d more", len(names)-most))
	}

	return strings.Join(names, ", ")
}
