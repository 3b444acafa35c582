package codec

// vp8Keyframe reads the payload descriptor and the P bit of the frame header
// (RFC 7741 sections 4.2 and 4.3).
func vp8Keyframe(payload []byte) bool {
	const start, partition = 0x10, 0x07
	n, ok := vp8Descriptor(payload)
	return ok && payload[0]&start != 0 && payload[0]&partition == 0 && payload[n]&0x01 == 0
}

// vp8Descriptor returns the length of the payload descriptor; ok says that
// something follows it.
func vp8Descriptor(payload []byte) (n int, ok bool) {
	const extended = 0x80
	if len(payload) == 0 {
		return 0, false
	}
	n = 1
	if payload[0]&extended != 0 {
		if len(payload) < 2 {
			return 0, false
		}
		flags := payload[1]
		n = 2
		if flags&0x80 != 0 { // I: picture id of one or two bytes
			if len(payload) <= n {
				return 0, false
			}
			n += 1 + int(payload[n]>>7)
		}
		if flags&0x40 != 0 { // L: TL0PICIDX
			n++
		}
		if flags&0x30 != 0 { // T or K
			n++
		}
	}
	return n, len(payload) > n
}

// VP8Frame returns the part of a frame that a payload carries, behind the descriptor; ok is
// false when there is none.
func VP8Frame(payload []byte) (part []byte, ok bool) {
	n, ok := vp8Descriptor(payload)
	if !ok {
		return nil, false
	}
	return payload[n:], true
}

// VP8Size reads the dimensions out of a keyframe's header (RFC 6386 section 9.1),
// behind the payload descriptor.
func VP8Size(payload []byte) (width, height uint16, ok bool) {
	const tag, startCode = 3, "\x9d\x01\x2a"
	n, ok := vp8Descriptor(payload)
	if !ok || len(payload) < n+tag+len(startCode)+4 || string(payload[n+tag:n+tag+len(startCode)]) != startCode {
		return 0, 0, false
	}
	b := payload[n+tag+len(startCode):]
	const scale = 0x3fff // the upper two bits are for the renderer
	return (uint16(b[0]) | uint16(b[1])<<8) & scale, (uint16(b[2]) | uint16(b[3])<<8) & scale, true
}

func vp8IDs(payload []byte) (ids PictureIDs) {
	const extended, hasPicture, hasTL0 = 0x80, 0x80, 0x40
	if len(payload) < 2 || payload[0]&extended == 0 {
		return PictureIDs{}
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
