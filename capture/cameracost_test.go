//go:build cgo

package capture

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/pipeline"
	"porthole/capture/publish"
	"porthole/capture/synthetic"
	"porthole/capture/v4l2/v4l2test"
	"porthole/capture/v4l2/videodev"
	"porthole/internal/broadcast"
	"porthole/internal/processtest"
)

// noisy draws so many pictures of the test pattern, with the noise of a camera in them.
func noisy(tb testing.TB, width, height, count int) (pictures []media.Picture) {
	tb.Helper()
	spec := capturetest.Spec(tb, "pattern:")
	spec.Width, spec.Height = width, height
	pattern, r := synthetic.NewPattern(spec), rand.New(rand.NewPCG(1, 2))
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for range count {
		var p media.Picture
		pattern.Draw(&p, at)
		for i := range p.Y {
			p.Y[i] += byte(r.IntN(5))
		}
		pictures, at = append(pictures, p), at.Add(time.Second/30)
	}
	return pictures
}

// recorded is what the encoder of a camera makes of pictures, a keyframe first.
func recorded(tb testing.TB, pictures []media.Picture, bitrate int) (units [][]byte) {
	tb.Helper()
	library, err := encode.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	encoder, err := library.NewVideo(encode.Params{Width: pictures[0].Width, Height: pictures[0].Height, FPS: 30, Bitrate: bitrate})
	if err != nil {
		tb.Fatal(err)
	}
	defer encoder.Close()
	for i := range pictures {
		pictures[i].CapturedAt = time.Unix(0, 0).Add(time.Duration(i) * time.Second / 30)
		unit, err := encoder.Encode(&pictures[i], i == 0)
		if err != nil {
			tb.Fatal(err)
		}
		if len(unit) > 0 {
			units = append(units, bytes.Clone(unit))
		}
	}
	return units
}

// camera has the pictures in H.264, as JPEG and as they are, again and again, 30 a second.
func camera(tb testing.TB, width, height int, formats ...string) *v4l2test.Camera {
	tb.Helper()
	pictures := noisy(tb, width, height, 30)
	data := make(map[videodev.FourCC][][]byte)
	c := &v4l2test.Camera{Name: "Test", Bus: "usb-1", ID: "usb-Test_1"}
	for _, format := range formats {
		code := videodev.Code(format)
		c.Modes = append(c.Modes, videodev.Mode{Format: code, Width: width, Height: height, Rates: []float64{30}})
		switch format {
		case "H264":
			data[code] = recorded(tb, pictures, 4_000_000)
			continue
		}
		for _, p := range pictures[:8] {
			switch format {
			case "MJPG":
				var b bytes.Buffer
				_ = jpeg.Encode(&b, &image.YCbCr{
					Y: p.Y, Cb: p.U, Cr: p.V, YStride: width, CStride: width / 2, SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, width, height),
				}, nil)
				data[code] = append(data[code], b.Bytes())
			case "YUYV":
				packed := make([]byte, 0, 2*width*height)
				for i := 0; i < width*height; i += 2 {
					chroma := i/width/2*width/2 + i%width/2
					packed = append(packed, p.Y[i], p.U[chroma], p.Y[i+1], p.V[chroma])
				}
				data[code] = append(data[code], packed)
			}
		}
	}
	c.Frame = func(n int, l videodev.Layout, _ bool) videodev.Frame {
		all := data[l.Format]
		return videodev.Frame{Data: all[n%len(all)]}
	}
	return c
}

// cost captures from the camera into a broadcaster for so long, and says what share of a core that took, and how many pictures
// a second were published.
func cost(tb testing.TB, c *v4l2test.Camera, uri string, d time.Duration) (share float64, rate int64) {
	tb.Helper()
	host := v4l2test.NewHost(tb)
	host.Plug("video0", c)
	spec := capturetest.Spec(tb, uri)
	log := slog.New(slog.DiscardHandler)
	device := host.New(spec, log)
	defer device.Close()
	in, err := device.Open()
	if err != nil {
		tb.Fatal(err)
	}
	library, err := encode.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	b := broadcast.New(broadcast.Config{})
	defer b.Close()
	p := pipeline.New(pipeline.Config{Spec: spec, Input: in, Library: library, Log: log})
	var pictures atomic.Int64 // a second
	ctx, cancel := context.WithTimeout(tb.Context(), d)
	defer cancel()
	look := time.AfterFunc(d-d/10, func() {
		if info, ok := b.Stream("cam"); ok && len(info.Tracks) > 0 {
			pictures.Store(int64(math.Round(info.Tracks[0].FrameRate)))
		}
	})
	defer look.Stop()
	began, before := time.Now(), processtest.ProcessorTime(tb)
	if err := p.Run(ctx, publish.To(b, "cam", "camera")); !errors.Is(err, context.DeadlineExceeded) {
		tb.Fatal(err)
	}
	share = (processtest.ProcessorTime(tb) - before).Seconds() / time.Since(began).Seconds()
	if err := p.Close(); err != nil {
		tb.Error(err)
	}
	return share, pictures.Load()
}

// BenchmarkCameras says what a camera in 1080p costs, in percent of a core, in each form that it may deliver.
func BenchmarkCameras(b *testing.B) {
	c := camera(b, 1920, 1080, "H264", "YUYV", "MJPG")
	for _, format := range []string{"H264", "YUYV", "MJPG"} {
		b.Run(format, func(b *testing.B) {
			one := &v4l2test.Camera{Name: c.Name, Bus: c.Bus, Frame: c.Frame}
			one.Modes = slices.DeleteFunc(slices.Clone(c.Modes), func(m videodev.Mode) bool { return m.Format != videodev.Code(format) })
			for range b.N {
				share, rate := cost(b, one, "camera:?size=1920x1080&bitrate=4M&ladder=off&mic=off", 5*time.Second)
				b.ReportMetric(100*share, "%core")
				b.ReportMetric(float64(rate), "pictures/s")
			}
		})
	}
}

// TestOwnH264IsCheapToSend holds the camera's own H.264 to a small share of what encoding here takes, in the same run.
func TestOwnH264IsCheapToSend(t *testing.T) {
	c := camera(t, 640, 360, "H264", "YUYV")
	own, ownRate := cost(t, c, "camera:?size=640x360&ladder=off&mic=off&codec=h264", 2*time.Second)
	raw, rawRate := cost(t, c, "camera:?size=640x360&ladder=off&mic=off&codec=raw", 2*time.Second)
	t.Logf("%.1f %% of a core and %d pictures a second, encoded here %.1f %% and %d", 100*own, ownRate, 100*raw, rawRate)
	if own > raw/2 {
		t.Errorf("it takes %.1f %% of a core; encoding here takes %.1f %%", 100*own, 100*raw)
	}
}
