package broadcast

import "porthole/internal/codec"

// size returns the width and height of the layer's pictures in pixels, as the last
// keyframe told, else what its encoder was told; 0 when that is not known.
func (l *Layer) size() (width, height int) {
	if sps := l.sps.Load(); sps != nil {
		return sps.Width, sps.Height
	}
	if size := l.pixels.Load(); size != 0 {
		return int(size >> 16), int(size & 0xffff)
	}
	return l.cfg.Nominal.Width, l.cfg.Nominal.Height
}

// noteSize keeps the size that the first packet of a VP8 keyframe tells.
func (l *Layer) noteSize(payload []byte) {
	if width, height, ok := codec.VP8Size(payload); ok {
		l.pixels.Store(uint32(width)<<16 | uint32(height))
	}
}
