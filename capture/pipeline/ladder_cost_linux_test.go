//go:build cgo

package pipeline

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
	at       time.Time
	pictures [3]media.Picture
	scaler   scale.Scaler
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
	build := func(size broadcast.Nominal, bitrate int) encode.VideoEncoder {
		encoder, err := library.NewVideo(encode.Params{Width: size.Width, Height: size.Height, FPS: 30, Bitrate: bitrate})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = encoder.Close() })
		return encoder
	}
	c.top = build(large, spec.Bitrate)
	for _, size := range c.sizes {
		c.rungs = append(c.rungs, build(size, int(rungBitrate(spec.Bitrate, large, size))))
	}
	return c
}

// picture encodes the next one.
func (c *ladderCost) picture(tb testing.TB) {
	c.pattern.Draw(&c.pictures[0], c.at)
	c.at = c.at.Add(time.Second / 30)
	keyframe := c.n%60 == 0
	c.n++
	encode := func(e encode.VideoEncoder, f *media.Picture) time.Duration {
		begin := cpuTime(tb)
		if _, err := e.Encode(f, keyframe); err != nil {
			tb.Fatal(err)
		}
		return cpuTime(tb) - begin
	}
	c.large += encode(c.top, &c.pictures[0])
	for i, e := range c.rungs {
		begin := cpuTime(tb)
		c.scaler.Down(&c.pictures[i+1], &c.pictures[i], c.sizes[i].Width, c.sizes[i].Height)
		c.scaling += cpuTime(tb) - begin
		c.small += encode(e, &c.pictures[i+1])
	}
}

// cpuTime is what this thread has used.
func cpuTime(tb testing.TB) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// BenchmarkLadder says what 360p and 180p cost together, scaling included, in percent of the time that encoding 720p takes.
func BenchmarkLadder(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := newLadderCost(b)
	for b.Loop() {
		c.picture(b)
	}
	b.ReportMetric(100*float64(c.small+c.scaling)/float64(c.large), "%of-720p")
	b.ReportMetric(100*float64(c.scaling)/float64(c.large), "%scaling")
}
