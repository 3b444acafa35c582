package codec

import "strings"

// NALs says how a codec whose pictures are NAL units lays them out in RTP payloads. The
// zero value is that of the other codecs.
type NALs uint8

// The formats of RFC 6184 and RFC 7798.
const (
	NoNALs NALs = iota
	H264NALs
	H265NALs
)

// NALsOf returns the format of a codec.
func NALsOf(c Codec) NALs {
	switch strings.ToLower(c.MimeType) {
	case "video/h264":
		return H264NALs
	case "video/h265":
		return H265NALs
	}
	return NoNALs
}

// SetKind is one of the kinds of parameter sets.
type SetKind int

// The kinds of parameter sets, in the order in which a decoder needs them.
const (
	VPS SetKind = iota // H.265 only
	SPS
	PPS
	SetKinds // how many there are
)

// HeaderSize is that of a NAL unit, in bytes.
func (n NALs) HeaderSize() int {
	if n == H265NALs {
		return 2
	}
	return 1
}

// Type reads the header of a NAL unit, or of a payload. It must not be empty.
func (n NALs) Type(nal []byte) byte {
	if n == H265NALs {
		return nal[0] >> 1 & 0x3f
	}
	return nal[0] & 0x1f
}

// Set says which parameter set a NAL unit is, if it is one.
func (n NALs) Set(nal []byte) (kind SetKind, ok bool) {
	if len(nal) <= n.HeaderSize() {
		return 0, false
	}
	t := n.Type(nal)
	if n == H265NALs {
		return SetKind(t) - h265VPS, t >= h265VPS && t <= h265PPS
	}
	switch t {
	case NALSPS:
		return SPS, true
	case NALPPS:
		return PPS, true
	}
	return 0, false
}

// PPSID reads pic_parameter_set_id, with which a PPS begins.
func (n NALs) PPSID(nal []byte) uint {
	b := bitReader{data: nal[n.HeaderSize():]}
	return b.ue()
}

// First takes the first NAL unit that is whole off a payload: of a single NAL unit packet,
// or of an aggregation packet, from whose rest Next takes the others. A fragment has none.
func (n NALs) First(payload []byte) (nal, rest []byte, ok bool) {
	if len(payload) <= n.HeaderSize() {
		return nil, nil, false
	}
	switch t := n.Type(payload); {
	case t < n.aggregation():
		return payload, nil, true
	case t == n.aggregation():
		return n.Next(payload[n.HeaderSize():])
	}
	return nil, nil, false
}

// Next takes the next NAL unit off the rest of an aggregation packet.
func (NALs) Next(rest []byte) (nal, more []byte, ok bool) {
	if len(rest) < 3 {
		return nil, nil, false
	}
	size := int(rest[0])<<8 | int(rest[1])
	if size == 0 || size > len(rest)-2 {
		return nil, nil, false
	}
	return rest[2 : 2+size], rest[2+size:], true
}

// AppendAggregation appends the header of a packet with several NAL units (RFC 6184
// section 5.7.1, RFC 7798 section 4.4.2).
func (n NALs) AppendAggregation(payload []byte) []byte {
	if n == H265NALs {
		return append(payload, h265Aggregation<<1, 1)
	}
	return append(payload, 3<<5|NALSTAPA)
}

// AppendAggregated appends one of its NAL units, of less than 64 KiB.
func (NALs) AppendAggregated(payload, nal []byte) []byte {
	payload = append(payload, byte(len(nal)>>8), byte(len(nal)))
	return append(payload, nal...)
}

// HasRecoveryPoint says whether a payload has the SEI message that says from where on a
// decoder has whole pictures again without a keyframe (ITU-T H.264 section D.2.8, H.265
// section D.2.8): encoders with intra refresh send it.
func (n NALs) HasRecoveryPoint(payload []byte) bool {
	if n == NoNALs || len(payload) == 0 {
		return false
	}
	if t := n.Type(payload); t != n.sei() && t != n.aggregation() {
		return false // as nearly all: nothing to look for
	}
	nal, rest, ok := n.First(payload)
	for ; ok; nal, rest, ok = n.Next(rest) {
		if len(nal) > n.HeaderSize() && n.Type(nal) == n.sei() && hasRecoveryPoint(nal[n.HeaderSize():]) {
			return true
		}
	}
	return false
}

// sei is the type of NAL units of supplemental information that come before their picture.
func (n NALs) sei() byte {
	if n == H265NALs {
		return h265SEI
	}
	return NALSEI
}

// aggregation is the type of packets with several NAL units.
func (n NALs) aggregation() byte {
	if n == H265NALs {
		return h265Aggregation
	}
	return NALSTAPA
}

// hasRecoveryPoint looks through the messages of an SEI NAL unit, without its header.
func hasRecoveryPoint(messages []byte) bool {
	const recoveryPoint = 6
	for len(messages) > 2 {
		kind, rest := seiNumber(messages)
		size, rest := seiNumber(rest)
		if kind == recoveryPoint {
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
