package synthetic

import (
	"context"
	"time"

	"porthole/capture/clock"
	"porthole/capture/lettering"
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
	slateLines              = 6
	largestLetter           = 0.3 // of the height of the picture
)

// drawSlate draws the text, as large as fits, in the middle.
func drawSlate(f *media.Picture, spec source.Spec) {
	f.Resize(spec.Width, spec.Height)
	media.Fill(f.Y, slateLuma)
	media.Fill(f.U, 128)
	media.Fill(f.V, 128)
	lines, face := layOut(spec.Text, spec.Width, spec.Height)
	top := (spec.Height - len(lines)*face.Height()) / 2
	for i, line := range lines {
		mask := face.Mask(line)
		f.Paint(mask, (spec.Width-mask.Rect.Dx())/2, top+i*face.Height(), media.Ink{Y: textLuma, U: 128, V: 128})
	}
}

// layOut breaks a text into the lines that can be drawn largest in a picture of this size.
func layOut(text string, width, height int) (lines []string, largest *lettering.Face) {
	const tried = 100 // pixels; what fits is worked out from how wide and high this is
	face, best := lettering.NewFace(tried), 0.0
	for count := 1; count <= slateLines; count++ {
		broken, widest := face.Wrap(text, count), 1
		for _, line := range broken {
			widest = max(widest, face.Width(line))
		}
		fits := min(slateWidth*float64(width)/float64(widest), slateHeight*float64(height)/float64(max(len(broken), 1)*face.Height()))
		if fits > best {
			lines, best = broken, fits
		}
	}
	return lines, lettering.NewFace(min(tried*best, largestLetter*float64(height)))
}
