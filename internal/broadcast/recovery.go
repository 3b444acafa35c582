package broadcast

// seiRecoveryPoint is the payload type of the SEI message that says from where on a decoder
// has whole pictures again without a keyframe (ITU-T H.264 section D.2.8, H.265 section
// D.2.8): encoders with intra refresh send it.
const seiRecoveryPoint = 6

// recovers says whether a payload has a recovery point.
func (l *Layer) recovers(payload []byte) bool {
	if l.sets == nil { // neither H.264 nor H.265
		return false
	}
	if t := l.sets.nalType(payload); t != l.sets.sei() && t != l.sets.aggregation() {
		return false // as nearly all: nothing to look for
	}
	nal, rest, ok := l.sets.next(payload, true)
	for ; ok; nal, rest, ok = l.sets.next(rest, false) {
		if len(nal) > l.sets.headerSize() && l.sets.nalType(nal) == l.sets.sei() && hasRecoveryPoint(nal[l.sets.headerSize():]) {
			return true
		}
	}
	return false
}

// hasRecoveryPoint looks through the messages of an SEI NAL unit, without its header.
func hasRecoveryPoint(messages []byte) bool {
	for len(messages) > 2 {
		kind, rest := seiNumber(messages)
		size, rest := seiNumber(rest)
		if kind == seiRecoveryPoint {
			return true
		}
		if size > len(rest) {
			return false
		}
		messages = rest[size:]
	}
	return false
}

// seiNumber reads the type or the size of a message: bytes of 255 and a last one that are
// added up.
func seiNumber(b []byte) (n int, rest []byte) {
	for i, c := range b {
		n += int(c)
		if c != 0xff {
			return n, b[i+1:]
		}
	}
	return n, nil
}

// nalType reads a NAL unit header.
func (s *parameterSets) nalType(nal []byte) byte {
	if s.h265 {
		return nal[0] >> 1 & 0x3f
	}
	return nal[0] & 0x1f
}

// sei is the type of NAL units of supplemental information that come before their picture.
func (s *parameterSets) sei() byte {
	if s.h265 {
		return 39
	}
	return 6
}

// aggregation is the type of packets with several NAL units.
func (s *parameterSets) aggregation() byte {
	if s.h265 {
		return 48
	}
	return h264STAPA
}

// known says whether there is one of each kind that a decoder needs.
func (s *parameterSets) known() bool {
	for kind := range setKinds {
		if len(s.kept[kind]) == 0 && (s.h265 || kind != vps) {
			return false
		}
	}
	return true
}
