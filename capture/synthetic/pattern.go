// Package synthetic draws pictures and makes sound that need no device: the test pattern with its tone and its clock, and the
// slate.
package synthetic

import (
	"math/rand/v2"
	"time"

	"porthole/capture/media"
	"porthole/capture/source"
)

// Pattern draws the test picture: colour bars under a machine-readable clock (see Stamp), a white bar that crosses the
// picture every four seconds, a drifting texture, a field of fresh noise, and a square that lights up for the first
// tenth of every second, when the tone beeps. The noise is what fills the bitrate: motion alone is predicted away.
type Pattern struct {
	width, height int
	top           int // first row under the clock

	background media.Picture // everything that stands still
	texture    []byte        // luma rows of the drifting field, tiled
	noise      []byte        // luma noise, cut at a random place for every row
	random     *rand.Rand

	noiseWidth            int    // columns at the right edge
	driftTop, driftBottom int    // rows
	frames                uint16 // Drawn so far
}

const (
	textureSize = 64 // pixels after which the texture repeats
	noiseSize   = 1 << 18
	noiseSwing  = 16   // luma steps around grey
	noiseBits   = 0.55 // bits per noise pixel that leave the rest of the picture at a good quality
	barSeconds  = 4    // the bar's way across
	flashLength = 100 * time.Millisecond
)

// NewPattern prepares everything that does not change. The share of noise is what the bitrate can carry.
func NewPattern(spec source.Spec) *Pattern {
	_, block := stampBlock(spec.Width)
	p := &Pattern{
		width: spec.Width, height: spec.Height, top: 2 * block,
		random: rand.New(rand.NewPCG(1, 2)), // the same pictures in every run
	}
	bitsPerPixel := float64(spec.Bitrate) / float64(spec.FPS*spec.Width*spec.Height)
	field := p.height - p.top
	p.noiseWidth = int(min(0.5, bitsPerPixel/noiseBits)*float64(p.width)) &^ 1
	p.driftTop, p.driftBottom = p.top+field/8&^1, p.top+field/4&^1

	p.paintBackground()
	p.noise = make([]byte, noiseSize+p.width)
	for i := range p.noise {
		p.noise[i] = byte(media.LumaGrey - noiseSwing + p.random.IntN(2*noiseSwing+1))
	}
	p.paintTexture()
	return p
}

// bars are the colours of the background, left to right: luma, U, V in BT.601 limited range.
func bars() [7][3]byte {
	return [7][3]byte{
		{180, 128, 128}, {162, 44, 142}, {131, 156, 44}, {112, 72, 58}, {84, 184, 198}, {65, 100, 212}, {35, 212, 114},
	}
}

func (p *Pattern) paintBackground() {
	b := &p.background
	b.Resize(p.width, p.height)
	media.Fill(b.Y, media.LumaGrey)
	media.Fill(b.U, 128)
	media.Fill(b.V, 128)
	colours := bars()
	for x := range p.width {
		c := colours[x*len(colours)/p.width]
		if x >= p.width-p.noiseWidth {
			c = [3]byte{media.LumaGrey, 128, 128}
		}
		for y := p.top; y < p.height; y++ {
			b.Y[y*p.width+x] = c[0]
			if x%2 == 0 && y%2 == 0 {
				i := y/2*(p.width/2) + x/2
				b.U[i], b.V[i] = c[1], c[2]
			}
		}
	}
}

// paintTexture makes a checked pattern with a slope in every field, in rows long enough to be cut at any offset.
func (p *Pattern) paintTexture() {
	stride := p.width + textureSize
	p.texture = make([]byte, stride*textureSize)
	for y := range textureSize {
		for x := range stride {
			luma := 60 + (x*3+y*2)%48
			if (x/8+y/8)%2 == 0 {
				luma += 90
			}
			p.texture[y*stride+x] = byte(luma)
		}
	}
}

// Draw fills f with the picture of this moment and numbers it.
func (p *Pattern) Draw(f *media.Picture, at time.Time) {
	f.Resize(p.width, p.height)
	f.CapturedAt = at
	copy(f.Y, p.background.Y)
	copy(f.U, p.background.U)
	copy(f.V, p.background.V)

	sinceEpoch := time.Duration(at.UnixNano())
	p.drawDrift(f, sinceEpoch)
	p.drawNoise(f)
	p.drawBar(f, sinceEpoch)
	if sinceEpoch%time.Second < flashLength {
		p.drawFlash(f)
	}
	Stamp{Time: at, Frame: p.frames & stampFrame}.Draw(f.Y, p.width, p.width)
	p.frames++
}

func (p *Pattern) drawDrift(f *media.Picture, t time.Duration) {
	step := int(t/(25*time.Millisecond)) % textureSize
	stride := p.width + textureSize
	for y := p.driftTop; y < p.driftBottom; y++ {
		row := (y + step) % textureSize * stride
		copy(f.Y[y*p.width:(y+1)*p.width], p.texture[row+step:])
	}
}

func (p *Pattern) drawNoise(f *media.Picture) {
	for y := p.top; y < p.height; y++ {
		copy(f.Y[(y+1)*p.width-p.noiseWidth:(y+1)*p.width], p.noise[p.random.IntN(noiseSize):])
	}
}

func (p *Pattern) drawBar(f *media.Picture, t time.Duration) {
	barWidth := max(p.width/stampColumns, 2)
	const period = barSeconds * time.Second
	x := int(int64(t%period) * int64(p.width-barWidth) / int64(period))
	for y := p.top; y < p.height; y++ {
		media.Fill(f.Y[y*p.width+x:y*p.width+x+barWidth], media.LumaWhite)
	}
}

// drawFlash lights a square in the middle of the left edge.
func (p *Pattern) drawFlash(f *media.Picture) {
	side := p.height / 8
	for y := p.height / 2; y < p.height/2+side; y++ {
		media.Fill(f.Y[y*p.width:y*p.width+side], media.LumaWhite)
	}
}
