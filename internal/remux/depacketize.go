package remux

import (
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
	"github.com/pion/rtp/codecs"

	"porthole/internal/codec"
	"porthole/internal/container"
)

// depacketizer puts one picture together of payloads that are in order and complete.
type depacketizer interface {
	// begin forgets what was there.
	begin()
	// starts says that nothing of the picture comes before a payload.
	starts(payload []byte) bool
	// add takes the next payload; false: it makes no sense.
	add(payload []byte) bool
	// picture returns what was put together, nothing when that is no picture, and of one that stands alone
	// what a decoder has to know.
	picture() (data []byte, key bool, track container.Track)
}

// newDepacketizer returns nil for codecs of which no files are made.
func newDepacketizer(c codec.Codec) depacketizer {
	switch {
	case c.Is(codec.H264):
		return &nalUnits{nals: codec.H264NALs, name: codec.H264}
	case c.Is(codec.H265):
		return &nalUnits{nals: codec.H265NALs, name: codec.H265}
	case c.Is(codec.VP8):
		return &vp8Frame{}
	case c.Is(codec.VP9):
		return &vp9Frame{}
	case c.Is(codec.AV1):
		return &av1Unit{}
	}
	return nil
}

// nalUnits makes access units, each unit with its length in front of it.
type nalUnits struct {
	nals codec.NALs
	name string

	data     []byte
	fragment int // where the length of the unit stands of which fragments come; 0: none
	sets     [codec.SetKinds][]byte
	key      bool
	slices   bool // there is something of a picture
}

const lengthSize = 4

func (n *nalUnits) begin() {
	n.data, n.fragment, n.key, n.slices = make([]byte, 0, cap(n.data)), 0, false, false
	n.sets = [codec.SetKinds][]byte{}
}

func (n *nalUnits) starts(payload []byte) bool {
	nal, _, whole := n.nals.First(payload)
	if !whole {
		nal = n.fragmentStart(payload)
	}
	size := n.nals.HeaderSize()
	if len(nal) <= size {
		return false
	}
	if n.isSlice(nal) {
		return nal[size]&0x80 != 0 // first_mb_in_slice is 0, or first_slice_segment_in_pic_flag is set
	}
	return true
}

// isSlice says whether a unit is a part of the picture itself.
func (n *nalUnits) isSlice(nal []byte) bool {
	t := n.nals.Type(nal)
	if n.nals == codec.H265NALs {
		return t < 32
	}
	return t >= 1 && t <= 5
}

// fragmentStart returns the beginning of a unit of a payload that has its first fragment.
func (n *nalUnits) fragmentStart(payload []byte) []byte {
	size := n.nals.HeaderSize()
	if len(payload) < size+2 || payload[size]&0x80 == 0 {
		return nil
	}
	if n.nals == codec.H265NALs {
		return append([]byte{payload[0]&0x81 | payload[2]&0x3f<<1, payload[1]}, payload[3:]...)
	}
	return append([]byte{payload[0]&0xe0 | payload[1]&0x1f}, payload[2:]...)
}

func (n *nalUnits) add(payload []byte) bool {
	if len(payload) <= n.nals.HeaderSize() {
		return false
	}
	nal, rest, ok := n.nals.First(payload)
	if !ok {
		return n.addFragment(payload)
	}
	for ; ok; nal, rest, ok = n.nals.Next(rest) {
		n.unit(nal)
	}
	return true
}

// unit adds a whole unit. Parameter sets stay with their picture besides being in the head of the file: some encoders number them
// anew with each keyframe. Delimiters and fillers say nothing.
func (n *nalUnits) unit(nal []byte) {
	if kind, ok := n.nals.Set(nal); ok && n.sets[kind] == nil {
		n.sets[kind] = nal
	}
	if t := n.nals.Type(nal); n.nals == codec.H264NALs && (t == codec.NALDelimiter || t == codec.NALFiller) || n.nals == codec.H265NALs && (t == 35 || t == 38) {
		return
	}
	n.note(nal)
	n.data = binary.BigEndian.AppendUint32(n.data, uint32(len(nal))) //nolint:gosec // of a packet
	n.data = append(n.data, nal...)
}

// note sees whether a unit is of a picture that stands alone.
func (n *nalUnits) note(nal []byte) {
	n.slices = n.slices || n.isSlice(nal)
	t := n.nals.Type(nal)
	if n.nals == codec.H265NALs {
		n.key = n.key || t >= 16 && t <= 23
	} else {
		n.key = n.key || t == codec.NALIDR
	}
}

// addFragment adds a part of a unit (RFC 6184 section 5.8, RFC 7798 section 4.4.3).
func (n *nalUnits) addFragment(payload []byte) bool {
	size := n.nals.HeaderSize()
	if t := n.nals.Type(payload); n.nals == codec.H264NALs && t != codec.NALFUA || n.nals == codec.H265NALs && t != 49 || len(payload) < size+2 {
		return false
	}
	switch first := payload[size]&0x80 != 0; {
	case first:
		n.fragment = len(n.data) + lengthSize
		start := n.fragmentStart(payload)
		n.note(start)
		n.data = append(append(n.data, 0, 0, 0, 0), start...)
	case n.fragment == 0:
		return false
	default:
		n.data = append(n.data, payload[size+1:]...)
	}
	if payload[size]&0x40 != 0 { // the last one
		binary.BigEndian.PutUint32(n.data[n.fragment-lengthSize:], uint32(len(n.data)-n.fragment)) //nolint:gosec // of a picture
		n.fragment = 0
	}
	return true
}

func (n *nalUnits) picture() (data []byte, key bool, t container.Track) {
	if n.fragment != 0 || !n.slices {
		return nil, false, t
	}
	t.Codec = n.name
	if sets := n.sets; n.key && n.nals == codec.H265NALs && sets[codec.VPS] != nil && sets[codec.SPS] != nil && sets[codec.PPS] != nil {
		t.Sets = container.JoinSets(sets[codec.VPS], sets[codec.SPS], sets[codec.PPS])
	} else if n.key && n.nals == codec.H264NALs && sets[codec.SPS] != nil && sets[codec.PPS] != nil {
		t.Sets = container.JoinSets(sets[codec.SPS], sets[codec.PPS])
		if sps, ok := codec.FindSPS(sets[codec.SPS]); ok {
			t.Width, t.Height = sps.Width, sps.Height
		}
	}
	return n.data, n.key && t.Sets != "", t
}

// vp8Frame puts the parts of a frame together (RFC 7741).
type vp8Frame struct {
	data  []byte
	track container.Track
}

func (v *vp8Frame) begin() { v.data, v.track = make([]byte, 0, cap(v.data)), container.Track{} }

func (*vp8Frame) starts(payload []byte) bool { return len(payload) > 0 && payload[0]&0x17 == 0x10 }

func (v *vp8Frame) add(payload []byte) bool {
	part, ok := codec.VP8Frame(payload)
	if len(v.data) == 0 && ok && codec.IsKeyframe(codec.Codec{MimeType: codec.VP8}, payload) {
		w, h, sized := codec.VP8Size(payload)
		if sized {
			v.track = container.Track{Codec: codec.VP8, Width: int(w), Height: int(h)}
		}
	}
	v.data = append(v.data, part...)
	return ok
}

func (v *vp8Frame) picture() ([]byte, bool, container.Track) {
	return v.data, v.track.Width > 0, v.track
}

// vp9Frame puts the parts of a frame together (RFC 9628).
type vp9Frame struct {
	data []byte
	key  bool
}

func (v *vp9Frame) begin() { v.data, v.key = make([]byte, 0, cap(v.data)), false }

func (*vp9Frame) starts(payload []byte) bool {
	var p codecs.VP9Packet
	_, err := p.Unmarshal(payload)
	return err == nil && p.B && p.SID == 0
}

func (v *vp9Frame) add(payload []byte) bool {
	var p codecs.VP9Packet
	part, err := p.Unmarshal(payload)
	if err != nil {
		return false
	}
	if len(v.data) == 0 {
		v.key = p.B && !p.P
	}
	v.data = append(v.data, part...)
	return true
}

func (v *vp9Frame) picture() (data []byte, key bool, t container.Track) {
	var h vp9.Header
	if !v.key || h.Unmarshal(v.data) != nil || h.NonKeyFrame || h.FrameSize == nil || h.ColorConfig == nil {
		return v.data, false, t
	}
	return v.data, true, container.Track{
		Codec: codec.VP9, Width: h.Width(), Height: h.Height(), Profile: h.Profile, BitDepth: h.ColorConfig.BitDepth,
		Subsampling: h.ChromaSubsampling(), FullRange: h.ColorConfig.ColorRange,
	}
}

// av1Unit puts the OBUs of a temporal unit together, each with its size.
type av1Unit struct {
	data []byte
	d    codecs.AV1Depacketizer
	key  bool
}

func (a *av1Unit) begin() {
	a.data, a.d, a.key = make([]byte, 0, cap(a.data)), codecs.AV1Depacketizer{}, false
}

func (*av1Unit) starts(payload []byte) bool {
	return codec.IsKeyframe(codec.Codec{MimeType: codec.AV1}, payload)
}

func (a *av1Unit) add(payload []byte) bool {
	if len(a.data) == 0 {
		a.key = a.starts(payload)
	}
	units, err := a.d.Unmarshal(payload)
	a.data = append(a.data, units...)
	return err == nil
}

func (a *av1Unit) picture() (data []byte, key bool, t container.Track) {
	if !a.key {
		return a.data, false, t
	}
	var units av1.Bitstream
	if units.Unmarshal(a.data) != nil {
		return a.data, false, t
	}
	for _, obu := range units {
		if len(obu) > 1 && obu[0]>>3&0xf == 1 { // a sequence header
			return a.data, true, container.Track{Codec: codec.AV1, Sets: container.JoinSets(obu)}
		}
	}
	return a.data, false, t
}
