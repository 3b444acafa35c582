package synthetic

import (
	"image"
	"time"

	"porthole/capture/lettering"
	"porthole/capture/media"
)

// clockFace shows the time to people, to the hundredth of a second, and the date under it.
type clockFace struct {
	corner image.Point // of the first digit
	height int         // rows
	glyphs [256]glyph  // of the letters that a time has

	dateAt   image.Rectangle
	dateFace *lettering.Face
	date     string
	dateMask *image.Alpha // of date
}

// glyph is a letter on the panel: luma, rows of width.
type glyph struct {
	width int
	luma  []byte
}

const (
	timeFormat = "15:04:05.00"
	dateFormat = "Monday, 2006-01-02 MST"
	longest    = "Wednesday, 2006-01-02 +0000"
)

// newClockFace makes one that fits into these rectangles.
func newClockFace(at, dateAt image.Rectangle) clockFace {
	c := clockFace{dateAt: dateAt}
	if at.Empty() || dateAt.Empty() {
		return c
	}
	air := at.Dy() / 8
	face := faceFor(timeFormat, at.Dx()-2*air, at.Dy())
	c.height = face.Height()
	c.corner = image.Pt(at.Min.X+air, at.Min.Y+(at.Dy()-c.height)/2)
	for _, letter := range "0123456789:." {
		mask := face.Mask(string(letter))
		var f media.Picture
		f.Resize(mask.Rect.Dx(), mask.Rect.Dy())
		media.Fill(f.Y, panel().Y)
		f.Paint(mask, 0, 0, white())
		c.glyphs[letter] = glyph{width: f.Width, luma: f.Y}
	}
	c.dateFace = faceFor(longest, dateAt.Dx(), dateAt.Dy())
	return c
}

// draw draws the time as the location of at has it.
func (c *clockFace) draw(f *media.Picture, at time.Time) {
	if c.dateFace == nil {
		return // no room
	}
	var text [len(timeFormat)]byte
	x := c.corner.X
	for _, letter := range at.AppendFormat(text[:0], timeFormat) {
		g := &c.glyphs[letter]
		for y := range c.height {
			copy(f.Y[(c.corner.Y+y)*f.Width+x:][:g.width], g.luma[y*g.width:])
		}
		x += g.width
	}
	var day [len(longest)]byte
	if date := at.AppendFormat(day[:0], dateFormat); c.date != string(date) {
		c.date = string(date)
		c.dateMask = c.dateFace.Mask(c.date)
	}
	f.Paint(c.dateMask, c.dateAt.Min.X, c.dateAt.Min.Y+(c.dateAt.Dy()-c.dateMask.Rect.Dy())/2, rgb(150, 190, 255))
}
