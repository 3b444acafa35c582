package synthetic

import (
	"bytes"
	"context"
	"math"
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
		return f.Y[(180/2+180/16)*320+180/16] == media.LumaWhite
	}
	if !lit(50*time.Millisecond) || lit(150*time.Millisecond) || lit(900*time.Millisecond) {
		t.Error("the square is not lit in the first tenth of a second only")
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
