package broadcast

import "strings"

// Decoders of VP8 and VP9 find what a picture refers to by the picture id and the
// TL0PICIDX of its payload descriptor (RFC 7741 section 4.2, RFC 9628 section 4.2),
// which each encoding, and each publisher, counts on its own. A player whose picture
// ids jump back stands still for a while. So a viewer that is moved from one layer to
// another gets them shifted, as it gets sequence numbers: the new ones follow the old.

// pictureIDs are those of one packet, and where they are in it; a place of 0 means
// that the packet has none.
type pictureIDs struct {
	picture          uint16
	tl0              uint8
	long             bool // the picture id has 15 bits, not 7
	pictureAt, tl0At int
}

// idsOf returns what reads the ids of a codec's packets, nil for other codecs.
func idsOf(c Codec) func(payload []byte) pictureIDs {
	switch strings.ToLower(c.MimeType) {
	case "video/vp8":
		return vp8IDs
	case "video/vp9":
		return vp9IDs
	}
	return nil
}

func vp8IDs(payload []byte) (ids pictureIDs) {
	const extended, hasPicture, hasTL0 = 0x80, 0x80, 0x40
	if len(payload) < 2 || payload[0]&extended == 0 {
		return pictureIDs{}
	}
	n := 2
	if payload[1]&hasPicture != 0 {
		n = ids.readPicture(payload, n)
	}
	if payload[1]&hasTL0 != 0 {
		ids.readTL0(payload, n)
	}
	return ids
}

func vp9IDs(payload []byte) (ids pictureIDs) {
	const hasPicture, hasLayers, flexible = 0x80, 0x20, 0x10
	if len(payload) == 0 {
		return pictureIDs{}
	}
	n := 1
	if payload[0]&hasPicture != 0 {
		n = ids.readPicture(payload, n)
	}
	if payload[0]&hasLayers != 0 && payload[0]&flexible == 0 {
		ids.readTL0(payload, n+1) // behind the layer indices
	}
	return ids
}

// readPicture reads a picture id of 7 or 15 bits and returns the place behind it.
func (ids *pictureIDs) readPicture(payload []byte, at int) (next int) {
	const long = 0x80
	switch {
	case len(payload) > at && payload[at]&long == 0:
		ids.picture, ids.pictureAt = uint16(payload[at]), at
		return at + 1
	case len(payload) > at+1:
		ids.picture, ids.pictureAt, ids.long = uint16(payload[at]&^long)<<8|uint16(payload[at+1]), at, true
	}
	return at + 2
}

func (ids *pictureIDs) readTL0(payload []byte, at int) {
	if len(payload) > at {
		ids.tl0, ids.tl0At = payload[at], at
	}
}

// idShift is what is added to the ids of a layer's packets for one viewer. The zero
// value leaves them as they are.
type idShift struct {
	picture uint16
	tl0     uint8
}

// shiftAfter returns the shift that lets a layer, whose next packet has the ids
// first, go on after a packet that was sent with the ids last.
func shiftAfter(last, first pictureIDs) (s idShift) {
	if last.pictureAt > 0 && first.pictureAt > 0 && last.long == first.long {
		s.picture = last.picture + 1 - first.picture
	}
	if last.tl0At > 0 && first.tl0At > 0 {
		s.tl0 = last.tl0 + 1 - first.tl0
	}
	return s
}

// add returns the ids as the viewer gets them.
func (s idShift) add(ids pictureIDs) pictureIDs {
	ids.picture += s.picture
	if ids.picture &= 0x7fff; !ids.long {
		ids.picture &= 0x7f
	}
	ids.tl0 += s.tl0
	return ids
}

// put writes the ids to where they were read.
func (ids pictureIDs) put(payload []byte) {
	if ids.pictureAt > 0 {
		at := ids.pictureAt
		if ids.long {
			payload[at] = 0x80 | uint8(ids.picture>>8)
			at++
		}
		payload[at] = uint8(ids.picture) //nolint:gosec // the rest was written, or is none
	}
	if ids.tl0At > 0 {
		payload[ids.tl0At] = ids.tl0
	}
}

// shifted returns a payload of the layer as the viewer gets it: as it is, or a copy
// in s with other ids.
func (s idShift) shifted(l *Layer, payload []byte, scratch *scratch) []byte {
	if s == (idShift{}) || l.ids == nil {
		return payload
	}
	scratch.shifted = append(scratch.shifted[:0], payload...)
	s.add(l.ids(payload)).put(scratch.shifted)
	return scratch.shifted
}

// idTrack keeps a viewer's ids going over changes of the layer.
type idTrack struct {
	shift idShift    // of the layer that is sent
	last  pictureIDs // of the last packet before a change, as it was sent
}

// leave notes what was sent last of a layer; at is the position after it.
func (t *idTrack) leave(l *Layer, at uint64) {
	t.last = pictureIDs{}
	if l == nil || l.ids == nil || at == 0 {
		return
	}
	if sent := l.ring.at(at - 1); sent != nil {
		t.last = t.shift.add(l.ids(sent.payload))
	}
}

// enter works out the shift of a layer whose first packet is to follow.
func (t *idTrack) enter(l *Layer, first *packet) {
	t.shift = idShift{}
	if l.ids != nil {
		t.shift = shiftAfter(t.last, l.ids(first.payload))
	}
}
