// Package lettering draws text with smooth edges, in any size: Latin, Greek and Cyrillic in the Go font, Chinese (the letters of
// GB 2312) in a part of Noto Sans. It makes masks, which say how much of each pixel a letter covers; what is made of
// them is up to the caller. No font of the system is needed.
package lettering

import (
	_ "embed" // for the Chinese font
	"fmt"
	"image"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

//go:embed fonts/han.otf
var han []byte

// fonts are looked for a letter in this order. They are read when the first text is drawn or checked.
//
//nolint:gochecknoglobals // fonts are data, like the embedded file
var fonts = sync.OnceValue(func() [2]*sfnt.Font {
	return [2]*sfnt.Font{mustParse(gomedium.TTF), mustParse(han)}
})

func mustParse(data []byte) *sfnt.Font {
	f, err := opentype.Parse(data)
	if err != nil {
		panic(fmt.Sprintf("lettering: a font that is part of the program cannot be read: %v", err))
	}
	return f
}

// fontOf is which of the fonts has a letter.
func fontOf(buffer *sfnt.Buffer, r rune) (which int, ok bool) {
	for i, f := range fonts() {
		if index, err := f.GlyphIndex(buffer, r); err == nil && index != 0 {
			return i, true
		}
	}
	return 0, false
}

// Check returns an error that names the first letter of a text that cannot be drawn.
func Check(text string) error {
	var buffer sfnt.Buffer
	for _, r := range text {
		if _, ok := fontOf(&buffer, r); !ok || !unicode.IsPrint(r) || r == utf8.RuneError {
			return fmt.Errorf("no font here has the letter %q", r)
		}
	}
	return nil
}

// Face is the letters in one size. It is not safe for concurrent use.
type Face struct {
	faces   [2]font.Face
	ascent  int
	descent int
	buffer  sfnt.Buffer
}

// NewFace returns the letters of this size in pixels: that of a Chinese letter, or of an M with what is above and below it.
// Sizes below 1 count as 1.
func NewFace(size float64) *Face {
	f := new(Face)
	for i, parsed := range fonts() {
		face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: max(size, 1), DPI: 72, Hinting: font.HintingNone})
		if err != nil {
			panic(fmt.Sprintf("lettering: a font of %v pixels: %v", size, err)) // it refuses nothing
		}
		f.faces[i] = face
	}
	// An accent on a capital letter reaches up to the ascent of the font, so there is some air above and below.
	metrics := f.faces[0].Metrics()
	f.ascent = metrics.Ascent.Ceil() + int(size/12) + 1
	f.descent = metrics.Descent.Ceil() + int(size/24) + 1
	return f
}

// Ascent is how far above its base line a line reaches, in pixels.
func (f *Face) Ascent() int { return f.ascent }

// Descent is how far below its base line a line reaches, in pixels.
func (f *Face) Descent() int { return f.descent }

// Height is that of a line, in pixels.
func (f *Face) Height() int { return f.ascent + f.descent }

// Width is that of a text on one line, in pixels.
func (f *Face) Width(text string) int {
	var width fixed.Int26_6
	f.each(text, func(face font.Face, r rune) {
		advance, _ := face.GlyphAdvance(r)
		width += advance
	})
	return width.Ceil()
}

// Mask is a text on one line: 255 where a letter covers a pixel, 0 where none does. It is as wide as the text and as high as a
// line. A letter that no font has leaves a gap.
func (f *Face) Mask(text string) *image.Alpha {
	mask := image.NewAlpha(image.Rect(0, 0, f.Width(text), f.Height()))
	drawer := font.Drawer{Dst: mask, Src: image.Opaque, Dot: fixed.P(0, f.ascent)}
	f.each(text, func(face font.Face, r rune) {
		drawer.Face = face
		drawer.DrawString(string(r))
	})
	return mask
}

// each calls do for the letters of a text that there are, with the face that has them. Kerning is left out: it is for
// pairs, and the fonts here have next to none.
func (f *Face) each(text string, do func(font.Face, rune)) {
	for _, r := range text {
		if which, ok := fontOf(&f.buffer, r); ok {
			do(f.faces[which], r)
		}
	}
}
