package broadcast

import (
	"porthole/internal/broadcast/number"
	"porthole/internal/broadcast/ring"
	"porthole/internal/codec"
)

// idTrack keeps a viewer's ids going over changes of the layer.
type idTrack struct {
	base    number.Shift     // of the layer that is sent, when nothing is left out of it
	leftOut uint16           // pictures that were, in front of the packet at hand
	last    codec.PictureIDs // of the last packet before a change, as it was sent
}

// leave notes what was sent last of a layer; at is the position after it.
func (t *idTrack) leave(l *Layer, at uint64) {
	t.last = codec.PictureIDs{}
	if l == nil || l.ids == nil || at == 0 {
		return
	}
	if sent := l.ring.At(at - 1); sent != nil {
		t.last = t.shift().Add(l.ids(sent.Payload))
	}
}

// enter works out the shift of a layer whose first packet is to follow.
func (t *idTrack) enter(l *Layer, first *ring.Packet) {
	t.base, t.leftOut = number.Shift{}, 0
	if l.ids != nil {
		t.base = number.ShiftAfter(t.last, l.ids(first.Payload))
	}
}

// shift returns that of the packet at hand.
func (t *idTrack) shift() number.Shift { return t.base.Without(t.leftOut) }

// shifted returns a payload of the layer as a viewer gets it: as it is, or a copy
// in s with other ids.
func (l *Layer) shifted(payload []byte, by number.Shift, s *scratch) []byte {
	if by == (number.Shift{}) || l.ids == nil {
		return payload
	}
	s.shifted = append(s.shifted[:0], payload...)
	by.Add(l.ids(payload)).Put(s.shifted)
	return s.shifted
}
