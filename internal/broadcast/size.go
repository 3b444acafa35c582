package broadcast

// size returns the width and height of the layer's pictures in pixels, as the last
// keyframe told; 0 when that is not known.
func (l *Layer) size() (width, height int) {
	if sps := l.sps.Load(); sps != nil {
		return sps.width, sps.height
	}
	if size := l.pixels.Load(); size != 0 {
		return int(size >> 16), int(size & 0xffff)
	}
	return 0, 0
}

// noteSize keeps the size that the first packet of a VP8 keyframe tells.
func (l *Layer) noteSize(payload []byte) {
	if width, height, ok := vp8Size(payload); ok {
		l.pixels.Store(uint32(width)<<16 | uint32(height))
	}
}

// vp8Size reads the dimensions out of a keyframe's header (RFC 6386 section 9.1),
// behind the payload descriptor.
func vp8Size(payload []byte) (width, height uint16, ok bool) {
	const tag, startCode = 3, "\x9d\x01\x2a"
	n, ok := vp8Descriptor(payload)
	if !ok || len(payload) < n+tag+len(startCode)+4 || string(payload[n+tag:n+tag+len(startCode)]) != startCode {
		return 0, 0, false
	}
	b := payload[n+tag+len(startCode):]
	const scale = 0x3fff // the upper two bits are for the renderer
	return (uint16(b[0]) | uint16(b[1])<<8) & scale, (uint16(b[2]) | uint16(b[3])<<8) & scale, true
}
