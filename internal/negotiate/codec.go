package negotiate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"porthole/internal/codec"
)

// isHelper tells formats that carry no media of their own.
func isHelper(name string) bool {
	switch strings.ToLower(name) {
	case "rtx", "red", "ulpfec", "flexfec", "flexfec-03", "cn", "telephone-event":
		return true
	}

	return false
}

// format is a payload type as a section describes it.
type format struct {
	Format
	name string // as in the rtpmap line
	apt  string // of a retransmission format: the payload type that it repairs
}

// parseFormats reads the payload types of a section in the order of its m=
// line. What is not described, or repeated, is left out.
func parseFormats(kind string, listed []string, attrs []sdp.Attribute) []format {
	rtpmaps := byPayloadType(attrs, attrRtpmap)
	fmtps := byPayloadType(attrs, attrFmtp)
	feedback := feedbackOf(attrs)

	var formats []format
	seen := make(map[uint8]bool)
	for _, s := range listed {
		pt, ok := parsePayloadType(s)
		if !ok || seen[pt] {
			continue
		}
		rtpmap := rtpmaps[pt]
		if rtpmap == "" {
			rtpmap = staticRtpmap(kind, pt)
		}
		f, ok := parseRtpmap(kind, rtpmap)
		if !ok {
			continue
		}
		seen[pt] = true
		f.PayloadType = pt
		f.Fmtp = fmtps[pt]
		f.Feedback = feedback.of(pt)
		f.apt, _ = f.Parameter("apt")
		formats = append(formats, f)
	}

	return formats
}

// repairable leaves out the formats that repair one which is not there: pion
// refuses the whole offer over such a line.
func repairable(formats []format) []format {
	originals := make(map[string]bool)
	for _, f := range formats {
		if _, isRepair := f.Parameter("apt"); !isRepair {
			originals[strconv.Itoa(int(f.PayloadType))] = true
		}
	}

	return slices.DeleteFunc(formats, func(f format) bool {
		_, isRepair := f.Parameter("apt")
		return isRepair && !originals[f.apt]
	})
}

// codecs returns the formats that carry media, each with its retransmission.
func codecs(formats []format) []Format {
	repairs := make(map[string]uint8) // by what they repair; the first one counts
	for _, f := range formats {
		if _, again := repairs[f.apt]; !again && strings.EqualFold(f.name, "rtx") {
			repairs[f.apt] = f.PayloadType
		}
	}
	var found []Format
	for _, f := range formats {
		if isHelper(f.name) {
			continue
		}
		f.RTX = repairs[strconv.Itoa(int(f.PayloadType))]
		found = append(found, f.Format)
	}

	return found
}

// byPayloadType collects the first "<payload type> <value>" attribute of each
// payload type.
func byPayloadType(attrs []sdp.Attribute, key string) map[uint8]string {
	found := make(map[uint8]string)
	for _, value := range values(attrs, key) {
		s, rest, _ := strings.Cut(value, " ")
		pt, ok := parsePayloadType(s)
		if _, dup := found[pt]; ok && !dup {
			found[pt] = strings.TrimSpace(rest)
		}
	}

	return found
}

// knownFeedback is what anybody here makes something of (RFC 4585, RFC 5104): the rest
// of what a client can ask for is not kept.
var knownFeedback = []string{"nack", "nack pli", "ccm fir", "ccm tmmbr", "transport-cc", "goog-remb"} //nolint:gochecknoglobals // a table

// feedbackLines are the known a=rtcp-fb values of a section by payload type, as a set
// of indices into knownFeedback; those of all payload types ("*") are at allPayloadTypes.
type feedbackLines map[uint8]uint

const allPayloadTypes = 0x80 // one more than the last of them

// feedbackOf reads each line once.
func feedbackOf(attrs []sdp.Attribute) feedbackLines {
	found := make(feedbackLines)
	for _, a := range attrs {
		if a.Key != attrRTCPFb {
			continue
		}
		if pt, value, ok := parseFeedback(a.Value); ok {
			found[pt] |= 1 << slices.Index(knownFeedback, value)
		}
	}

	return found
}

// parseFeedback reads "<payload type, or *> <known value>".
func parseFeedback(line string) (pt uint8, value string, ok bool) {
	f := strings.Fields(line)
	if len(f) < 2 || len(f) > 3 {
		return 0, "", false
	}
	value = strings.Join(f[1:], " ")
	if !slices.Contains(knownFeedback, value) {
		return 0, "", false
	}
	if f[0] == "*" {
		return allPayloadTypes, value, true
	}
	pt, ok = parsePayloadType(f[0])

	return pt, value, ok
}

// of returns the values of a payload type, and those of all.
func (l feedbackLines) of(pt uint8) []string {
	var found []string
	for i, value := range knownFeedback {
		if (l[pt]|l[allPayloadTypes])&(1<<i) != 0 {
			found = append(found, value)
		}
	}

	return found
}

func parsePayloadType(s string) (uint8, bool) {
	// Leading zeros and signs would make two spellings of one number.
	if len(s) > 1 && s[0] == '0' || strings.HasPrefix(s, "+") {
		return 0, false
	}
	pt, err := strconv.ParseUint(s, 10, 7)

	return uint8(pt), err == nil
}

// staticRtpmap describes the payload types of RFC 3551 that need no rtpmap line.
func staticRtpmap(kind string, pt uint8) string {
	if kind != kindAudio {
		return ""
	}
	switch pt {
	case 0:
		return "PCMU/8000"
	case 8:
		return "PCMA/8000"
	case 9:
		return "G722/8000"
	}

	return ""
}

// parseRtpmap reads "<name>/<clock rate>[/<channels>]".
func parseRtpmap(kind, value string) (format, bool) {
	parts := strings.Split(value, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || strings.ContainsAny(value, " \t") {
		return format{}, false
	}
	rate, err := strconv.ParseUint(parts[1], 10, 32)
	if err != nil || rate == 0 {
		return format{}, false
	}
	f := format{name: parts[0]}
	f.MimeType, _ = codec.Named(kind, f.name)
	f.ClockRate = uint32(rate)
	if len(parts) == 3 {
		channels, err := strconv.ParseUint(parts[2], 10, 16)
		if err != nil {
			return format{}, false
		}
		f.Channels = uint16(channels)
	}

	return f, true
}

// withoutFmtpParameter removes one parameter of an fmtp value.
func withoutFmtpParameter(fmtp, name string) string {
	if _, ok := (codec.Codec{Fmtp: fmtp}).Parameter(name); !ok {
		return fmtp
	}
	params := slices.DeleteFunc(strings.Split(fmtp, ";"), func(p string) bool {
		key, _, _ := strings.Cut(strings.TrimSpace(p), "=")
		return strings.EqualFold(key, name)
	})

	return strings.Join(params, ";")
}
