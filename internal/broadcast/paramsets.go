package broadcast

import (
	"slices"

	"porthole/internal/broadcast/pace"
	"porthole/internal/codec"
)

const (
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
	nals codec.NALs
	kept [codec.SetKinds][][]byte // the last of each; of PPS, the last of each id

	// held are packets that came before their picture did, as they came.
	held  [maxHeld][]byte
	waits int
	// inPicture says which kinds the picture being written has brought; repeats, that
	// the last keyframe brought all.
	inPicture [codec.SetKinds]bool
	repeats   bool
	judged    int // keyframes by which repeats was decided
	// ended: the newest packet was the last of its picture. spared: our sets are in the
	// picture being written already. spares bounds how often.
	ended, spared bool
	spares        pace.Budget

	aggregate []byte   // memory of build
	built     [][]byte // likewise
}

// newParameterSets returns nil for codecs without parameter sets.
func newParameterSets(nals codec.NALs) *parameterSets {
	if nals == codec.NoNALs {
		return nil
	}
	return &parameterSets{nals: nals}
}

// known says whether there is one of each kind that a decoder needs.
func (s *parameterSets) known() bool {
	for kind := range codec.SetKinds {
		if len(s.kept[kind]) == 0 && s.needs(kind) {
			return false
		}
	}
	return true
}

// needs says whether decoders of the codec need sets of a kind.
func (s *parameterSets) needs(kind codec.SetKind) bool {
	return kind != codec.VPS || s.nals == codec.H265NALs
}

// read keeps the parameter sets of a payload and says whether it has nothing else.
func (s *parameterSets) read(payload []byte) (only bool) {
	nal, rest, ok := s.nals.First(payload)
	for ; ok; nal, rest, ok = s.nals.Next(rest) {
		kind, isSet := s.nals.Set(nal)
		if !isSet {
			return false
		}
		only = true
		s.keep(kind, nal)
	}
	return only
}

// keep remembers a set in the place of the last one of its kind, and id.
func (s *parameterSets) keep(kind codec.SetKind, nal []byte) {
	if len(nal) > codec.MaxParameterSet {
		return
	}
	s.inPicture[kind] = true
	list, at := s.kept[kind], 0
	if kind == codec.PPS {
		at = slices.IndexFunc(list, func(old []byte) bool { return s.nals.PPSID(old) == s.nals.PPSID(nal) })
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
	s.inPicture, s.spared = [codec.SetKinds]bool{}, false
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
	return s.inPicture[codec.SPS] && s.inPicture[codec.PPS] && (s.inPicture[codec.VPS] || !s.needs(codec.VPS))
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
	if !s.spares.Take(now, float64(size), perSecond, burst) {
		return nil
	}
	s.spared = true
	return payloads
}

// build returns payloads with all sets that are kept: one aggregation packet (RFC 6184
// section 5.7.1, RFC 7798 section 4.4.2) if they fit. They are valid until the next call.
func (s *parameterSets) build() [][]byte {
	s.aggregate, s.built = s.nals.AppendAggregation(s.aggregate[:0]), s.built[:0]
	for _, list := range s.kept {
		for _, nal := range list {
			s.aggregate = s.nals.AppendAggregated(s.aggregate, nal)
			s.built = append(s.built, nal)
		}
	}
	if len(s.aggregate) <= maxAggregate {
		s.built = append(s.built[:0], s.aggregate)
	}
	return s.built
}
