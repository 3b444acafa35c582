package scale

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/media"
	"porthole/capture/synthetic"
)

func picture(width, height int, pixel func(x, y int) byte) *media.Picture {
	p := new(media.Picture)
	p.Resize(width, height)
	for i, plane := range [][]byte{p.Y, p.U, p.V} {
		w := width >> min(i, 1)
		for n := range plane {
			plane[n] = pixel(n%w, n/w)
		}
	}
	p.CapturedAt = time.Unix(1, 2)
	return p
}

func TestHalvesAreAverages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{1280, 720}, {34, 18}, {4, 4}, {642, 362}} {
		src := picture(size[0], size[1], func(int, int) byte { return byte(r.Uint32()) })
		var dst media.Picture
		new(Scaler).Down(&dst, src, Half(size[0]), Half(size[1]))
		if dst.Width != size[0]/4*2 || dst.Height != size[1]/4*2 || !dst.CapturedAt.Equal(src.CapturedAt) {
			t.Fatalf("%v became %dx%d of %v", size, dst.Width, dst.Height, dst.CapturedAt)
		}
		check := func(dst, src []byte, width, height, stride int) {
			for y := range height {
				for x := range width {
					at := 2*y*stride + 2*x
					want := (int(src[at]) + int(src[at+1]) + int(src[at+stride]) + int(src[at+stride+1]) + 2) / 4
					if got := int(dst[y*width+x]); got != want {
						t.Fatalf("%v: pixel %d,%d is %d, want %d", size, x, y, got, want)
					}
				}
			}
		}
		check(dst.Y, src.Y, dst.Width, dst.Height, src.Width)
		check(dst.U, src.U, dst.Width/2, dst.Height/2, src.Width/2)
		check(dst.V, src.V, dst.Width/2, dst.Height/2, src.Width/2)
	}
}

// A slope stays the same slope in every size, with no shift and no step.
func TestAnySizeShowsTheSamePicture(t *testing.T) {
	for _, c := range [][4]int{{1280, 720, 852, 480}, {1920, 1080, 320, 180}, {1920, 1080, 640, 360}, {640, 480, 420, 316}, {1366, 768, 640, 360}, {320, 240, 320, 240}, {200, 100, 198, 98}} {
		w, h, width, height := c[0], c[1], c[2], c[3]
		slope := func(x, y, w, h int) float64 {
			return 20 + 200*((float64(x)+0.5)/float64(w)+(float64(y)+0.5)/float64(h))/2
		}
		src := new(media.Picture)
		src.Resize(w, h)
		for i, plane := range [][]byte{src.Y, src.U, src.V} {
			pw, ph := w>>min(i, 1), h>>min(i, 1)
			for n := range plane {
				plane[n] = byte(math.Round(slope(n%pw, n/pw, pw, ph)))
			}
		}
		var dst media.Picture
		new(Scaler).Down(&dst, src, width, height)
		if dst.Width != width || dst.Height != height {
			t.Fatalf("%v became %dx%d", c, dst.Width, dst.Height)
		}
		for i, plane := range [][]byte{dst.Y, dst.U, dst.V} {
			pw, ph := width>>min(i, 1), height>>min(i, 1)
			for n, got := range plane {
				if want := slope(n%pw, n/pw, pw, ph); math.Abs(float64(got)-want) > 2.5 {
					t.Fatalf("%v, plane %d: pixel %d,%d is %d, want %.1f", c, i, n%pw, n/pw, got, want)
				}
			}
		}
	}
}

// Pictures of one scaler do not disturb each other, and nothing is allocated once it has run.
func TestScalerIsUsedAgain(t *testing.T) {
	src := picture(640, 360, func(x, y int) byte { return byte(x ^ y) })
	var s Scaler
	var a, b, again media.Picture
	s.Down(&a, src, 160, 90)
	s.Down(&b, src, 200, 112)
	s.Down(&again, src, 160, 90)
	for i := range a.Y {
		if a.Y[i] != again.Y[i] {
			t.Fatalf("pixel %d differs the second time", i)
		}
	}
	if n := testing.AllocsPerRun(10, func() { s.Down(&a, src, 160, 90); s.Down(&b, src, 200, 112) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDown(b *testing.B) {
	var src media.Picture
	synthetic.NewPattern(capturetest.Spec(b, "pattern:")).Draw(&src, time.Now())
	for name, size := range map[string][2]int{"720p to 360p": {640, 360}, "720p to 180p": {320, 180}, "720p to 480p": {852, 480}} {
		b.Run(name, func(b *testing.B) {
			var s Scaler
			var dst media.Picture
			b.SetBytes(int64(len(src.Y)))
			for b.Loop() {
				s.Down(&dst, &src, size[0], size[1])
			}
		})
	}
}
