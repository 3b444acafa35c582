//go:build cgo

package openh264

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/media"
	"porthole/capture/synthetic"
	"porthole/internal/codec"
)

// film draws pictures of the pattern, 30 a second.
type film struct {
	pattern *synthetic.Pattern
	at      time.Time
	picture media.Picture
}

// opening is when films begin: always the same, so that pictures are.
var opening = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func newFilm(tb testing.TB, width, height int) *film {
	tb.Helper()
	spec := capturetest.Spec(tb, fmt.Sprintf("pattern:?size=%dx%d", width, height))
	return &film{pattern: synthetic.NewPattern(spec), at: opening}
}

func (f *film) next() (Picture, time.Time) {
	at := f.at
	f.pattern.Draw(&f.picture, at)
	f.at = at.Add(time.Second / 30)
	p := &f.picture
	return Picture{Y: p.Y, U: p.U, V: p.V, YStride: p.Width, CStride: p.Width / 2}, at
}

func newEncoder(tb testing.TB, cfg Config) *Encoder {
	tb.Helper()
	e, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = e.Close() })
	return e
}

// encode returns the next so many units, whose data it keeps.
func encode(tb testing.TB, e *Encoder, f *film, pictures int, keyframe func(i int) bool) (units []Unit) {
	tb.Helper()
	for i := range pictures {
		p, at := f.next()
		u, err := e.Encode(p, at, keyframe != nil && keyframe(i))
		if err != nil {
			tb.Fatal(err)
		}
		u.Data = bytes.Clone(u.Data)
		units = append(units, u)
	}
	return units
}

func size(units []Unit) (n int) {
	for _, u := range units {
		n += len(u.Data)
	}
	return n
}

// decode returns how many pictures FFmpeg makes of the units, and fails the test where it finds any fault in them.
func decode(t *testing.T, units []Unit) int {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatal("ffmpeg is not installed; `make test` installs it before this")
	case err != nil:
		t.Skip("ffmpeg is not installed: make test-quick needs only Go and g++")
	}
	var stream []byte
	for _, u := range units {
		stream = append(stream, u.Data...)
	}
	file := filepath.Join(t.TempDir(), "units.h264")
	if err := os.WriteFile(file, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	var faults strings.Builder
	cmd := exec.CommandContext(t.Context(), ffmpeg, "-v", "warning", "-err_detect", "explode", "-i", file,
		"-fps_mode", "passthrough", "-f", "framehash", "-")
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil || faults.Len() > 0 {
		t.Errorf("FFmpeg: %v\n%s", err, faults.String())
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}

// upTo leaves out the units above a temporal layer.
func upTo(units []Unit, layer int) []Unit {
	return slices.DeleteFunc(slices.Clone(units), func(u Unit) bool { return u.TemporalID > layer })
}

// One encode serves 30, 15 and 7.5 pictures a second: what is left of it can be decoded without a fault, from the beginning, and
// when a keyframe comes between.
func TestTemporalLayersCanBeLeftOut(t *testing.T) {
	for layers := 1; layers <= MaxTemporalLayers; layers++ {
		t.Run(fmt.Sprint(layers), func(t *testing.T) {
			e := newEncoder(t, Config{Width: 320, Height: 180, FPS: 30, Bitrate: 400_000, TemporalLayers: layers})
			units := encode(t, e, newFilm(t, 320, 180), 120, func(i int) bool { return i == 50 || i == 53 })
			checkLayers(t, units, layers)
			for layer := range layers {
				left := upTo(units, layer)
				if n := decode(t, left); n != len(left) {
					t.Errorf("up to layer %d: %d pictures of %d", layer, n, len(left))
				}
			}
		})
	}
}

// checkLayers holds that layers come in their order, from each keyframe on, and that slices say which theirs is.
func checkLayers(t *testing.T, units []Unit, layers int) {
	t.Helper()
	order := map[int][]int{1: {0}, 2: {0, 1}, 3: {0, 2, 1, 2}}[layers]
	since := 0
	for i, u := range units {
		if u.Keyframe {
			since = i
		}
		if want := order[(i-since)%len(order)]; u.TemporalID != want {
			t.Errorf("picture %d is of layer %d, want %d", i, u.TemporalID, want)
		}
		for _, nal := range codec.SplitAnnexB(nil, u.Data) {
			id, ok := codec.GradedTemporalID(nal, layers)
			if kind := codec.H264NALs.Type(nal); ok != (kind == codec.NALSlice || kind == codec.NALIDR) || ok && id != u.TemporalID {
				t.Errorf("picture %d: a NAL unit of type %d says layer %d, %v, want %d", i, kind, id, ok, u.TemporalID)
			}
		}
	}
}

// Who has less for a while gets more again without a keyframe: one layer after the other, from the next picture of it on.
func TestTemporalLayersCanBeTakenUpAgain(t *testing.T) {
	e := newEncoder(t, Config{Width: 320, Height: 180, FPS: 30, Bitrate: 400_000, TemporalLayers: 3})
	var sent []Unit
	limit := 0
	for i, u := range encode(t, e, newFilm(t, 320, 180), 200, nil) {
		want := []int{2, 0, 2, 1, 0, 1, 2}[i/7%7]
		limit = min(limit, want)
		if u.TemporalID == limit+1 && u.TemporalID <= want {
			limit = u.TemporalID
		}
		if u.TemporalID <= limit {
			sent = append(sent, u)
		}
	}
	if n := decode(t, sent); n != len(sent) {
		t.Errorf("%d pictures of %d", n, len(sent))
	}
}

func TestKeyframesOnlyWhenAsked(t *testing.T) {
	e := newEncoder(t, Config{Width: 320, Height: 180, FPS: 30, Bitrate: 500_000, TemporalLayers: 3})
	var f *film
	var units []Unit
	for i := range 4 { // pictures that have nothing in common with those before
		f = newFilm(t, 320, 180)
		f.at = opening.Add(time.Duration(i) * time.Hour)
		units = append(units, encode(t, e, f, 20, func(n int) bool { return i == 2 && n == 10 })...)
	}
	for i, u := range units {
		nals := codec.SplitAnnexB(nil, u.Data)
		idr := slices.ContainsFunc(nals, func(n []byte) bool { return codec.H264NALs.Type(n) == codec.NALIDR })
		if want := i == 0 || i == 50; u.Keyframe != want || idr != want {
			t.Errorf("picture %d: keyframe %v, IDR %v", i, u.Keyframe, idr)
		}
		if want := map[bool]int{true: 3, false: 1}[u.Keyframe]; len(u.Data) > 0 && len(nals) != want {
			t.Errorf("picture %d has %d NAL units, want %d: one slice", i, len(nals), want)
		}
	}
}

// Bitrate and frame rate change from one picture to the next, and nobody needs a keyframe for that.
func TestRateChangesWhileRunning(t *testing.T) {
	e := newEncoder(t, Config{Width: 640, Height: 360, FPS: 30, Bitrate: 1_000_000, TemporalLayers: 3})
	f := newFilm(t, 640, 360)
	encode(t, e, f, 60, nil)
	fast := size(encode(t, e, f, 90, nil))
	if err := e.SetRate(300_000, 30); err != nil {
		t.Fatal(err)
	}
	encode(t, e, f, 30, nil)
	slow := encode(t, e, f, 90, nil)
	if n := size(slow); n > fast/2 || n*8/3 > 400_000 {
		t.Errorf("%d bytes in 3 s before, %d after the bitrate went down to 300 kbit/s", fast, n)
	}
	if slices.ContainsFunc(slow, func(u Unit) bool { return u.Keyframe }) {
		t.Error("the change came with a keyframe")
	}
	if err := e.SetRate(-1, 30); err == nil {
		t.Error("a negative bitrate was taken")
	}
}

// The time at which pictures are taken says how many bits there are, whatever frame rate was promised.
func TestBitrateFollowsTheClock(t *testing.T) {
	const target = 300_000
	for _, fps := range []int{30, 10} {
		e := newEncoder(t, Config{Width: 640, Height: 360, FPS: 30, Bitrate: target, TemporalLayers: 3})
		f := newFilm(t, 640, 360)
		bytes := 0
		for i := range 10 * fps {
			p, _ := f.next()
			u, err := e.Encode(p, f.at.Add(time.Duration(i)*(time.Second/time.Duration(fps)-time.Second/30)), i%(2*fps) == 0)
			if err != nil {
				t.Fatal(err)
			}
			bytes += len(u.Data)
		}
		if bps := bytes * 8 / 10; bps > target*110/100 {
			t.Errorf("%d bit/s at %d pictures a second, want %d at most", bps, fps, target)
		}
	}
}

// A bitrate that is too low for every picture costs pictures, not the bitrate; a keyframe that was left out comes with the next picture.
func TestPicturesAreLeftOutToKeepTheBitrate(t *testing.T) {
	const target = 40_000
	e := newEncoder(t, Config{Width: 640, Height: 360, FPS: 30, Bitrate: target, TemporalLayers: 3})
	f := newFilm(t, 640, 360)
	units := encode(t, e, f, 300, nil)
	left := slices.DeleteFunc(slices.Clone(units), func(u Unit) bool { return len(u.Data) == 0 })
	if n := len(left); n > 250 || n < 20 {
		t.Errorf("%d of 300 pictures were encoded", n)
	}
	if bps := size(units) * 8 / 10; bps > target*130/100 {
		t.Errorf("%d bit/s, want %d", bps, target)
	}
	if n := decode(t, left); n != len(left) {
		t.Errorf("%d pictures of %d", n, len(left))
	}
	asked := encode(t, e, f, 60, func(i int) bool { return i == 0 })
	came := slices.IndexFunc(asked, func(u Unit) bool { return u.Keyframe })
	if came < 0 || slices.ContainsFunc(asked[:came], func(u Unit) bool { return len(u.Data) > 0 }) {
		t.Errorf("the keyframe came as picture %d, or others came before it", came)
	}
}

func TestRefusesWhatItCannotEncode(t *testing.T) {
	good := Config{Width: 64, Height: 48, FPS: 30, Bitrate: 100_000, TemporalLayers: 1}
	for name, change := range map[string]func(*Config){
		"odd width":           func(c *Config) { c.Width = 63 },
		"no height":           func(c *Config) { c.Height = 0 },
		"no temporal layer":   func(c *Config) { c.TemporalLayers = 0 },
		"four of them":        func(c *Config) { c.TemporalLayers = 4 },
		"negative bitrate":    func(c *Config) { c.Bitrate = -1 },
		"more than H.264 has": func(c *Config) { c.Width, c.Height = 20_000, 20_000 },
	} {
		cfg := good
		change(&cfg)
		if e, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
			_ = e.Close()
		}
	}
	e := newEncoder(t, good)
	short := Picture{Y: make([]byte, 64*48-1), U: make([]byte, 32*24), V: make([]byte, 32*24), YStride: 64, CStride: 32}
	if _, err := e.Encode(short, time.Now(), false); err == nil {
		t.Error("a picture without its last byte was read")
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := e.Encode(short, time.Now(), false); !errors.Is(err, ErrClosed) {
		t.Errorf("Encode after Close: %v", err)
	}
	if err := e.SetRate(1, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("SetRate after Close: %v", err)
	}
}
