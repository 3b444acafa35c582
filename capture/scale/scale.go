// Package scale makes pictures smaller, for encodings of a source in several sizes. It must not cost more than a small part of encoding them:
// the loops over pixels are C, which the compiler vectorises. Without cgo they are Go, and slow; but then nothing encodes, either.
package scale

import (
	"slices"

	"porthole/capture/media"
)

// Scaler makes pictures smaller. The zero value is ready. One goroutine uses it.
type Scaler struct {
	halves  [2]media.Picture // on the way to less than the half
	columns []uint16         // scratch: one row
}

// Half returns the even number that is half of an even one, or next below.
func Half(n int) int { return n / 2 &^ 1 }

// Down makes dst the picture src in another size: both sides even, and not larger than src's. Halves are averages of four pixels; what
// is between them is interpolated. Where a side's half is odd, up to two rows or columns at the edge are lost.
func (s *Scaler) Down(dst, src *media.Picture, width, height int) {
	for step := 0; Half(src.Width) >= width && Half(src.Height) >= height; step++ {
		next := dst
		if last := Half(src.Width) == width && Half(src.Height) == height; !last {
			next = &s.halves[step%2]
		}
		halvePicture(next, src)
		if next == dst {
			return
		}
		src = next
	}
	if src.Width == width && src.Height == height {
		dst.Copy(src)
		return
	}
	dst.Resize(width, height)
	dst.CapturedAt = src.CapturedAt
	s.columns = slices.Grow(s.columns[:0], src.Width+1)[:src.Width+1]
	interpolate(dst.Y, width, height, src.Y, src.Width, src.Height, s.columns)
	interpolate(dst.U, width/2, height/2, src.U, src.Width/2, src.Height/2, s.columns)
	interpolate(dst.V, width/2, height/2, src.V, src.Width/2, src.Height/2, s.columns)
}

// halvePicture makes dst half of src.
func halvePicture(dst, src *media.Picture) {
	width, height := Half(src.Width), Half(src.Height)
	dst.Resize(width, height)
	dst.CapturedAt = src.CapturedAt
	halve(dst.Y, src.Y, width, height, src.Width)
	halve(dst.U, src.U, width/2, height/2, src.Width/2)
	halve(dst.V, src.V, width/2, height/2, src.Width/2)
}
