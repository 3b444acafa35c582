//go:build cgo

package scale

// #cgo CFLAGS: -O3
// #include "kernel.h"
import "C"

import "unsafe"

// halve writes the averages of four pixels of src, whose rows have stride bytes, to dst of width and height.
func halve(dst, src []byte, width, height, stride int) {
	_, _ = dst[width*height-1], src[stride*(2*height-1)+2*width-1] // C does not look
	C.scale_halve(pixels(dst), pixels(src), C.int(width), C.int(height), C.int(stride))
}

// interpolate writes src in the size of dst; columns has room for a row of src and one more.
func interpolate(dst []byte, width, height int, src []byte, srcWidth, srcHeight int, columns []uint16) {
	_, _, _ = dst[width*height-1], src[srcWidth*srcHeight-1], columns[srcWidth] // C does not look
	C.scale_interpolate(pixels(dst), C.int(width), C.int(height), pixels(src), C.int(srcWidth), C.int(srcHeight),
		(*C.ushort)(unsafe.SliceData(columns)))
}

func pixels(b []byte) *C.uchar { return (*C.uchar)(unsafe.SliceData(b)) }
