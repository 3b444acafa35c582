package broadcast

import (
	"encoding/base64"
	"slices"
	"strings"
)

// The kinds of parameter sets, in the order in which a decoder needs them.
const (
	vps = iota // H.265 only
	sps
	pps
	setKinds
)

const (
	// maxSet is how large a parameter set may be that is kept, in bytes; real ones have
	// less than a hundred.
	maxSet = 1024
	// maxPPS is how many picture parameter sets are kept, by their ids.
	maxPPS = 8
	// maxHeld is how many packets with nothing but parameter sets wait for their picture.
	maxHeld = 8
	// maxAggregate is how large an aggregation packet of ours may be: with header
	// extensions and encryption it stays below 1200 bytes.
	maxAggregate = 1100
)

// parameterSets keeps what a decoder has to know before it can begin: the VPS, SPS and PPS
// of H.264 and H.265. Some publishers send them once, at the start or in the offer
// (sprop-parameter-sets), and many encoders apart from the picture that they are for, with
// the timestamp of the one before or a marker of their own. Viewers get them in front of
// every keyframe, as part of its picture. It belongs to the layer's writer.
type parameterSets struct {
	h265 bool
	kept [setKinds][][]byte // the last of each; of PPS, the last of each id

	// held are packets that came before their picture did, as they came.
	held  [maxHeld][]byte
	waits int
	// inPicture says which kinds the picture being written has brought; repeats, that
	// the last keyframe brought all.
	inPicture [setKinds]bool
	repeats   bool
	judged    int // keyframes by which repeats was decided
	// ended: the newest packet was the last of its picture. spared: our sets are in the
	// picture being written already. spares bounds how often.
	ended, spared bool
	spares        budget

	aggregate []byte   // memory of build
	built     [][]byte // likewise
}

// newParameterSets returns nil for codecs without parameter sets.
func newParameterSets(c Codec) *parameterSets {
	switch {
	case strings.EqualFold(c.MimeType, "video/H264"):
		return &parameterSets{}
	case strings.EqualFold(c.MimeType, "video/H265"):
		return &parameterSets{h265: true}
	}
	return nil
}

// offered returns the parameter sets in the format parameters of an offer: those of
// sprop-parameter-sets (RFC 6184 section 8.1), sprop-vps, sprop-sps and sprop-pps (RFC
// 7798 section 7.1). What cannot be read is left out.
func offered(fmtp string) (sets [][]byte) {
	for parameter := range strings.SplitSeq(fmtp, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		switch strings.ToLower(name) {
		case "sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps":
		default:
			continue
		}
		for text := range strings.SplitSeq(value, ",") {
			nal, err := base64.StdEncoding.DecodeString(text)
			if err == nil && len(nal) > 0 && len(nal) <= maxSet && len(sets) < maxPPS+2 {
				sets = append(sets, nal)
			}
		}
	}
	return sets
}

// headerSize is that of a NAL unit.
func (s *parameterSets) headerSize() int {
	if s.h265 {
		return 2
	}
	return 1
}

// kind says which parameter set a NAL unit is, if it is one.
func (s *parameterSets) kind(nal []byte) (kind int, ok bool) {
	if len(nal) <= s.headerSize() {
		return 0, false
	}
	if s.h265 { // ITU-T H.265 table 7-1
		t := nal[0] >> 1 & 0x3f
		return int(t) - 32, t >= 32 && t <= 34
	}
	switch nal[0] & 0x1f {
	case h264SPS:
		return sps, true
	case h264PPS:
		return pps, true
	}
	return 0, false
}

// next takes the first NAL unit that is whole off a payload: of a single NAL unit packet,
// or of an aggregation packet, of which first says that its header comes first. A fragment
// has none.
func (s *parameterSets) next(payload []byte, first bool) (nal, rest []byte, ok bool) {
	n := s.headerSize()
	if first {
		if len(payload) <= n {
			return nil, nil, false
		}
		single, aggregated := payload[0]&0x1f < h264STAPA, payload[0]&0x1f == h264STAPA
		if s.h265 {
			t := payload[0] >> 1 & 0x3f
			single, aggregated = t < 48, t == 48
		}
		if single {
			return payload, nil, true
		}
		if !aggregated {
			return nil, nil, false
		}
		payload = payload[n:]
	}
	if len(payload) < 3 {
		return nil, nil, false
	}
	size := int(payload[0])<<8 | int(payload[1])
	if size == 0 || size > len(payload)-2 {
		return nil, nil, false
	}
	return payload[2 : 2+size], payload[2+size:], true
}

// read keeps the parameter sets of a payload and says whether it has nothing else.
func (s *parameterSets) read(payload []byte) (only bool) {
	nal, rest, ok := s.next(payload, true)
	for ; ok; nal, rest, ok = s.next(rest, false) {
		kind, isSet := s.kind(nal)
		if !isSet {
			return false
		}
		only = true
		s.keep(kind, nal)
	}
	return only
}

// keep remembers a set in the place of the last one of its kind, and id.
func (s *parameterSets) keep(kind int, nal []byte) {
	if len(nal) > maxSet {
		return
	}
	s.inPicture[kind] = true
	list, at := s.kept[kind], 0
	if kind == pps {
		at = slices.IndexFunc(list, func(old []byte) bool { return s.ppsID(old) == s.ppsID(nal) })
		if at < 0 {
			at = min(len(list), maxPPS-1)
		}
	}
	if at == len(list) {
		list = append(list, nil)
	}
	list[at] = append(list[at][:0], nal...)
	s.kept[kind] = list
}

// ppsID reads pic_parameter_set_id, with which a PPS begins.
func (s *parameterSets) ppsID(nal []byte) uint {
	b := bitReader{data: nal[s.headerSize():]}
	return b.ue()
}

// hold keeps a packet for the picture that follows; false: there are too many, or it is
// too large.
func (s *parameterSets) hold(payload []byte) bool {
	if s.waits == maxHeld || len(payload) > maxAggregate {
		return false
	}
	s.held[s.waits] = append(s.held[s.waits][:0], payload...)
	s.waits++
	return true
}

// begin is called at the start of a picture.
func (s *parameterSets) begin() {
	s.inPicture, s.spared = [setKinds]bool{}, false
	for _, payload := range s.held[:s.waits] {
		s.read(payload)
	}
}

// release returns the packets that were held, in their order; valid until the next hold.
func (s *parameterSets) release() [][]byte {
	held := s.held[:s.waits]
	s.waits = 0
	return held
}

// missing says whether the keyframe being written has not brought what it needs, and we
// have it. After a hole in the numbers, what is missing may be on its way, and newer than
// ours, if the publisher is one that repeats it.
func (s *parameterSets) missing(hole bool) bool {
	if s.spared {
		return false
	}
	own, repeats := s.own(), s.repeats
	s.repeats = own || hole && repeats
	s.judged++
	return !own && s.known() && !(hole && repeats)
}

// own says whether the picture being written has brought all sets that it needs.
func (s *parameterSets) own() bool {
	return s.inPicture[sps] && s.inPicture[pps] && (s.inPicture[vps] || !s.h265)
}

// beganLate notes that the first packet of a keyframe came after others of it. If it has
// brought no sets by now, the next one hardly will.
func (s *parameterSets) beganLate() { s.repeats = s.repeats && s.own() }

// spare returns our sets if they are to be put in front of a picture whose beginning is
// missing: it may come late and be that of a keyframe. A decoder that gets them without need
// has them once more, and is none the worse for it. They are as large as a publisher makes
// them, so that what they cost viewers has a bound.
func (s *parameterSets) spare(now int64) [][]byte {
	const perSecond, burst = 8 << 10, 8 << 10 // bytes
	if s.repeats && s.judged > 1 || !s.known() {
		return nil
	}
	payloads, size := s.build(), 0
	for _, payload := range payloads {
		size += len(payload)
	}
	if !s.spares.take(now, float64(size), perSecond, burst) {
		return nil
	}
	s.spared = true
	return payloads
}

// build returns payloads with all sets that are kept: one aggregation packet (RFC 6184
// section 5.7.1, RFC 7798 section 4.4.2) if they fit. They are valid until the next call.
func (s *parameterSets) build() [][]byte {
	s.aggregate, s.built = s.aggregate[:0], s.built[:0]
	if s.h265 {
		s.aggregate = append(s.aggregate, 48<<1, 1)
	} else {
		s.aggregate = append(s.aggregate, 3<<5|h264STAPA)
	}
	for _, list := range s.kept {
		for _, nal := range list {
			s.aggregate = append(s.aggregate, byte(len(nal)>>8), byte(len(nal)))
			s.aggregate = append(s.aggregate, nal...)
			s.built = append(s.built, nal)
		}
	}
	if len(s.aggregate) <= maxAggregate {
		s.built = append(s.built[:0], s.aggregate)
	}
	return s.built
}
