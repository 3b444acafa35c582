//go:build !cgo

package scale

// halve is that of kernel.c.
func halve(dst, src []byte, width, height, stride int) {
	for y := range height {
		upper, lower := src[2*y*stride:], src[(2*y+1)*stride:]
		for x := range width {
			sum := int(upper[2*x]) + int(upper[2*x+1]) + int(lower[2*x]) + int(lower[2*x+1])
			dst[y*width+x] = byte((sum + 2) >> 2)
		}
	}
}

// interpolate is that of kernel.c.
func interpolate(dst []byte, width, height int, src []byte, srcWidth, srcHeight int, columns []uint16) {
	down, right := srcHeight<<16/height, srcWidth<<16/width
	for y := range height {
		at := y*down + (down-65536)/2
		row, share := at>>16, at>>8&255
		upper, lower := src[row*srcWidth:], src[min(row+1, srcHeight-1)*srcWidth:]
		for x := range srcWidth {
			columns[x] = uint16(int(upper[x])*(256-share) + int(lower[x])*share)
		}
		columns[srcWidth] = columns[srcWidth-1]
		from := (right - 65536) / 2
		for x := range width {
			column, part := from>>16, uint32(from>>8&255)
			dst[y*width+x] = byte((uint32(columns[column])*(256-part) + uint32(columns[column+1])*part + 32768) >> 16)
			from += right
		}
	}
}
