package media

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"time"
)

// Picture is one raw picture in I420 (planar 4:2:0, 8 bits, BT.601 limited range), with even sides.
// It owns its planes and is used again and again: readers fill it, the encoder reads it.
type Picture struct {
	Y, U, V       []byte // Y has Width bytes a row, U and V have Width/2
	Width, Height int
	CapturedAt    time.Time // with its monotonic reading
}

// ErrBadPicture is returned for a picture that cannot be a picture: no area, planes too short.
var ErrBadPicture = errors.New("broken picture")

// Resize makes room for a picture of this size; the contents are undefined afterwards.
func (f *Picture) Resize(width, height int) {
	f.Width, f.Height = width, height
	luma, chroma := width*height, width/2*(height/2)
	if cap(f.Y) < luma+2*chroma {
		f.Y = make([]byte, luma+2*chroma)
	}
	all := f.Y[:cap(f.Y)]
	f.Y = all[:luma:cap(all)] // keeps the whole capacity, for the next resize
	f.U = all[luma : luma+chroma : luma+chroma]
	f.V = all[luma+chroma : luma+2*chroma : luma+2*chroma]
}

// Copy makes f the same picture as from.
func (f *Picture) Copy(from *Picture) {
	f.Resize(from.Width, from.Height)
	f.CapturedAt = from.CapturedAt
	copy(f.Y, from.Y)
	copy(f.U, from.U)
	copy(f.V, from.V)
}

// Load copies img into f and converts it to 4:2:0. A picture with an odd side loses its last row or column.
// fullRange says that img uses 0 to 255 for black to white, as JPEG does, instead of 16 to 235: the encoder states
// no range, and players then assume the latter, which would crush shadows and lights.
func (f *Picture) Load(img image.Image, fullRange bool) error {
	bounds := img.Bounds()
	width, height := bounds.Dx()&^1, bounds.Dy()&^1
	if width < 2 || height < 2 {
		return fmt.Errorf("%w: %dx%d", ErrBadPicture, bounds.Dx(), bounds.Dy())
	}
	f.Resize(width, height)
	switch src := img.(type) {
	case *image.YCbCr:
		if err := f.loadYCbCr(src); err != nil {
			return err
		}
	case *image.Gray:
		for y := range height {
			copy(f.Y[y*width:(y+1)*width], src.Pix[y*src.Stride:])
		}
		Fill(f.U, 128)
		Fill(f.V, 128)
	default:
		f.loadAny(img)
	}
	if fullRange {
		f.compressRange()
	}
	return nil
}

func (f *Picture) loadYCbCr(src *image.YCbCr) error {
	x0, y0 := src.Rect.Min.X, src.Rect.Min.Y
	lastLuma := src.YOffset(x0+f.Width-1, y0+f.Height-1)
	lastChroma := src.COffset(x0+f.Width-1, y0+f.Height-1)
	if lastLuma >= len(src.Y) || lastChroma >= min(len(src.Cb), len(src.Cr)) {
		return fmt.Errorf("%w: planes are too short for %dx%d", ErrBadPicture, f.Width, f.Height)
	}
	for y := range f.Height {
		copy(f.Y[y*f.Width:(y+1)*f.Width], src.Y[src.YOffset(x0, y0+y):])
	}
	// Chroma: every second row, and every second column where it has all. The half line of shift is not visible.
	halfWidth := f.Width / 2
	copyRows := src.SubsampleRatio == image.YCbCrSubsampleRatio420 || src.SubsampleRatio == image.YCbCrSubsampleRatio422
	for cy := range f.Height / 2 {
		u, v := f.U[cy*halfWidth:(cy+1)*halfWidth], f.V[cy*halfWidth:(cy+1)*halfWidth]
		if copyRows {
			offset := src.COffset(x0, y0+2*cy)
			copy(u, src.Cb[offset:])
			copy(v, src.Cr[offset:])
			continue
		}
		for cx := range halfWidth {
			offset := src.COffset(x0+2*cx, y0+2*cy)
			u[cx], v[cx] = src.Cb[offset], src.Cr[offset]
		}
	}
	return nil
}

// loadAny is for what no camera is known to deliver; correct and slow.
func (f *Picture) loadAny(img image.Image) {
	origin := img.Bounds().Min
	for y := range f.Height {
		for x := range f.Width {
			c := color.YCbCrModel.Convert(img.At(origin.X+x, origin.Y+y)).(color.YCbCr)
			f.Y[y*f.Width+x] = c.Y
			if x%2 == 0 && y%2 == 0 {
				i := y/2*(f.Width/2) + x/2
				f.U[i], f.V[i] = c.Cb, c.Cr
			}
		}
	}
}

// compressRange maps 0…255 to 16…235 (luma) and 16…240 (chroma).
func (f *Picture) compressRange() {
	var luma, chroma [256]byte
	for i := range 256 {
		luma[i] = byte(16 + (i*219+127)/255)
		chroma[i] = byte(16 + (i*224+127)/255)
	}
	for i, v := range f.Y {
		f.Y[i] = luma[v]
	}
	for i, v := range f.U {
		f.U[i] = chroma[v]
	}
	for i, v := range f.V {
		f.V[i] = chroma[v]
	}
}

// What luma is black, grey and white in the pictures' range.
const (
	LumaBlack = 16
	LumaGrey  = 126
	LumaWhite = 235
)

// Fill sets every byte.
func Fill(b []byte, v byte) {
	if len(b) == 0 {
		return
	}
	b[0] = v
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}
