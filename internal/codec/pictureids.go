package codec

import "strings"

// PictureIDs are those of one packet of VP8 or VP9, by which decoders find what a
// picture refers to (RFC 7741 section 4.2, RFC 9628 section 4.2), and where they are
// in the payload; a place of 0 means that the packet has none.
type PictureIDs struct {
	Picture          uint16
	TL0              uint8
	Long             bool // the picture id has 15 bits, not 7
	PictureAt, TL0At int
}

// PictureIDReader returns what reads the ids of a codec's packets, nil for other codecs.
func PictureIDReader(c Codec) func(payload []byte) PictureIDs {
	switch strings.ToLower(c.MimeType) {
	case "video/vp8":
		return vp8IDs
	case "video/vp9":
		return vp9IDs
	}
	return nil
}

// readPicture reads a picture id of 7 or 15 bits and returns the place behind it.
func (ids *PictureIDs) readPicture(payload []byte, at int) (next int) {
	const long = 0x80
	switch {
	case len(payload) > at && payload[at]&long == 0:
		ids.Picture, ids.PictureAt = uint16(payload[at]), at
		return at + 1
	case len(payload) > at+1:
		ids.Picture, ids.PictureAt, ids.Long = uint16(payload[at]&^long)<<8|uint16(payload[at+1]), at, true
	}
	return at + 2
}

func (ids *PictureIDs) readTL0(payload []byte, at int) {
	if len(payload) > at {
		ids.TL0, ids.TL0At = payload[at], at
	}
}

// Put writes the ids to where they were read.
func (ids PictureIDs) Put(payload []byte) {
	if ids.PictureAt > 0 {
		at := ids.PictureAt
		if ids.Long {
			payload[at] = 0x80 | uint8(ids.Picture>>8)
			at++
		}
		payload[at] = uint8(ids.Picture) //nolint:gosec // the rest was written, or is none
	}
	if ids.TL0At > 0 {
		payload[ids.TL0At] = ids.TL0
	}
}
