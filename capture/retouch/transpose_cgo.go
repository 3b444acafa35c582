//go:build cgo

package retouch

// #cgo CFLAGS: -O3
// #include "transpose.h"
import "C"

import "unsafe"

// transpose makes rows of the columns of src, whose rows have stride bytes; columns and rows say that those of src run backwards.
func transpose(dst, src []byte, width, height, stride int, columns, rows bool) {
	if width == 0 || height == 0 {
		return
	}
	_, _ = dst[width*height-1], src[stride*(height-1)+width-1] // C does not look
	flag := map[bool]C.int{true: 1}
	C.retouch_transpose((*C.uchar)(unsafe.SliceData(dst)), (*C.uchar)(unsafe.SliceData(src)), C.int(width), C.int(height), C.int(stride),
		flag[columns], flag[rows])
}
