package broadcast

import (
	"porthole/internal/broadcast/ring"
	"porthole/internal/codec"
)

// Decoders of VP8 and VP9 find what a picture refers to by the picture id and the
// TL0PICIDX of its payload descriptor, which each encoding, and each publisher, counts
// on its own. A player whose picture ids jump back stands still for a while. So a viewer
// that is moved from one layer to another gets them shifted, as it gets sequence numbers:
// the new ones follow the old.

// idShift is what is added to the ids of a layer's packets for one viewer. The zero
// value leaves them as they are.
type idShift struct {
	picture uint16
	tl0     uint8
}

// shiftAfter returns the shift that lets a layer, whose next packet has the ids
// first, go on after a packet that was sent with the ids last.
func shiftAfter(last, first codec.PictureIDs) (s idShift) {
	if last.PictureAt > 0 && first.PictureAt > 0 && last.Long == first.Long {
		s.picture = last.Picture + 1 - first.Picture
	}
	if last.TL0At > 0 && first.TL0At > 0 {
		s.tl0 = last.TL0 + 1 - first.TL0
	}
	return s
}

// add returns the ids as the viewer gets them.
func (s idShift) add(ids codec.PictureIDs) codec.PictureIDs {
	ids.Picture += s.picture
	if ids.Picture &= 0x7fff; !ids.Long {
		ids.Picture &= 0x7f
	}
	ids.TL0 += s.tl0
	return ids
}

// shifted returns a payload of the layer as the viewer gets it: as it is, or a copy
// in s with other ids.
func (s idShift) shifted(l *Layer, payload []byte, scratch *scratch) []byte {
	if s == (idShift{}) || l.ids == nil {
		return payload
	}
	scratch.shifted = append(scratch.shifted[:0], payload...)
	s.add(l.ids(payload)).Put(scratch.shifted)
	return scratch.shifted
}

// idTrack keeps a viewer's ids going over changes of the layer.
type idTrack struct {
	shift idShift          // of the layer that is sent
	last  codec.PictureIDs // of the last packet before a change, as it was sent
}

// leave notes what was sent last of a layer; at is the position after it.
func (t *idTrack) leave(l *Layer, at uint64) {
	t.last = codec.PictureIDs{}
	if l == nil || l.ids == nil || at == 0 {
		return
	}
	if sent := l.ring.At(at - 1); sent != nil {
		t.last = t.shift.add(l.ids(sent.Payload))
	}
}

// enter works out the shift of a layer whose first packet is to follow.
func (t *idTrack) enter(l *Layer, first *ring.Packet) {
	t.shift = idShift{}
	if l.ids != nil {
		t.shift = shiftAfter(t.last, l.ids(first.Payload))
	}
}
