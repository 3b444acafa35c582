//go:build !cgo

package retouch

// transpose is that of transpose.c.
func transpose(dst, src []byte, width, height, stride int, columns, rows bool) {
	for y := range height {
		row := src[y*stride:]
		if rows {
			row = src[(height-1-y)*stride:]
		}
		for x := range width {
			from := x
			if columns {
				from = width - 1 - x
			}
			dst[x*height+y] = row[from]
		}
	}
}
