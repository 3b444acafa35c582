package synthetic

import (
	"context"
	"image"
	"strings"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"porthole/capture/clock"
	"porthole/capture/media"
	"porthole/capture/source"
)

// SlateSource delivers one still picture with a text, for viewers to see while there is nothing else. It keeps the pace of its
// spec, which is a slow one, and begins at once.
type SlateSource struct {
	still media.Picture
	fps   int
	start time.Time
	next  int64 // number of the picture that is due next
}

// NewSlateSource begins with the picture of start. The spec is that of a slate.
func NewSlateSource(spec source.Spec, start time.Time) *SlateSource {
	s := &SlateSource{fps: spec.FPS, start: start}
	drawSlate(&s.still, spec)
	return s
}

// Read waits until a picture is due.
func (s *SlateSource) Read(ctx context.Context, f *media.Picture) error {
	interval := time.Second / time.Duration(s.fps)
	due := s.start.Add(time.Duration(s.next) * interval)
	if late := time.Since(due); late > interval {
		s.next += int64(late / interval)
		due = s.start.Add(time.Duration(s.next) * interval)
	}
	s.next++
	clock.Wait(ctx, time.Until(due))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f.Copy(&s.still)
	f.CapturedAt = due
	return nil
}

// Close does nothing.
func (s *SlateSource) Close() error { return nil }

const (
	slateLuma = 40  // dark, but not a black picture that looks broken
	textLuma  = 220 // less than white: nobody wants to be dazzled by a notice

	slateWidth, slateHeight = 0.8, 0.6 // the most of the picture that the text takes
	slateLines              = 4
)

// drawSlate draws the text, as large as fits, in the middle.
func drawSlate(f *media.Picture, spec source.Spec) {
	f.Resize(spec.Width, spec.Height)
	media.Fill(f.Y, slateLuma)
	media.Fill(f.U, 128)
	media.Fill(f.V, 128)
	lines, scale := layOut(spec.Text, spec.Width, spec.Height)
	height := basicfont.Face7x13.Height * scale
	top := (spec.Height - len(lines)*height) / 2
	for i, line := range lines {
		drawLine(f, line, top+i*height, scale)
	}
}

// layOut breaks a text into the lines that can be drawn largest in a picture of this size, each dot of the font as a square of
// scale pixels.
func layOut(text string, width, height int) (lines []string, scale int) {
	face := basicfont.Face7x13
	words := strings.Fields(text)
	for rows := 1; rows <= min(len(words), slateLines); rows++ {
		tried := breakInto(words, rows, len(text))
		longest := 0
		for _, line := range tried {
			longest = max(longest, len(line))
		}
		fits := min(slateWidth*float64(width)/float64(longest*face.Advance), slateHeight*float64(height)/float64(len(tried)*face.Height))
		if int(fits) > scale || lines == nil {
			lines, scale = tried, max(int(fits), 1)
		}
	}
	return lines, scale
}

// breakInto makes at most so many lines of the words of a text of this length.
func breakInto(words []string, rows, length int) []string {
	var lines []string
	line := ""
	for _, word := range words {
		if line != "" && len(lines) < rows-1 && (len(line)+len(word)/2) > length/rows {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

// drawLine draws one line, centred, every dot of the font as a square of so many pixels.
func drawLine(f *media.Picture, text string, top, scale int) {
	face := basicfont.Face7x13
	small := image.NewAlpha(image.Rect(0, 0, len(text)*face.Advance, face.Height))
	drawer := font.Drawer{Dst: small, Src: image.Opaque, Face: face, Dot: fixed.P(0, face.Ascent)}
	drawer.DrawString(text)
	left := (f.Width - small.Rect.Dx()*scale) / 2
	for y := range small.Rect.Dy() * scale {
		for x := range small.Rect.Dx() * scale {
			row, column := top+y, left+x
			if row < 0 || row >= f.Height || column < 0 || column >= f.Width {
				continue
			}
			if small.AlphaAt(x/scale, y/scale).A > 0 {
				f.Y[row*f.Width+column] = textLuma
			}
		}
	}
}
