package codec

// vp9Keyframe reads the payload descriptor (RFC 9628 section 4.2): the start of
// a frame that is not predicted from another one, in the lowest spatial layer.
func vp9Keyframe(payload []byte) bool {
	if len(payload) == 0 {
		return false
	}
	const pictureID, predicted, layers, start = 0x80, 0x40, 0x20, 0x08
	flags := payload[0]
	if flags&predicted != 0 || flags&start == 0 {
		return false
	}
	if flags&layers == 0 {
		return true
	}
	n := 1
	if flags&pictureID != 0 {
		if len(payload) <= n {
			return false
		}
		n += 1 + int(payload[n]>>7)
	}
	return len(payload) > n && payload[n]>>1&0x07 == 0
}

func vp9IDs(payload []byte) (ids PictureIDs) {
	const hasPicture, hasLayers, flexible = 0x80, 0x20, 0x10
	if len(payload) == 0 {
		return PictureIDs{}
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
