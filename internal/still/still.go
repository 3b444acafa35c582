// Package still makes JPEGs of pictures of video, in any smaller size, and completes those that cameras make. It knows neither
// streams nor who asks.
package still

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"

	"porthole/capture/media"
	"porthole/capture/scale"
)

// quality of the JPEGs, of 100: beyond it, files grow and nobody sees why.
const quality = 80

// JPEG is a picture as a file.
type JPEG struct {
	Data          []byte
	Width, Height int // pixels
}

// Encoder makes JPEGs. The zero value is ready; it keeps its scratch memory. One goroutine uses it.
type Encoder struct {
	scaler        scale.Scaler
	loaded, small media.Picture
}

// Encode makes a JPEG of a picture in 4:2:0 and limited range (black is 16, white is 235), at most width pixels wide, with even
// sides; 0: as wide as it is. The picture is not changed.
func (e *Encoder) Encode(img *image.YCbCr, width int) (JPEG, error) {
	src, err := e.load(img)
	if err != nil {
		return JPEG{}, err
	}
	e.shrink(src, width)
	fullRange(&e.small)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, view(&e.small), &jpeg.Options{Quality: quality}); err != nil {
		return JPEG{}, fmt.Errorf("encode a JPEG: %w", err)
	}
	return JPEG{Data: b.Bytes(), Width: e.small.Width, Height: e.small.Height}, nil
}

// load returns the picture as the scaler wants it: without a copy where its rows follow each other.
func (e *Encoder) load(img *image.YCbCr) (*media.Picture, error) {
	b := img.Rect
	w, h := b.Dx(), b.Dy()
	tight := b.Min == image.Point{} && w%2 == 0 && h%2 == 0 && w > 0 && h > 0 && img.YStride == w && img.CStride == w/2 &&
		img.SubsampleRatio == image.YCbCrSubsampleRatio420 && len(img.Y) == w*h && len(img.Cb) == w*h/4 && len(img.Cr) == w*h/4
	if tight {
		return &media.Picture{Y: img.Y, U: img.Cb, V: img.Cr, Width: w, Height: h}, nil
	}
	if err := e.loaded.Load(img, false); err != nil {
		return nil, fmt.Errorf("make a JPEG: %w", err)
	}
	return &e.loaded, nil
}

// shrink makes small the picture in the size that is asked for.
func (e *Encoder) shrink(src *media.Picture, width int) {
	if width <= 0 || width >= src.Width {
		e.small.Copy(src)
		return
	}
	width = max(width&^1, 2)
	e.scaler.Down(&e.small, src, width, max(src.Height*width/src.Width&^1, 2))
}

// view is the picture as the image package has it.
func view(p *media.Picture) *image.YCbCr {
	return &image.YCbCr{
		Y: p.Y, Cb: p.U, Cr: p.V, YStride: p.Width, CStride: p.Width / 2,
		SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, p.Width, p.Height),
	}
}

// fullRange makes of limited range, as video has, that of JPEGs, in which black is 0 and white is 255.
func fullRange(p *media.Picture) {
	var luma, chroma [256]byte
	for i := range 256 {
		luma[i] = clamp(((i-16)*255 + 109) / 219)
		chroma[i] = clamp(128 + ((i-128)*255)/224)
	}
	for i, v := range p.Y {
		p.Y[i] = luma[v]
	}
	for i, v := range p.U {
		p.U[i] = chroma[v]
	}
	for i, v := range p.V {
		p.V[i] = chroma[v]
	}
}

func clamp(v int) byte { return byte(min(max(v, 0), 255)) }
