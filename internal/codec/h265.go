package codec

// H.265 NAL unit types (ITU-T H.265 table 7-1, RFC 7798 section 4.4).
const (
	h265FirstIRAP   = 16
	h265LastIRAP    = 23
	h265VPS         = 32
	h265PPS         = 34
	h265SEI         = 39
	h265Aggregation = 48
	h265Fragment    = 49
)

// h265Keyframe looks for an IRAP picture, alone, in an aggregation packet or at the start of
// a fragmented one (RFC 7798 section 4.4).
func h265Keyframe(payload []byte) bool {
	if len(payload) < 3 {
		return false
	}
	irap := func(t byte) bool { return t >= h265FirstIRAP && t <= h265LastIRAP }
	switch t := payload[0] >> 1 & 0x3f; t {
	case h265Aggregation:
		for rest := payload[2:]; len(rest) > 2; {
			n := int(rest[0])<<8 | int(rest[1])
			if n == 0 || n > len(rest)-2 {
				return false
			}
			if irap(rest[2] >> 1 & 0x3f) {
				return true
			}
			rest = rest[2+n:]
		}
		return false
	case h265Fragment:
		return payload[2]&0x80 != 0 && irap(payload[2]&0x3f)
	default:
		return irap(t)
	}
}
