package number

import "porthole/internal/codec"

// Decoders of VP8 and VP9 find what a picture refers to by the picture id and the
// TL0PICIDX of its payload descriptor, which each encoding, and each publisher, counts
// on its own. A player whose picture ids jump back stands still for a while. So a viewer
// that is moved from one layer to another gets them shifted, as it gets sequence numbers:
// the new ones follow the old.

// Shift is what is added to the ids of a layer's packets for one viewer. The zero
// value leaves them as they are.
type Shift struct {
	picture uint16
	tl0     uint8
}

// ShiftAfter returns the shift that lets a layer, whose next packet has the ids
// first, go on after a packet that was sent with the ids last.
func ShiftAfter(last, first codec.PictureIDs) (s Shift) {
	if last.PictureAt > 0 && first.PictureAt > 0 && last.Long == first.Long {
		s.picture = last.Picture + 1 - first.Picture
	}
	if last.TL0At > 0 && first.TL0At > 0 {
		s.tl0 = last.TL0 + 1 - first.TL0
	}
	return s
}

// Without returns the shift of what comes after so many pictures that were left out.
func (s Shift) Without(pictures uint16) Shift {
	s.picture -= pictures
	return s
}

// Add returns the ids as the viewer gets them.
func (s Shift) Add(ids codec.PictureIDs) codec.PictureIDs {
	ids.Picture += s.picture
	if ids.Picture &= 0x7fff; !ids.Long {
		ids.Picture &= 0x7f
	}
	ids.TL0 += s.tl0
	return ids
}
