package synthetic

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/media"
)

// The text is as large as fits, in the middle, and whole, whatever its length and the size of the picture.
func TestSlateIsReadable(t *testing.T) {
	for _, uri := range []string{
		"slate:", "slate:?text=Hi", "slate:?size=160x90", "slate:?size=360x640", "slate:?size=3840x2160",
		"slate:?text=马上回来", "slate:?text=Wir+sind+gleich+zurück", "slate:?text=" + strings.Repeat("马上回来", 25),
		"slate:?text=We+are+back+in+ten+minutes,+please+have+a+coffee+and+stay+with+us",
		"slate:?text=" + strings.Repeat("W", 100),
	} {
		spec := capturetest.Spec(t, uri)
		var f media.Picture
		drawSlate(&f, spec)
		left, right, top, bottom, shades := f.Width, -1, f.Height, -1, 0
		for i, luma := range f.Y {
			if x, y := i%f.Width, i/f.Width; luma != slateLuma {
				left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
			}
			if luma != slateLuma && luma != textLuma {
				shades++
			}
		}
		width, height := right-left+1, bottom-top+1
		t.Logf("%s: text of %dx%d in %dx%d", uri, width, height, f.Width, f.Height)
		if shades == 0 {
			t.Errorf("%s: the edges of letters are not smooth", uri)
		}
		if off := left - (f.Width - 1 - right); off > f.Width/8 || off < -f.Width/8 {
			t.Errorf("%s: %d pixels free on the left, %d on the right", uri, left, f.Width-1-right)
		}
		if off := top - (f.Height - 1 - bottom); off > f.Height/8 || off < -f.Height/8 {
			t.Errorf("%s: %d pixels free above, %d below", uri, top, f.Height-1-bottom)
		}
		if width < f.Width/2 && height < f.Height/5 {
			t.Errorf("%s: a text of %dx%d is small in a picture of %dx%d", uri, width, height, f.Width, f.Height)
		}
		if left < 2 || top < 2 || right > f.Width-3 || bottom > f.Height-3 {
			t.Errorf("%s: the text is cut off", uri)
		}
	}
}

func TestSlateBreaksLines(t *testing.T) {
	for text, want := range map[string][]string{
		"camera unplugged":      {"camera", "unplugged"},
		"Hi":                    {"Hi"},
		"back in a few minutes": {"back in a", "few minutes"},
		"休息十五分钟，请不要走开":          {"休息十五分钟，", "请不要走开"},
	} {
		if got, _ := layOut(text, 1280, 720); !slices.Equal(got, want) {
			t.Errorf("%q in lines is %q, want %q", text, got, want)
		}
	}
}

func TestSlateKeepsItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := capturetest.Spec(t, "slate:?size=320x180&fps=5")
		start := time.Now()
		s := NewSlateSource(spec, start)
		var f media.Picture
		for i := range 10 {
			if err := s.Read(t.Context(), &f); err != nil {
				t.Fatal(err)
			}
			if want := time.Duration(i) * 200 * time.Millisecond; time.Since(start) != want || f.CapturedAt.Sub(start) != want {
				t.Errorf("picture %d after %v, captured after %v; want %v", i, time.Since(start), f.CapturedAt.Sub(start), want)
			}
		}
		time.Sleep(time.Minute) // an encoder that was stuck
		for range 2 {
			if err := s.Read(t.Context(), &f); err != nil {
				t.Fatal(err)
			}
		}
		if late := time.Since(f.CapturedAt); late > 200*time.Millisecond {
			t.Errorf("it is %v late for ever", late)
		}
	})
}
