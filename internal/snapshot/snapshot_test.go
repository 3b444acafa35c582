package snapshot_test

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/pion/rtp/codecs"

	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/snapshot"
)

// redWhite is a VP8 keyframe of 160x96: red on the left, white on the right.
//
//go:embed testdata/red-white-160x96.vp8
var redWhite []byte

// fixture is a maker of one stream.
type fixture struct {
	info     broadcast.StreamInfo
	keyframe func() (broadcast.Keyframe, error)
	raw      func(context.Context) (*image.YCbCr, time.Time, error)
	local    bool // there is a source on this machine
	asked    atomic.Int32
}

func (f *fixture) maker() *snapshot.Maker {
	return snapshot.New(snapshot.Config{
		Stream: func(name string) (broadcast.StreamInfo, bool) { return f.info, name == f.info.Name },
		Keyframe: func(string) (broadcast.Keyframe, error) {
			f.asked.Add(1)
			return f.keyframe()
		},
		Raw: func(ctx context.Context, _ string) (*image.YCbCr, time.Time, error) {
			f.asked.Add(1)
			return f.raw(ctx)
		},
		Sources: func(string) bool { return f.local },
	})
}

// published is what a WHIP publisher of a codec looks like.
func published(name string) broadcast.StreamInfo {
	return broadcast.StreamInfo{Name: "cam", Live: true, Source: "whip", Tracks: []broadcast.TrackInfo{
		{Codec: codec.Codec{MimeType: "video/" + name, ClockRate: 90_000}},
	}}
}

// vp8Stream sends redWhite.
func vp8Stream() *fixture {
	return &fixture{info: published("VP8"), keyframe: func() (broadcast.Keyframe, error) {
		payloads := (&codecs.VP8Payloader{EnablePictureID: true}).Payload(100, redWhite)
		return broadcast.Keyframe{Codec: published("VP8").Tracks[0].Codec, Payloads: payloads, At: time.Unix(1_700_000_000, 0)}, nil
	}}
}

func decode(t *testing.T, b []byte) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("not a JPEG: %v", err)
	}
	return img
}

// looks checks a colour, within what two lossy codecs do to it.
func looks(t *testing.T, img image.Image, x, y int, wantR, wantG, wantB uint32) {
	t.Helper()
	r, g, b, _ := img.At(x, y).RGBA()
	for _, c := range [][2]uint32{{r >> 8, wantR}, {g >> 8, wantG}, {b >> 8, wantB}} {
		if c[0] > c[1]+12 || c[0]+12 < c[1] {
			t.Errorf("at %d,%d: %d %d %d, want about %d %d %d", x, y, r>>8, g>>8, b>>8, wantR, wantG, wantB)
			return
		}
	}
}

func TestKeyframeBecomesAPicture(t *testing.T) {
	p, err := vp8Stream().maker().Take(t.Context(), "cam", 0)
	if err != nil {
		t.Fatal(err)
	}
	img := decode(t, p.JPEG)
	if b := img.Bounds(); b.Dx() != 160 || b.Dy() != 96 || p.Width != 160 || p.Height != 96 {
		t.Errorf("%v, said to be %dx%d; want 160x96", b, p.Width, p.Height)
	}
	looks(t, img, 30, 50, 254, 0, 0)
	looks(t, img, 130, 50, 255, 255, 255) // white is 235 in video, 255 in a JPEG
}

func TestPictureIsMadeSmaller(t *testing.T) {
	m := vp8Stream().maker()
	for width, want := range map[int]image.Point{90: {80, 48}, 1: {16, 8}, 5000: {160, 96}} {
		p, err := m.Take(t.Context(), "cam", width)
		if err != nil {
			t.Fatal(err)
		}
		img := decode(t, p.JPEG)
		if img.Bounds().Size() != want {
			t.Errorf("at most %d wide: %v, want %v", width, img.Bounds().Size(), want)
		}
		looks(t, img, want.X/4, want.Y/2, 254, 0, 0)
		looks(t, img, want.X*3/4, want.Y/2, 255, 255, 255)
	}
}

func TestSourceOnThisMachineIsSeenRaw(t *testing.T) {
	f := &fixture{info: published("H264"), local: true}
	f.info.Source = "camera"
	at := time.Now()
	f.raw = func(context.Context) (*image.YCbCr, time.Time, error) {
		img := image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio420)
		for i := range img.Y {
			img.Y[i] = 16
		}
		for i := range img.Cb {
			img.Cb[i], img.Cr[i] = 128, 128
		}
		return img, at, nil
	}
	p, err := f.maker().Take(t.Context(), "cam", 0)
	if err != nil {
		t.Fatal(err)
	}
	if !p.At.Equal(at) {
		t.Errorf("captured at %v, want %v", p.At, at)
	}
	looks(t, decode(t, p.JPEG), 10, 10, 0, 0, 0)

	f.info.Source = "whip" // somebody else has the stream: the camera is not what it shows
	if _, err := f.maker().Take(t.Context(), "cam", 0); !errors.Is(err, snapshot.ErrNoDecoder) {
		t.Errorf("of another publisher's H.264: %v", err)
	}
}

// While a fallback is shown, its picture is that of the stream.
func TestFallbackIsWhatIsSeen(t *testing.T) {
	f := vp8Stream()
	f.info.Fallback = "pause"
	var asked string
	m := snapshot.New(snapshot.Config{
		Stream: func(string) (broadcast.StreamInfo, bool) { return f.info, true },
		Keyframe: func(name string) (broadcast.Keyframe, error) {
			asked = name
			return f.keyframe()
		},
		Sources: func(string) bool { return false },
	})
	if _, err := m.Take(t.Context(), "cam", 0); err != nil || asked != "pause" {
		t.Errorf("the keyframe of %q was asked for, want that of the fallback: %v", asked, err)
	}
}

func TestWhatHasNoPicture(t *testing.T) {
	tests := map[string]struct {
		change func(*fixture)
		want   error
	}{
		"no stream":      {func(f *fixture) { f.info.Name = "other" }, snapshot.ErrNoStream},
		"not live":       {func(f *fixture) { f.info.Live = false }, snapshot.ErrNoPicture},
		"H.264":          {func(f *fixture) { f.info = published("H264") }, snapshot.ErrNoDecoder},
		"sound only":     {func(f *fixture) { f.info.Tracks = nil }, snapshot.ErrNoDecoder},
		"no keyframe":    {func(f *fixture) { f.keyframe = noKeyframe }, snapshot.ErrNoPicture},
		"no raw picture": {func(f *fixture) { f.local, f.info.Source, f.raw = true, "camera", neverRaw }, snapshot.ErrNoPicture},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := vp8Stream()
				tt.change(f)
				m := f.maker()
				if _, err := m.Take(t.Context(), "cam", 0); !errors.Is(err, tt.want) {
					t.Errorf("%v, want %v", err, tt.want)
				}
				if got, want := m.Possible(f.info), errors.Is(tt.want, snapshot.ErrNoPicture) && f.info.Live || name == "no stream"; got != want {
					t.Errorf("Possible: %v, want %v", got, want)
				}
			})
		})
	}
}

func noKeyframe() (broadcast.Keyframe, error) { return broadcast.Keyframe{}, broadcast.ErrNoKeyframe }

func neverRaw(ctx context.Context) (*image.YCbCr, time.Time, error) {
	<-ctx.Done()
	return nil, time.Time{}, ctx.Err()
}

// Whatever a publisher sends, it costs an error and nothing else.
func TestBadKeyframes(t *testing.T) {
	huge := bytes.Clone(redWhite)
	huge[6], huge[7], huge[8], huge[9] = 0xff, 0x3f, 0xff, 0x3f // 16383x16383
	for name, payloads := range map[string][][]byte{
		"nothing":   nil,
		"empty":     {{}},
		"garbage":   {[]byte("\x10\x00hello, this is no picture")},
		"cut off":   {append([]byte{0x10}, redWhite[:len(redWhite)/3]...)},
		"header":    {append([]byte{0x10}, redWhite[:10]...)},
		"too large": {append([]byte{0x10}, huge...)},
	} {
		f := vp8Stream()
		f.keyframe = func() (broadcast.Keyframe, error) { return broadcast.Keyframe{Payloads: payloads}, nil }
		if p, err := f.maker().Take(t.Context(), "cam", 0); err == nil {
			t.Errorf("%s: a picture of %dx%d", name, p.Width, p.Height)
		}
	}
}

func TestOnePictureForAllWhoAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := vp8Stream()
		good := f.keyframe
		f.keyframe = func() (broadcast.Keyframe, error) {
			time.Sleep(100 * time.Millisecond)
			return good()
		}
		m := f.maker()
		impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		var asking sync.WaitGroup
		asking.Go(func() {
			if _, err := m.Take(impatient, "cam", 0); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who does not wait: %v", err)
			}
		})
		synctest.Wait()
		for range 50 {
			asking.Go(func() {
				if _, err := m.Take(t.Context(), "cam", 0); err != nil {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		if n := f.asked.Load(); n != 1 {
			t.Errorf("%d pictures were made for 51 who asked at once", n)
		}
		time.Sleep(2 * time.Second)
		if _, err := m.Take(t.Context(), "cam", 0); err != nil || f.asked.Load() != 2 {
			t.Errorf("2 s later: %v, %d made, want a new one", err, f.asked.Load())
		}
		// The newest stands in while there is no newer one, but not for ever.
		f.keyframe = noKeyframe
		time.Sleep(2 * time.Second)
		if _, err := m.Take(t.Context(), "cam", 0); err != nil {
			t.Errorf("without a whole keyframe: %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := m.Take(t.Context(), "cam", 0); !errors.Is(err, snapshot.ErrNoPicture) {
			t.Errorf("a minute later: %v", err)
		}
	})
}

// get asks the routes.
func get(t *testing.T, f *fixture, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	router := chi.NewRouter()
	snapshot.Routes(router, snapshot.HandlerConfig{Maker: f.maker(), Auth: auth.New(auth.Config{ViewToken: "see"})})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	return w
}

func TestSnapshotOverHTTP(t *testing.T) {
	f := vp8Stream()
	w := get(t, f, "/snapshot/cam.jpg?width=80", "Authorization", "Bearer see")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/jpeg" || w.Header().Get("Cache-Control") != "private, max-age=1" ||
		w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	if img := decode(t, w.Body.Bytes()); img.Bounds().Dx() != 80 {
		t.Errorf("%v, want 80 pixels wide", img.Bounds())
	}
	again := get(t, f, "/snapshot/cam.jpg?width=80&token=see", "If-None-Match", w.Header().Get("ETag"))
	if again.Code != http.StatusNotModified {
		t.Errorf("the same picture again: status %d, want 304", again.Code)
	}
	other := get(t, f, "/snapshot/cam.jpg?token=see", "If-None-Match", w.Header().Get("ETag"))
	if other.Code != http.StatusOK {
		t.Errorf("the picture in another size: status %d, want 200", other.Code)
	}
}

func TestRefusedSnapshots(t *testing.T) {
	waiting := vp8Stream()
	waiting.info.Live = false
	for _, tt := range []struct {
		f      *fixture
		target string
		want   int
	}{
		{vp8Stream(), "/snapshot/cam.jpg", 401},
		{vp8Stream(), "/snapshot/cam.jpg?token=wrong", 401},
		{vp8Stream(), "/snapshot/nobody.jpg?token=see", 404},
		{vp8Stream(), "/snapshot/cam.png?token=see", 404},
		{vp8Stream(), "/snapshot/.jpg?token=see", 404},
		{&fixture{info: published("AV1")}, "/snapshot/cam.jpg?token=see", 404},
		{waiting, "/snapshot/cam.jpg?token=see", 503},
		{vp8Stream(), "/snapshot/cam.jpg?token=see&width=0", 400},
		{vp8Stream(), "/snapshot/cam.jpg?token=see&width=wide", 400},
	} {
		w := get(t, tt.f, tt.target)
		if w.Code != tt.want || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: status %d, want %d: %v %s", tt.target, w.Code, tt.want, w.Header(), w.Body)
		}
		if (w.Code == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%s: status %d, Retry-After %q", tt.target, w.Code, w.Header().Get("Retry-After"))
		}
	}
}

func BenchmarkSnapshot720p(b *testing.B) {
	raw := image.NewYCbCr(image.Rect(0, 0, 1280, 720), image.YCbCrSubsampleRatio420)
	for i := range raw.Y {
		raw.Y[i] = byte(i * 7)
	}
	f := &fixture{info: published("H264"), local: true}
	f.info.Source = "camera"
	f.raw = func(context.Context) (*image.YCbCr, time.Time, error) { return raw, time.Now(), nil }
	n := 0
	for b.Loop() {
		n++
		// Another name each time, so that none is found made.
		f.info.Name = fmt.Sprint("cam", n)
		if _, err := f.maker().Take(b.Context(), f.info.Name, 640); err != nil {
			b.Fatal(err)
		}
	}
}
