package mjpeg_test

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"porthole/internal/mjpeg"
	"porthole/internal/snapshot"
)

// pictures counts what a watcher gets in so long, and calls each.
func pictures(w *mjpeg.Watcher, during time.Duration, each func(*mjpeg.Picture)) (n int, err error) {
	end := time.NewTimer(during)
	defer end.Stop()
	for {
		p, changed, err := w.Poll()
		if err != nil {
			return n, err
		}
		if p != nil {
			n++
			each(p)
			continue
		}
		select {
		case <-changed:
		case <-end.C:
			return n, nil
		}
	}
}

func nothing(*mjpeg.Picture) {}

func TestEachWatchesAtItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		h := w.hub(t)
		defer h.Close()
		type result struct {
			rate float64
			n    int
		}
		results := make(chan result)
		for _, rate := range []float64{1, 5, 10, 20, 30} {
			watcher, err := h.Watch("cam", 0, rate)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				defer watcher.Close()
				n, _ := pictures(watcher, 10*time.Second, nothing)
				results <- result{rate, n}
			}()
		}
		for range 5 {
			r := <-results
			if want := int(10 * r.rate); r.n < want-2 || r.n > want+2 {
				t.Errorf("%d pictures in 10 s at %v a second", r.n, r.rate)
			}
		}
		if made := w.made(t, "encoded"); made < 295 || made > 305 {
			t.Errorf("%d pictures were encoded for all, want 300", made)
		}
		synctest.Wait()
		before, _ := w.camera.seen()
		time.Sleep(10 * time.Second)
		if after, _ := w.camera.seen(); after != before {
			t.Errorf("the camera was looked at %d times for nobody", after-before)
		}
	})
}

// A camera is not looked at more often than anybody wants.
func TestSlowRatesCostLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		h := w.hub(t)
		defer h.Close()
		watcher, err := h.Watch("cam", 0, 2)
		if err != nil {
			t.Fatal(err)
		}
		defer watcher.Close()
		if n, err := pictures(watcher, 10*time.Second, nothing); n < 19 || n > 21 || err != nil {
			t.Errorf("%d pictures, %v", n, err)
		}
		if looks, _ := w.camera.seen(); looks > 22 {
			t.Errorf("the camera was looked at %d times for 20 pictures", looks)
		}
	})
}

func TestCamerasOwnJPEGsArePassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var file bytes.Buffer
		if err := jpeg.Encode(&file, image.NewYCbCr(image.Rect(0, 0, 320, 180), image.YCbCrSubsampleRatio422), nil); err != nil {
			t.Fatal(err)
		}
		w.camera.jpeg = append(bytes.Clone(file.Bytes()), 0, 0, 0) // with what is left of the buffer
		h := w.hub(t)
		defer h.Close()
		for _, width := range []int{0, 640, 320} {
			watcher, err := h.Watch("cam", width, 30)
			if err != nil {
				t.Fatal(err)
			}
			n, err := pictures(watcher, time.Second, func(p *mjpeg.Picture) {
				if !bytes.Equal(p.Data, file.Bytes()) || p.Width != 320 || p.Height != 180 {
					t.Errorf("width %d: %d bytes of %dx%d, want the camera's %d", width, len(p.Data), p.Width, p.Height, file.Len())
				}
			})
			watcher.Close()
			if n < 28 || err != nil {
				t.Errorf("width %d: %d pictures, %v", width, n, err)
			}
		}
		if _, raws := w.camera.seen(); raws != 0 || w.made(t, "encoded") != 0 {
			t.Errorf("%d pictures were decoded and %d encoded, which nobody needs", raws, w.made(t, "encoded"))
		}
		small, err := h.Watch("cam", 160, 30)
		if err != nil {
			t.Fatal(err)
		}
		defer small.Close()
		n, err := pictures(small, time.Second, func(p *mjpeg.Picture) {
			if got := size(t, p.Data); got != image.Pt(160, 90) {
				t.Errorf("a small picture is %v", got)
			}
		})
		if n < 27 || err != nil {
			t.Errorf("%d small pictures, %v", n, err)
		}
	})
}

// What a camera calls a JPEG and is none is not passed on.
func TestBrokenJPEGsAreNotPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.camera.jpeg = []byte("no picture")
		h := w.hub(t)
		defer h.Close()
		watcher, err := h.Watch("cam", 0, 30)
		if err != nil {
			t.Fatal(err)
		}
		defer watcher.Close()
		n, err := pictures(watcher, time.Second, func(p *mjpeg.Picture) {
			if got := size(t, p.Data); got != image.Pt(320, 180) {
				t.Errorf("a picture is %v", got)
			}
		})
		if n < 20 || err != nil {
			t.Errorf("%d pictures, %v", n, err)
		}
	})
}

func TestSizesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newWorld().hub(t)
		defer h.Close()
		var watchers []*mjpeg.Watcher
		for _, width := range []int{0, 160, 320, 480} {
			for range 3 {
				w, err := h.Watch("cam", width, 1)
				if err != nil {
					t.Fatal(err)
				}
				watchers = append(watchers, w)
			}
		}
		_, err := h.Watch("cam", 64, 1)
		if !errors.Is(err, mjpeg.ErrTooManySizes) || !strings.Contains(err.Error(), "width=160 or width=320") {
			t.Errorf("a fifth size: %v", err)
		}
		if w, err := h.Watch("cam", 325, 1); err != nil { // is 320
			t.Errorf("a size that there is: %v", err)
		} else {
			w.Close()
		}
		for _, w := range watchers[:3] {
			w.Close()
		}
		w, err := h.Watch("cam", 64, 1)
		if err != nil {
			t.Fatalf("once a size is watched by nobody: %v", err)
		}
		w.Close()
		for _, w := range watchers[3:] {
			w.Close()
		}
		for i := 0; ; i++ {
			w, err := h.Watch(strings.Repeat("x", i+1), 0, 1)
			if err != nil {
				if !errors.Is(err, mjpeg.ErrTooManySizes) || i > 20 {
					t.Errorf("stream %d: %v", i, err)
				}
				break
			}
			defer w.Close()
		}
	})
}

func TestStreamsFromElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var taken atomic.Int32
		w.snapshots.picture = func() (snapshot.Picture, error) {
			taken.Add(1)
			return snapshot.Picture{JPEG: []byte("keyframe"), Width: 64, Height: 32, At: time.Now().Truncate(4 * time.Second)}, nil
		}
		h := w.hub(t)
		defer h.Close()
		watcher, err := h.Watch("guest", 0, 30)
		if err != nil {
			t.Fatal(err)
		}
		n, err := pictures(watcher, 20*time.Second, func(p *mjpeg.Picture) {
			if string(p.Data) != "keyframe" {
				t.Errorf("%q", p.Data)
			}
		})
		watcher.Close()
		if n < 5 || n > 6 || err != nil || taken.Load() > 22 {
			t.Errorf("%d pictures of %d looks, %v; want one for each keyframe, and one look a second", n, taken.Load(), err)
		}
	})
}

func TestStreamsWithoutPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newWorld().hub(t)
		defer h.Close()
		watcher, err := h.Watch("guest", 0, 30)
		if err != nil {
			t.Fatal(err)
		}
		defer watcher.Close()
		if _, err := pictures(watcher, time.Minute, nothing); !errors.Is(err, mjpeg.ErrNoPictures) {
			t.Errorf("%v", err)
		}
	})
}

// A source that fails for a while costs the pictures of that while.
func TestSourceComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		h := w.hub(t)
		defer h.Close()
		watcher, err := h.Watch("cam", 0, 30)
		if err != nil {
			t.Fatal(err)
		}
		defer watcher.Close()
		set := func(off bool) {
			w.camera.mu.Lock()
			defer w.camera.mu.Unlock()
			w.camera.off = off
		}
		for _, off := range []bool{false, true, false} {
			set(off)
			n, err := pictures(watcher, 5*time.Second, nothing)
			if err != nil || off != (n < 3) {
				t.Errorf("off %v: %d pictures, %v", off, n, err)
			}
		}
		h.Close()
		if _, _, err := watcher.Poll(); !errors.Is(err, mjpeg.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if _, err := h.Watch("cam", 0, 1); !errors.Is(err, mjpeg.ErrClosed) {
			t.Errorf("Watch after Close: %v", err)
		}
	})
}

func TestSnapshotsShareWhatIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newWorld().hub(t)
		defer h.Close()
		if _, ok := h.Shown("cam", 160); ok {
			t.Error("something is shown to nobody")
		}
		small, err := h.Watch("cam", 160, 10)
		if err != nil {
			t.Fatal(err)
		}
		defer small.Close()
		time.Sleep(time.Second)
		p, ok := h.Shown("cam", 160)
		if !ok || p.Width != 160 || time.Since(p.Made) > 200*time.Millisecond {
			t.Errorf("%v, %d wide, made %v ago", ok, p.Width, time.Since(p.Made))
		}
		if _, ok := h.Shown("cam", 320); ok {
			t.Error("a small picture stands for a large one")
		}
		if _, ok := h.Shown("other", 160); ok {
			t.Error("one source stands for another")
		}
	})
}
