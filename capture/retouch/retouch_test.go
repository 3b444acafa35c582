package retouch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"porthole/capture/media"
	"porthole/capture/source"
)

// stills delivers one picture again and again.
type stills struct{ picture media.Picture }

func (s *stills) Read(_ context.Context, f *media.Picture) error { f.Copy(&s.picture); return nil }
func (s *stills) Close() error                                   { return nil }
func (s *stills) JPEG() []byte                                   { return []byte("as the camera sent it") }

func edits(tb testing.TB, query string) source.Edits {
	tb.Helper()
	spec, err := source.ParseSpec("pattern:?" + query)
	if err != nil {
		tb.Fatal(err)
	}
	return spec.Edits
}

// noise is a picture whose pixels are all different from their neighbours.
func noise(width, height int) *stills {
	s, r := new(stills), rand.New(rand.NewPCG(1, 2))
	s.picture.Resize(width, height)
	s.picture.CapturedAt = time.Unix(1, 2)
	for _, plane := range [][]byte{s.picture.Y, s.picture.U, s.picture.V} {
		for i := range plane {
			plane[i] = byte(16 + r.IntN(220))
		}
	}
	return s
}

func read(tb testing.TB, pictures media.Pictures) *media.Picture {
	tb.Helper()
	f := new(media.Picture)
	if err := pictures.Read(tb.Context(), f); err != nil {
		tb.Fatal(err)
	}
	return f
}

// where says which pixel of a plane of w x h is shown at x, y: the edits undone one by one, the last first.
func where(e source.Edits, left, top, w, h, x, y int) (int, int) {
	shownW, shownH := w, h
	if e.Rotate%180 != 0 {
		shownW, shownH = h, w
	}
	if e.FlipH {
		x = shownW - 1 - x
	}
	if e.FlipV {
		y = shownH - 1 - y
	}
	switch e.Rotate {
	case 90:
		x, y = y, h-1-x
	case 180:
		x, y = w-1-x, h-1-y
	case 270:
		x, y = w-1-y, x
	}
	return left + x, top + y
}

func TestPicturesLieAsAsked(t *testing.T) {
	src := noise(102, 86) // neither side of any plane is a multiple of eight
	for _, crop := range []string{"", "crop=10,20,50,36&", "crop=0,0,100%25,50%25&"} {
		for _, rotate := range []int{0, 90, 180, 270} {
			for _, flip := range []string{"off", "h", "v", "hv"} {
				query := fmt.Sprintf("%srotate=%d&flip=%s", crop, rotate, flip)
				e := edits(t, query)
				f := read(t, Apply(src, e, ""))
				left, top, right, bottom := 0, 0, 102, 86
				if crop != "" {
					left, top, right, bottom = e.Crop.In(102, 86)
				}
				if w, h := e.Shown(102, 86); f.Width != w || f.Height != h || !f.CapturedAt.Equal(time.Unix(1, 2)) {
					t.Fatalf("%s: %dx%d of %v, want %dx%d", query, f.Width, f.Height, f.CapturedAt, w, h)
				}
				for i, planes := range [][2][]byte{{f.Y, src.picture.Y}, {f.U, src.picture.U}, {f.V, src.picture.V}} {
					share := min(i, 1) + 1
					for n, got := range planes[0] {
						x, y := where(e, left/share, top/share, (right-left)/share, (bottom-top)/share, n%(f.Width/share), n/(f.Width/share))
						if want := planes[1][y*(102/share)+x]; got != want {
							t.Fatalf("%s: pixel %d of plane %d is %d, want %d, that of %d,%d", query, n, i, got, want, x, y)
						}
					}
				}
			}
		}
	}
}

// What is masked is black in what is shown, to the last pixel, whatever was done before; all else is as it was.
func TestMasksCoverTheirAreas(t *testing.T) {
	src := noise(200, 100)
	turned := read(t, Apply(src, edits(t, "rotate=90"), ""))
	f := read(t, Apply(src, edits(t, "rotate=90&mask=0,0,10,20|50%,150,50%,50|95,0,500,3"), ""))
	areas := [][4]int{{0, 0, 10, 20}, {50, 150, 100, 200}, {94, 0, 100, 4}} // outwards, to even pixels
	for y := range 200 {
		for x := range 100 {
			masked := false
			for _, a := range areas {
				masked = masked || x >= a[0] && x < a[2] && y >= a[1] && y < a[3]
			}
			luma, colour := f.Y[y*100+x], f.U[y/2*50+x/2]
			if masked && (luma != media.LumaBlack || colour != 128 || f.V[y/2*50+x/2] != 128) {
				t.Fatalf("%d,%d is masked and shows %d, %d", x, y, luma, colour)
			}
			if !masked && (luma != turned.Y[y*100+x] || colour != turned.U[y/2*50+x/2]) {
				t.Fatalf("%d,%d is not masked and has changed", x, y)
			}
		}
	}
}

// Masks hide what they hide from whoever would take the camera's own pictures, too.
func TestNothingShowsThrough(t *testing.T) {
	type jpegs interface{ JPEG() []byte }
	if _, ok := Apply(noise(64, 64), edits(t, "mask=0,0,10,10"), "").(jpegs); ok {
		t.Error("the camera's JPEG can be had beside the masked picture")
	}
	src := noise(64, 64)
	if Apply(src, source.Edits{}, "") != media.Pictures(src) {
		t.Error("pictures without edits are not the camera's own")
	}
}

func TestNothingLeftIsAnError(t *testing.T) {
	for _, crop := range []string{"100,0,50,50", "0,0,8,50", "0,100%25,10,10"} {
		err := Apply(noise(100, 60), edits(t, "crop="+crop), "").Read(t.Context(), new(media.Picture))
		if err == nil || !strings.Contains(err.Error(), "crop=") || !strings.Contains(err.Error(), "100x60") {
			t.Errorf("%s: %v", crop, err)
		}
	}
}

// On white, on black and on noise, letters are white and have black around them; pixels away from them are not touched.
func TestOverlayCanBeReadOnAnything(t *testing.T) {
	for _, luma := range []byte{media.LumaBlack, media.LumaGrey, media.LumaWhite} {
		var f media.Picture
		f.Resize(1280, 720)
		media.Fill(f.Y, luma)
		media.Fill(f.U, 90)
		media.Fill(f.V, 200)
		c := caption{overlay: edits(t, "overlay=clock,name,text:"+url.QueryEscape("Tür 门")).Overlay, name: "webcam"}
		c.draw(&f, time.Date(2026, 11, 27, 13, 45, 7, 0, time.Local))
		if c.text != "webcam  Tür 门  2026-11-27 13:45:07" {
			t.Errorf("the text is %q", c.text)
		}
		white, black, outside := 0, 0, 0
		for i, y := range f.Y {
			switch x, row := i%1280, i/1280; {
			case x < c.x || x >= c.x+c.luma.width || row < c.y || row >= c.y+c.luma.height:
				if y != luma {
					outside++
				}
			case y > 225:
				white++
			case y < 25:
				black++
			}
		}
		if all := c.luma.width * c.luma.height; white < all/15 || black < all/10 || outside > 0 {
			t.Errorf("on %d: of %d pixels %d are white and %d black; %d outside have changed", luma, all, white, black, outside)
		}
	}
}

func TestOverlayFitsEverySize(t *testing.T) {
	for _, size := range [][2]int{{160, 90}, {90, 160}, {16, 16}, {1920, 1080}, {3840, 2160}, {720, 1280}} {
		c := caption{overlay: source.Overlay{Clock: true, Name: true, Text: strings.Repeat("M", 100)}, name: "webcam"}
		var f media.Picture
		f.Resize(size[0], size[1])
		c.draw(&f, time.Now())
		if c.luma.width+c.x > size[0]+size[0]/3 && size[0] > 100 {
			t.Errorf("%v: the text is %d wide at %d", size, c.luma.width, c.x)
		}
	}
}

// The letters are drawn when they change; between that, nothing is allocated.
func TestOverlayIsDrawnOnceASecond(t *testing.T) {
	c := caption{overlay: source.Overlay{Clock: true}}
	var f media.Picture
	f.Resize(640, 360)
	at := time.Date(2026, 11, 27, 13, 45, 7, 0, time.Local)
	c.draw(&f, at)
	before := c.text
	if n := testing.AllocsPerRun(20, func() { c.draw(&f, at) }); n > 3 { // the text itself
		t.Errorf("%v allocations for the same second", n)
	}
	c.draw(&f, at.Add(time.Second))
	if c.text == before {
		t.Error("the clock stands still")
	}
}
