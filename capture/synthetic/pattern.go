// Package synthetic draws pictures and makes sound that need no device: the test pattern with its tone and its clock, and the
// slate.
package synthetic

import (
	"image"
	"math/rand/v2"
	"time"

	"porthole/capture/media"
	"porthole/capture/source"
)

// Pattern draws the test picture: words, a clock to read and one for programs (see Stamp), stripes that drift under a ball that
// crosses them every four seconds, a screen of fresh noise, and a lamp that lights up for the first tenth of every second,
// when the tone beeps. The noise is what fills the bitrate: motion alone is predicted away.
type Pattern struct {
	spec   source.Spec
	layout layout

	background media.Picture // everything that stands still
	stripes    []byte        // luma rows of the drifting band, longer than the band by a period
	noise      []byte        // luma noise, cut at a random place for every row
	random     *rand.Rand
	clock      clockFace
	ball, lamp *image.Alpha
	frames     uint16 // Drawn so far
}

const (
	noiseSize   = 1 << 18
	noiseSwing  = 16   // luma steps around grey
	noiseBits   = 0.55 // bits per noise pixel that leave the rest of the picture at a good quality
	ballSeconds = 4    // the ball's way across
	flashLength = 100 * time.Millisecond
)

// NewPattern prepares everything that does not change. The share of noise is what the bitrate can carry.
func NewPattern(spec source.Spec) *Pattern {
	bitsPerPixel := float64(spec.Bitrate) / float64(max(spec.FPS*spec.Width*spec.Height, 1))
	p := &Pattern{
		spec: spec, layout: layOutCard(spec.Width, spec.Height, bitsPerPixel/noiseBits),
		random: rand.New(rand.NewPCG(1, 2)), // the same pictures in every run
	}
	p.noise = make([]byte, noiseSize+spec.Width)
	for i := range p.noise {
		p.noise[i] = byte(media.LumaGrey - noiseSwing + p.random.IntN(2*noiseSwing+1))
	}
	p.ball, p.lamp = disc(p.layout.band.Dy()), disc(p.layout.lamp.Dy())
	p.paintStripes()
	p.SetName("")
	return p
}

// SetName has the picture show of which stream it is. It is not for use while the pattern draws.
func (p *Pattern) SetName(name string) {
	paintCard(&p.background, p.spec, p.layout, name)
	p.clock = newClockFace(p.layout.clock, p.layout.date)
}

// paintStripes makes one row of soft diagonal stripes for each row of the band, long enough to be cut at any offset.
func (p *Pattern) paintStripes() {
	band, period := p.layout.band, p.layout.period()
	stride := band.Dx() + period
	p.stripes = make([]byte, stride*band.Dy())
	for y := range band.Dy() {
		for x := range stride {
			p.stripes[y*stride+x] = stripeLuma((x+y)%period, period)
		}
	}
}

// Draw fills f with the picture of this moment and numbers it.
func (p *Pattern) Draw(f *media.Picture, at time.Time) {
	f.Copy(&p.background)
	f.CapturedAt = at

	sinceEpoch := time.Duration(at.UnixNano())
	p.drawStripes(f, sinceEpoch)
	p.drawBall(f, sinceEpoch)
	p.drawNoise(f)
	if sinceEpoch%time.Second < flashLength {
		f.Paint(p.lamp, p.layout.lamp.Min.X, p.layout.lamp.Min.Y, white())
	}
	p.clock.draw(f, at)
	Stamp{Time: at, Frame: p.frames & stampFrame}.Draw(f.Y, f.Width, f.Width)
	p.frames++
}

// drawStripes moves the stripes by their period in a second.
func (p *Pattern) drawStripes(f *media.Picture, t time.Duration) {
	band, period := p.layout.band, p.layout.period()
	step := int(int64(t%time.Second) * int64(period) / int64(time.Second))
	stride := band.Dx() + period
	for y := range band.Dy() {
		copy(f.Y[(band.Min.Y+y)*f.Width+band.Min.X:][:band.Dx()], p.stripes[y*stride+step:])
	}
}

func (p *Pattern) drawBall(f *media.Picture, t time.Duration) {
	const period = ballSeconds * time.Second
	band := p.layout.band
	way := band.Dx() - p.ball.Rect.Dx()
	f.Paint(p.ball, band.Min.X+int(int64(t%period)*int64(way)/int64(period)), band.Min.Y, white())
}

func (p *Pattern) drawNoise(f *media.Picture) {
	screen := p.layout.screen
	for y := screen.Min.Y; y < screen.Max.Y; y++ {
		copy(f.Y[y*f.Width+screen.Min.X:][:screen.Dx()], p.noise[p.random.IntN(noiseSize):])
	}
}
