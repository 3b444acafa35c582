package synthetic

import (
	"fmt"
	"image"
	"math"
	"strings"

	"porthole/capture/lettering"
	"porthole/capture/media"
	"porthole/capture/source"
)

// layout is where what is on the test picture stands. All its corners are even.
type layout struct {
	words, clock, date, about image.Rectangle // text
	band, lamp                image.Rectangle // what moves, and what flashes beside it
	screen                    image.Rectangle // of noise
	bars, ramp                image.Rectangle // colours and greys
}

// layOutCard divides a picture of this size, of which a share is noise: under the stamp, text on the left and the screen on the
// right, under them bars and a ramp.
func layOutCard(width, height int, noise float64) layout {
	_, block := stampBlock(width)
	top := 2 * block
	unit := height / 9
	margin := even(height / 24)
	l := layout{ramp: evenRect(0, height-unit/2, width, height), bars: evenRect(0, height-unit-unit/2, width, height-unit/2)}

	inner := evenRect(margin, top+margin, width-margin, l.bars.Min.Y-margin)
	if inner.Empty() {
		return l // room for nothing but a stamp
	}
	screen := min(0.5, noise*float64(width*(height-top))/float64(inner.Dx()*inner.Dy()))
	l.screen = evenRect(inner.Max.X-int(screen*float64(inner.Dx())), inner.Min.Y, inner.Max.X, inner.Max.Y)
	left := image.Rect(inner.Min.X, inner.Min.Y, l.screen.Min.X-margin, inner.Max.Y)

	row := func(from, to float64) image.Rectangle {
		high := float64(left.Dy())
		return evenRect(left.Min.X, left.Min.Y+int(from*high), left.Max.X, left.Min.Y+int(to*high))
	}
	l.words, l.clock, l.date, l.about, l.band = row(0, 0.24), row(0.27, 0.66), row(0.68, 0.76), row(0.76, 0.84), row(0.89, 1)
	l.lamp = evenRect(l.band.Max.X-l.band.Dy(), l.band.Min.Y, l.band.Max.X, l.band.Max.Y)
	l.band.Max.X = max(l.band.Min.X, even(l.lamp.Min.X-margin/2))
	return l
}

// period is the width of one stripe and one gap of the band, in pixels.
func (l layout) period() int { return max(2*l.band.Dy(), 2) }

func even(n int) int { return n &^ 1 }

func evenRect(x0, y0, x1, y1 int) image.Rectangle {
	return image.Rectangle{image.Pt(even(x0), even(y0)), image.Pt(max(even(x0), even(x1)), max(even(y0), even(y1)))}
}

// paintCard paints all of the test picture that stands still.
func paintCard(f *media.Picture, spec source.Spec, l layout, name string) {
	f.Resize(spec.Width, spec.Height)
	paintBackdrop(f)
	_, block := stampBlock(spec.Width)
	fill(f, evenRect(0, 0, spec.Width, min(2*block, spec.Height)), media.Ink{Y: media.LumaGrey, U: 128, V: 128})
	colours := bars()
	for i, c := range colours {
		fill(f, column(l.bars, i, len(colours)), c)
	}
	const greys = 11
	for i := range greys {
		fill(f, column(l.ramp, i, greys), media.Ink{Y: byte(media.LumaBlack + i*(media.LumaWhite-media.LumaBlack)/(greys-1)), U: 128, V: 128})
	}
	fill(f, l.screen, media.Ink{Y: media.LumaGrey, U: 128, V: 128})
	fill(f, l.band, media.Ink{Y: stripeDark, U: 150, V: 108})
	fill(f, l.clock, panel())
	f.Paint(disc(l.lamp.Dy()), l.lamp.Min.X, l.lamp.Min.Y, panel())

	for i, line := range paragraphs(spec.Text) {
		paintWords(f, line, rowOf(l.words, i, len(paragraphs(spec.Text))), white())
	}
	about := fmt.Sprintf("%d × %d · %d fps", spec.Width, spec.Height, spec.FPS)
	if name != "" {
		about = name + " · " + about
	}
	paintWords(f, about, l.about, rgb(150, 190, 255))
}

// paragraphs are the lines of a text, as whoever wrote it broke them.
func paragraphs(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// paintBackdrop is a dark slope of blue with a grid, whose lines show whether the picture is cut off or out of shape.
func paintBackdrop(f *media.Picture) {
	grid := max(even(f.Height/9), 2)
	for y := range f.Height {
		slope := float64(y) / float64(f.Height)
		c := rgb(14+12*slope, 22+18*slope, 40+34*slope)
		line := rgb(30+12*slope, 42+18*slope, 66+30*slope)
		for x := range f.Width {
			ink := c
			if y%grid < 2 || x%grid < 2 {
				ink = line
			}
			f.Y[y*f.Width+x] = ink.Y
			if x%2 == 0 && y%2 == 0 {
				i := y/2*(f.Width/2) + x/2
				f.U[i], f.V[i] = ink.U, ink.V
			}
		}
	}
}

// bars are the colours of the bars, left to right, in BT.601 limited range.
func bars() [7]media.Ink {
	return [7]media.Ink{
		{Y: 180, U: 128, V: 128}, {Y: 162, U: 44, V: 142}, {Y: 131, U: 156, V: 44}, {Y: 112, U: 72, V: 58},
		{Y: 84, U: 184, V: 198}, {Y: 65, U: 100, V: 212}, {Y: 35, U: 212, V: 114},
	}
}

func white() media.Ink { return media.Ink{Y: media.LumaWhite, U: 128, V: 128} }

// panel is what the clock stands on, and the lamp when it is off.
func panel() media.Ink { return rgb(8, 12, 22) }

// rgb is a colour of 0 to 255 each, in BT.601 limited range.
func rgb(r, g, b float64) media.Ink {
	luma := 0.299*r + 0.587*g + 0.114*b
	return media.Ink{
		Y: byte(math.Round(16 + luma*219/255)),
		U: byte(math.Round(128 + (b-luma)/1.772*224/255)),
		V: byte(math.Round(128 + (r-luma)/1.402*224/255)),
	}
}

const stripeDark, stripeLight = 50, 120

// stripeLuma is that of a place in the period: half of it light, half dark, with soft edges.
func stripeLuma(place, period int) byte {
	wave := math.Sin(2 * math.Pi * float64(place) / float64(period))
	soft := math.Tanh(3*wave)/2 + 0.5
	return byte(stripeDark + soft*(stripeLight-stripeDark))
}

// fill fills an even rectangle of a picture.
func fill(f *media.Picture, r image.Rectangle, ink media.Ink) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		media.Fill(f.Y[y*f.Width+r.Min.X:][:r.Dx()], ink.Y)
		if y%2 == 0 {
			i := y/2*(f.Width/2) + r.Min.X/2
			media.Fill(f.U[i:][:r.Dx()/2], ink.U)
			media.Fill(f.V[i:][:r.Dx()/2], ink.V)
		}
	}
}

// column is one of count of the same width that make up a rectangle.
func column(r image.Rectangle, i, count int) image.Rectangle {
	return evenRect(r.Min.X+i*r.Dx()/count, r.Min.Y, r.Min.X+(i+1)*r.Dx()/count, r.Max.Y)
}

// rowOf is one of count rows of the same height.
func rowOf(r image.Rectangle, i, count int) image.Rectangle {
	return evenRect(r.Min.X, r.Min.Y+i*r.Dy()/count, r.Max.X, r.Min.Y+(i+1)*r.Dy()/count)
}

// paintWords paints a line at the left edge of a rectangle, as large as it fits there.
func paintWords(f *media.Picture, line string, r image.Rectangle, ink media.Ink) {
	if r.Empty() || line == "" {
		return
	}
	mask := faceFor(line, r.Dx(), r.Dy()).Mask(line)
	f.Paint(mask, r.Min.X, r.Min.Y+(r.Dy()-mask.Rect.Dy())/2, ink)
}

// faceFor returns the largest letters in which a line is not larger than that.
func faceFor(line string, width, height int) *lettering.Face {
	const tried = 100 // pixels; what fits is worked out from how wide and high this is
	face := lettering.NewFace(tried)
	return lettering.NewFace(tried * min(float64(width)/float64(max(face.Width(line), 1)), float64(height)/float64(face.Height())))
}

// disc is a full circle with a smooth edge, of this diameter.
func disc(diameter int) *image.Alpha {
	mask := image.NewAlpha(image.Rect(0, 0, diameter, diameter))
	radius := float64(diameter) / 2
	for y := range diameter {
		for x := range diameter {
			inside := radius - math.Hypot(float64(x)+0.5-radius, float64(y)+0.5-radius)
			mask.Pix[y*mask.Stride+x] = byte(255 * min(1, max(0, inside+0.5)))
		}
	}
	return mask
}
