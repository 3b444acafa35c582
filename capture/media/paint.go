package media

import "image"

// Ink is a colour of pictures: luma 16 to 235, and two differences of colour around 128, as Picture has them.
type Ink struct{ Y, U, V byte }

// Paint covers f with ink where the mask says so, with the top left corner of the mask at x, y. What would be outside the picture is
// left out. Half covered is half of each.
func (f *Picture) Paint(mask *image.Alpha, x, y int, ink Ink) {
	width, height := mask.Rect.Dx(), mask.Rect.Dy()
	left, right := max(0, -x), min(width, f.Width-x)
	if left >= right {
		return
	}
	for row := max(0, -y); row < min(height, f.Height-y); row++ {
		covered := mask.Pix[row*mask.Stride+left : row*mask.Stride+right]
		line := f.Y[(y+row)*f.Width+x+left:]
		for i, a := range covered {
			if a > 0 {
				line[i] = mix(line[i], ink.Y, uint32(a))
			}
		}
	}
	f.paintColour(mask, x, y, ink)
}

// paintColour is Paint for the planes of half size: each of their pixels is covered as the four below it are on average.
func (f *Picture) paintColour(mask *image.Alpha, x, y int, ink Ink) {
	halfWidth := f.Width / 2
	at := func(column, row int) uint32 { // of the picture
		if column -= x; column < 0 || column >= mask.Rect.Dx() {
			return 0
		}
		if row -= y; row < 0 || row >= mask.Rect.Dy() {
			return 0
		}
		return uint32(mask.Pix[row*mask.Stride+column])
	}
	for row := max(0, y/2); row < min((y+mask.Rect.Dy()+1)/2, f.Height/2); row++ {
		for column := max(0, x/2); column < min((x+mask.Rect.Dx()+1)/2, halfWidth); column++ {
			a := (at(2*column, 2*row) + at(2*column+1, 2*row) + at(2*column, 2*row+1) + at(2*column+1, 2*row+1)) / 4
			if a > 0 {
				i := row*halfWidth + column
				f.U[i], f.V[i] = mix(f.U[i], ink.U, a), mix(f.V[i], ink.V, a)
			}
		}
	}
}

// mix is a of to, in 255ths, and the rest of from.
func mix(from, to byte, a uint32) byte {
	return byte((uint32(from)*(255-a) + uint32(to)*a + 127) / 255)
}
