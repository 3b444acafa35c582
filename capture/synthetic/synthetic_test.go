package synthetic

import (
	"bytes"
	"context"
	"image"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/media"
)

func TestPatternIsPacedWithoutDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		source := NewPatternSource(capturetest.Spec(t, "pattern:?size=160x90&fps=30"), start)
		var p media.Picture
		for i := range 300 {
			if err := source.Read(t.Context(), &p); err != nil {
				t.Fatal(err)
			}
			want := start.Add(time.Duration(i) * time.Second / 30)
			if !p.CapturedAt.Equal(want) || time.Now().Before(want) || time.Since(want) > time.Microsecond {
				t.Fatalf("picture %d comes at %v as of %v, want %v", i, time.Since(start), p.CapturedAt.Sub(start), want.Sub(start))
			}
			stamp, err := DecodeStamp(p.Y, p.Width, p.Width, p.Height)
			if err != nil || int(stamp.Frame) != i || stamp.Time.Sub(want).Abs() > time.Millisecond {
				t.Fatalf("picture %d is stamped %v, %v", i, stamp, err)
			}
		}
	})
}

func TestPatternLeavesOutWhatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		source := NewPatternSource(capturetest.Spec(t, "pattern:?size=160x90&fps=10"), start)
		var p media.Picture
		_ = source.Read(t.Context(), &p)
		time.Sleep(750 * time.Millisecond) // a machine that was busy
		_ = source.Read(t.Context(), &p)
		if got := p.CapturedAt.Sub(start); got != 700*time.Millisecond {
			t.Errorf("after the pause comes the picture of %v, want that of 700ms", got)
		}
		_ = source.Read(t.Context(), &p)
		if got := p.CapturedAt.Sub(start); got != 800*time.Millisecond || time.Since(start) != got {
			t.Errorf("then comes the picture of %v at %v, want that of 800ms in time", got, time.Since(start))
		}
	})
}

func TestSyntheticSourcesStopWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := NewPatternSource(capturetest.Spec(t, "pattern:"), time.Now().Add(time.Hour)).Read(ctx, new(media.Picture)); err == nil {
		t.Error("the pattern reads on")
	}
	if _, _, err := NewToneSource(time.Now().Add(time.Hour)).Read(ctx); err == nil {
		t.Error("the tone reads on")
	}
}

func TestPatternMoves(t *testing.T) {
	p := NewPattern(capturetest.Spec(t, "pattern:?size=320x180"))
	var a, b media.Picture
	at := time.Now()
	p.Draw(&a, at)
	p.Draw(&b, at.Add(200*time.Millisecond))
	_, block := stampBlock(320)
	changed := 0
	for i := 2 * block * 320; i < len(a.Y); i++ {
		if a.Y[i] != b.Y[i] {
			changed++
		}
	}
	if share := float64(changed) / float64(len(a.Y)); share < 0.05 {
		t.Errorf("%.1f %% of the picture changes, want more", 100*share)
	}
}

func TestPatternFlashesAtTheFullSecond(t *testing.T) {
	p := NewPattern(capturetest.Spec(t, "pattern:?size=320x180"))
	second := time.Unix(1_700_000_000, 0).Add(2 * time.Second) // the moving bar is elsewhere
	lit := func(after time.Duration) bool {
		var f media.Picture
		p.Draw(&f, second.Add(after))
		middle := p.layout.lamp.Min.Add(p.layout.lamp.Size().Div(2))
		return f.Y[middle.Y*320+middle.X] == media.LumaWhite
	}
	if !lit(50*time.Millisecond) || lit(150*time.Millisecond) || lit(900*time.Millisecond) {
		t.Error("the lamp is not lit in the first tenth of a second only")
	}
}

// Whatever the size: everything is inside the picture, nothing covers the stamp, and the clock can be read.
func TestPatternFitsEverySize(t *testing.T) {
	at := time.Date(2026, 11, 25, 8, 59, 59, 990e6, time.FixedZone("+1245", 0)) // a long name of a day, and of a zone
	for _, spec := range []string{
		"160x90", "320x180", "640x360", "640x480", "1280x720", "1920x1080", "3840x2160", "360x640", "720x1280", "3840x90", "160x2160",
	} {
		for _, rate := range []string{"50k", "2500k", "50M"} {
			s := capturetest.Spec(t, "pattern:?size="+spec+"&bitrate="+rate+"&text=A+line+that+is+rather+long,+and+then+some%0A和一行")
			p := NewPattern(s)
			p.SetName(strings.Repeat("long", 16))
			var f, later media.Picture
			p.Draw(&f, at)
			if stamp, err := DecodeStamp(f.Y, f.Width, f.Width, f.Height); f.Height > f.Width/20 && (err != nil || !stamp.Time.Equal(at)) {
				t.Errorf("%s, %s: the stamp says %v, %v", spec, rate, stamp.Time, err)
			}
			p.Draw(&later, at.Add(10*time.Millisecond))
			l := p.layout
			for name, r := range map[string]image.Rectangle{
				"words": l.words, "clock": l.clock, "date": l.date, "about": l.about, "band": l.band, "lamp": l.lamp, "screen": l.screen,
				"bars": l.bars, "ramp": l.ramp,
			} {
				if !r.In(image.Rect(0, 0, f.Width, f.Height)) {
					t.Errorf("%s, %s: %s at %v is outside the picture", spec, rate, name, r)
				}
			}
			if l.clock.Dy() >= 16 && bytes.Equal(luma(&f, l.clock), luma(&later, l.clock)) {
				t.Errorf("%s, %s: the clock stands still", spec, rate)
			}
		}
	}
}

// luma is a part of a picture.
func luma(f *media.Picture, r image.Rectangle) []byte {
	var all []byte
	for y := r.Min.Y; y < r.Max.Y; y++ {
		all = append(all, f.Y[y*f.Width+r.Min.X:y*f.Width+r.Max.X]...)
	}
	return all
}

// What it says of itself is there to read: other words, another name and another rate are other pictures, each in its place.
func TestPatternSaysWhatItIs(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	draw := func(uri, name string) (f media.Picture, l layout) {
		p := NewPattern(capturetest.Spec(t, uri))
		p.SetName(name)
		p.Draw(&f, at)
		return f, p.layout
	}
	base, l := draw("pattern:?bitrate=2M", "webcam")
	for _, tt := range []struct {
		uri, name    string
		words, about bool // which differ
	}{
		{"pattern:?bitrate=2M", "webcam", false, false},
		{"pattern:?bitrate=2M&text=No+camera+found", "webcam", true, false},
		{"pattern:?bitrate=2M", "door", false, true},
		{"pattern:?bitrate=2M&fps=30", "", false, true},
		{"pattern:?bitrate=1M&fps=15", "webcam", false, true},
	} {
		other, _ := draw(tt.uri, tt.name)
		if got := !bytes.Equal(luma(&base, l.words), luma(&other, l.words)); got != tt.words {
			t.Errorf("%s, named %q: other words: %v, want %v", tt.uri, tt.name, got, tt.words)
		}
		if got := !bytes.Equal(luma(&base, l.about), luma(&other, l.about)); got != tt.about {
			t.Errorf("%s, named %q: another name, size or rate: %v, want %v", tt.uri, tt.name, got, tt.about)
		}
	}
}

func TestPatternDrawsTheSamePicturesEveryTime(t *testing.T) {
	spec, at := capturetest.Spec(t, "pattern:?size=320x180"), time.Unix(1_700_000_000, 0)
	var a, b media.Picture
	NewPattern(spec).Draw(&a, at)
	NewPattern(spec).Draw(&b, at)
	if !bytes.Equal(a.Y, b.Y) {
		t.Error("two patterns differ")
	}
}

func TestToneIsPacedAndBeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now() // synctest's clock starts at a full second
		source := NewToneSource(start)
		for i := range 200 {
			samples, capturedAt, err := source.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := time.Duration(i) * 20 * time.Millisecond
			if got := capturedAt.Sub(start); got != want || time.Since(start) != want+20*time.Millisecond {
				t.Fatalf("chunk %d of %v comes at %v, want %v, 20 ms later", i, got, time.Since(start), want)
			}
			beep := want%time.Second < flashLength
			if loud := rms(samples) > 0.1*math.MaxInt16; loud != beep {
				t.Errorf("at %v the tone is loud: %v, want %v", want, loud, beep)
			}
		}
	})
}

func rms(samples []int16) float64 {
	sum := 0.0
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(len(samples)))
}

func BenchmarkPattern(b *testing.B) {
	for _, uri := range []string{"pattern:?size=640x480", "pattern:", "pattern:?size=1920x1080&bitrate=4500k"} {
		b.Run(uri, func(b *testing.B) {
			p := NewPattern(capturetest.Spec(b, uri))
			var f media.Picture
			at := time.Now()
			b.ReportAllocs()
			for b.Loop() {
				p.Draw(&f, at)
				at = at.Add(time.Second / 30)
			}
		})
	}
}
