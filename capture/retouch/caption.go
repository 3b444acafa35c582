package retouch

import (
	"image"
	"strings"
	"time"

	"porthole/capture/lettering"
	"porthole/capture/media"
	"porthole/capture/source"
)

const (
	letterShare = 1.0 / 20 // of the height of the picture, or of the width if that is less
	letterLeast = 14       // pixels
	widest      = 0.94     // of the width of the picture
	clockFormat = "2006-01-02 15:04:05"
)

// caption is what is written into pictures: white letters in a black outline, which can be read on anything. The letters are drawn anew when
// they change, once a second; putting them into a picture takes one pass over the pixels that they are on.
type caption struct {
	overlay source.Overlay
	name    string

	text          string // that is drawn
	width, height int    // of the picture that it is for
	face          *lettering.Face
	size          float64 // of face
	luma, colour  stamp
	x, y          int // of its top left corner; both even
}

// stamp is what becomes of the pixels of a plane: each keeps so many 256ths of itself, and ink is added.
type stamp struct {
	width, height int
	keep          []uint16
	ink           []byte
}

// line is the text at this moment.
func (c *caption) line(now time.Time) string {
	var parts []string
	if c.overlay.Name {
		parts = append(parts, c.name)
	}
	if c.overlay.Text != "" {
		parts = append(parts, c.overlay.Text)
	}
	if c.overlay.Clock {
		parts = append(parts, now.Format(clockFormat))
	}
	return strings.Join(parts, "  ")
}

// draw writes the text of this moment into a picture.
func (c *caption) draw(f *media.Picture, now time.Time) {
	if c.overlay == (source.Overlay{}) {
		return
	}
	if text := c.line(now); text != c.text || f.Width != c.width || f.Height != c.height {
		c.text, c.width, c.height = text, f.Width, f.Height
		c.prepare()
	}
	c.luma.apply(f.Y, f.Width, f.Height, c.x, c.y)
	c.colour.apply(f.U, f.Width/2, f.Height/2, c.x/2, c.y/2)
	c.colour.apply(f.V, f.Width/2, f.Height/2, c.x/2, c.y/2)
}

// prepare draws the text, in the lower left corner, as large as fits.
func (c *caption) prepare() {
	size := max(letterShare*float64(min(c.width, c.height*16/9)*9/16), letterLeast)
	c.take(size)
	if limit := widest * float64(c.width); float64(c.face.Width(c.text)) > limit {
		c.take(size * limit / float64(c.face.Width(c.text)))
	}
	edge := int(c.size/12) + 1
	letters := padded(c.face.Mask(c.text), edge)
	c.x, c.y = int(c.size/2)&^1, max(c.height-letters.Rect.Dy()-int(c.size/3), 0)&^1
	c.stampOf(letters, outline(letters, edge))
}

func (c *caption) take(size float64) {
	if c.face == nil || c.size != size {
		c.face, c.size = lettering.NewFace(size), size
	}
}

// padded is a mask with room around it, and even sides.
func padded(mask *image.Alpha, edge int) *image.Alpha {
	w, h := mask.Rect.Dx(), mask.Rect.Dy()
	p := image.NewAlpha(image.Rect(0, 0, (w+2*edge+1)&^1, (h+2*edge+1)&^1))
	for y := range h {
		copy(p.Pix[(y+edge)*p.Stride+edge:], mask.Pix[y*mask.Stride:y*mask.Stride+w])
	}
	return p
}

// outline covers what is within edge pixels of the letters: the greatest value of the neighbourhood, first of rows, then of columns.
func outline(letters *image.Alpha, edge int) *image.Alpha {
	w, h := letters.Rect.Dx(), letters.Rect.Dy()
	across, out := image.NewAlpha(letters.Rect), image.NewAlpha(letters.Rect)
	for y := range h {
		for x := range w {
			for i := max(x-edge, 0); i <= min(x+edge, w-1); i++ {
				across.Pix[y*w+x] = max(across.Pix[y*w+x], letters.Pix[y*w+i])
			}
		}
	}
	for y := range h {
		for i := max(y-edge, 0); i <= min(y+edge, h-1); i++ {
			for x := range w {
				out.Pix[y*w+x] = max(out.Pix[y*w+x], across.Pix[i*w+x])
			}
		}
	}
	return out
}

// stampOf works out what black outlines and white letters over them do to each pixel. Of colour, both leave none.
func (c *caption) stampOf(letters, outline *image.Alpha) {
	w, h := letters.Rect.Dx(), letters.Rect.Dy()
	c.luma.resize(w, h)
	for i, a := range letters.Pix {
		white, black := int(a), int(outline.Pix[i])
		keep := (255 - white) * (255 - black) // of 255*255
		c.luma.keep[i] = uint16(keep * 256 / (255 * 255))
		dark := (255 - white) * black
		c.luma.ink[i] = byte((white*255*media.LumaWhite + dark*media.LumaBlack) / (255 * 255))
	}
	c.colour.resize(w/2, h/2)
	for y := range h / 2 {
		for x := range w / 2 {
			at, i := 2*y*w+2*x, y*(w/2)+x
			keep := (c.luma.keep[at] + c.luma.keep[at+1] + c.luma.keep[at+w] + c.luma.keep[at+w+1]) / 4
			c.colour.keep[i], c.colour.ink[i] = keep, byte((256-int(keep))*128/256)
		}
	}
}

func (s *stamp) resize(width, height int) {
	s.width, s.height = width, height
	s.keep, s.ink = make([]uint16, width*height), make([]byte, width*height)
}

// apply puts the stamp into a plane, with its top left corner at x, y. What would be outside is left out.
func (s *stamp) apply(plane []byte, width, height, x, y int) {
	columns := min(s.width, width-x)
	if columns <= 0 {
		return
	}
	for row := range min(s.height, height-y) {
		line := plane[(y+row)*width+x:][:columns]
		keep := s.keep[row*s.width:][:columns]
		ink := s.ink[row*s.width:][:columns]
		for i, k := range keep {
			if k < 256 {
				line[i] = byte(uint16(line[i])*k>>8) + ink[i]
			}
		}
	}
}
