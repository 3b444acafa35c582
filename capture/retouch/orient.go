package retouch

import (
	"encoding/binary"
	"math/bits"

	"porthole/capture/media"
	"porthole/capture/source"
)

// orientation is one of the eight ways in which a picture can lie: first rows and columns may become each other, then
// each may run backwards.
type orientation struct {
	transpose     bool
	columns, rows bool // those of the picture that comes run backwards
	left, top     int  // of what is cut out
	width, height int  // likewise; both even
	srcWidth      int  // of the picture that comes
}

// orient works out what the edits do to a picture of this size. Nothing: ok is false.
func orient(e source.Edits, width, height int) (o orientation, ok bool) {
	o = orientation{width: width, height: height, srcWidth: width}
	if e.Crop != (source.Area{}) {
		left, top, right, bottom := e.Crop.In(width, height)
		o.left, o.top, o.width, o.height = left, top, right-left, bottom-top
	}
	switch e.Rotate {
	case 90:
		o.transpose, o.rows = true, true
	case 180:
		o.columns, o.rows = true, true
	case 270:
		o.transpose, o.columns = true, true
	}
	flipColumns, flipRows := e.FlipH, e.FlipV
	if o.transpose { // the columns of what is shown are the rows of what comes
		flipColumns, flipRows = flipRows, flipColumns
	}
	o.columns, o.rows = o.columns != flipColumns, o.rows != flipRows
	return o, o != orientation{width: width, height: height, srcWidth: width}
}

// apply makes dst of src.
func (o orientation) apply(dst, src *media.Picture) {
	width, height := o.width, o.height
	if o.transpose {
		width, height = height, width
	}
	dst.Resize(width, height)
	dst.CapturedAt = src.CapturedAt
	o.plane(dst.Y, src.Y, 1)
	o.plane(dst.U, src.U, 2)
	o.plane(dst.V, src.V, 2)
}

// plane is apply for one plane, whose sides are those of the picture divided by share.
func (o orientation) plane(dst, src []byte, share int) {
	width, height, stride := o.width/share, o.height/share, o.srcWidth/share
	src = src[o.top/share*stride+o.left/share:]
	if o.transpose {
		transpose(dst, src, width, height, stride, o.columns, o.rows)
		return
	}
	for y := range height {
		from := y
		if o.rows {
			from = height - 1 - y
		}
		row := src[from*stride:][:width]
		if o.columns {
			reverse(dst[y*width:][:width], row)
		} else {
			copy(dst[y*width:], row)
		}
	}
}

// reverse writes src backwards to dst, which is as long.
func reverse(dst, src []byte) {
	for len(src) >= 8 {
		last := len(src) - 8
		binary.LittleEndian.PutUint64(dst, bits.ReverseBytes64(binary.LittleEndian.Uint64(src[last:])))
		dst, src = dst[8:], src[:last]
	}
	for i := range src {
		dst[i] = src[len(src)-1-i]
	}
}
