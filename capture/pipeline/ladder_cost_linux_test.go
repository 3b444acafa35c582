//go:build cgo

package pipeline

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/scale"
	"porthole/capture/synthetic"
	"porthole/internal/broadcast"
)

// ladderCost encodes pictures of the pattern in 720p and in both rungs, one after the other, and adds up the processor time that each
// takes. It stays on one thread.
type ladderCost struct {
	top      encode.VideoEncoder
	rungs    []encode.VideoEncoder
	sizes    []broadcast.Nominal
	pattern  *synthetic.Pattern
	at, last time.Time
	pictures [3]media.Picture
	scaler   scale.Scaler
	noise    []byte // nil: none
	n        int

	large, scaling, small time.Duration
}

func newLadderCost(tb testing.TB) *ladderCost {
	tb.Helper()
	library, err := encode.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	spec := capturetest.Spec(tb, "pattern:")
	c := &ladderCost{pattern: synthetic.NewPattern(spec), at: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), sizes: rungSizes(spec.Ladder, spec.Width, spec.Height)}
	large := broadcast.Nominal{Width: spec.Width, Height: spec.Height}
	build := func(size broadcast.Nominal, fps float64, bitrate, layers int) encode.VideoEncoder {
		encoder, err := library.NewVideo(encode.Params{Width: size.Width, Height: size.Height, FPS: fps, Bitrate: bitrate, TemporalLayers: layers})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = encoder.Close() })
		return encoder
	}
	c.top = build(large, 30, spec.Bitrate, topLayers)
	for _, size := range c.sizes {
		c.rungs = append(c.rungs, build(size, rungRate(30), int(rungBitrate(spec.Bitrate, large, size, rungRate(30)/30)), rungLayers))
	}
	return c
}

// picture encodes the next one.
func (c *ladderCost) picture(tb testing.TB) {
	c.pattern.Draw(&c.pictures[0], c.at)
	c.addNoise()
	c.at = c.at.Add(time.Second / 30)
	keyframe := c.n%60 == 0
	c.n++
	encode := func(e encode.VideoEncoder, f *media.Picture) time.Duration {
		begin := capturetest.CPUTime(tb)
		if _, err := e.Encode(f, keyframe); err != nil {
			tb.Fatal(err)
		}
		return capturetest.CPUTime(tb) - begin
	}
	c.large += encode(c.top, &c.pictures[0])
	if c.at.Sub(c.last) < rungInterval {
		return
	}
	c.last = c.at
	for i, e := range c.rungs {
		begin := capturetest.CPUTime(tb)
		c.scaler.Down(&c.pictures[i+1], &c.pictures[i], c.sizes[i].Width, c.sizes[i].Height)
		c.scaling += capturetest.CPUTime(tb) - begin
		c.small += encode(e, &c.pictures[i+1])
	}
}

// addNoise makes pictures what those of a camera are: every pixel differs a little from the one before.
func (c *ladderCost) addNoise() {
	if c.noise == nil {
		return
	}
	luma := c.pictures[0].Y
	shift := c.n * 7919 % (len(c.noise) - len(luma))
	for i, n := range c.noise[shift:][:len(luma)] {
		luma[i] += n
	}
}

// BenchmarkLadder says what 360p and 180p cost together, scaling included, in percent of the time that encoding 720p takes.
func BenchmarkLadder(b *testing.B) {
	for _, content := range []string{"pattern", "noisy"} {
		b.Run(content, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			c := newLadderCost(b)
			if content == "noisy" {
				r := rand.New(rand.NewPCG(1, 2))
				c.noise = make([]byte, 1280*720*2)
				for i := range c.noise {
					c.noise[i] = byte(r.IntN(7))
				}
			}
			for b.Loop() {
				c.picture(b)
			}
			b.ReportMetric(100*float64(c.small+c.scaling)/float64(c.large), "%of-720p")
			b.ReportMetric(100*float64(c.scaling)/float64(c.large), "%scaling")
		})
	}
}
