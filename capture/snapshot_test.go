package capture

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/media"
	"porthole/capture/synthetic"
)

func TestViewfinderShowsTheNextPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finder := new(Viewfinder)
		source := finder.on(synthetic.NewPatternSource(capturetest.Spec(t, "pattern:?size=320x240&fps=25"), time.Now()))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error)
		go func() {
			defer close(ended)
			for {
				f := new(media.Picture)
				if err := source.Read(ctx, f); err != nil {
					return
				}
				f.Resize(2, 2) // the reader's own picture: what was handed out must be a copy
				f.Y[0] = 7
			}
		}()
		time.Sleep(time.Second)
		asked := time.Now()
		img, at, err := finder.Picture(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() != 320 || b.Dy() != 240 {
			t.Errorf("the picture is %v", b)
		}
		if late := at.Sub(asked); late < 0 || late > 40*time.Millisecond {
			t.Errorf("the picture was captured %v after it was asked for, want the next one", late)
		}
		stamp, err := synthetic.DecodeStamp(img.Y, img.YStride, 320, 240)
		if err != nil || stamp.Time.Sub(at).Abs() > time.Millisecond {
			t.Errorf("the clock in the picture says %+v, %v; it was captured at %v", stamp, err, at)
		}
		cancel()
		<-ended

		late, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, _, err := finder.Picture(late); !errors.Is(err, ErrNoPicture) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("of a source that is off: %v", err)
		}
	})
}

// What a source showed last can be seen while it is off, and is what was shown then.
func TestViewfinderKeepsTheLastPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finder := new(Viewfinder)
		if _, _, ok := finder.Last(); ok {
			t.Error("there is a picture before the first one")
		}
		source := finder.on(synthetic.NewPatternSource(capturetest.Spec(t, "pattern:?size=320x240&fps=25"), time.Now()))
		for range 60 {
			f := new(media.Picture)
			if err := source.Read(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			f.Resize(2, 2)
			f.Y[0] = 7
		}
		off := time.Now()
		time.Sleep(time.Hour)
		img, at, ok := finder.Last()
		if age := off.Sub(at); !ok || age < 0 || age > keepEvery {
			t.Fatalf("%v, captured %v before the source went off, want a second at most", ok, age)
		}
		stamp, err := synthetic.DecodeStamp(img.Y, img.YStride, 320, 240)
		if err != nil || stamp.Time.Sub(at).Abs() > time.Millisecond {
			t.Errorf("the clock in the picture says %+v, %v; it was captured at %v", stamp, err, at)
		}
		img.Y[0]++
		if again, _, _ := finder.Last(); again.Y[0] == img.Y[0] {
			t.Error("the copy is not one")
		}
	})
}

// jpegCamera delivers pictures of one grey, with what they were decoded from.
type jpegCamera struct{ n byte }

func (c *jpegCamera) Read(_ context.Context, f *media.Picture) error {
	time.Sleep(10 * time.Millisecond)
	c.n++
	f.Resize(16, 16)
	media.Fill(f.Y, c.n)
	return nil
}
func (c *jpegCamera) JPEG() []byte { return []byte{0xff, 0xd8, c.n} }
func (c *jpegCamera) Close() error { return nil }

// changed is what changes pictures, and does not say that it is a camera of JPEGs.
type changed struct{ media.Pictures }

func TestViewfinderHasTheCamerasJPEG(t *testing.T) {
	for name, tt := range map[string]struct {
		source    media.Pictures
		raw       bool
		jpeg, img bool
	}{
		"the JPEG is enough":     {&jpegCamera{}, false, true, false},
		"both are wanted":        {&jpegCamera{}, true, true, true},
		"pictures were changed":  {changed{&jpegCamera{}}, false, false, true},
		"changed, and the image": {changed{&jpegCamera{}}, true, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				finder := new(Viewfinder)
				source := finder.on(tt.source)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					for f := new(media.Picture); ctx.Err() == nil; {
						_ = source.Read(ctx, f) // never fails
					}
				}()
				still, err := finder.Still(ctx, tt.raw)
				cancel()
				<-ended
				if err != nil || (still.JPEG != nil) != tt.jpeg || (still.Image != nil) != tt.img {
					t.Fatalf("JPEG %v, image %v, %v", still.JPEG != nil, still.Image != nil, err)
				}
				if tt.jpeg && tt.img && still.JPEG[2] != still.Image.Y[0] {
					t.Errorf("the JPEG is of picture %d, the image of %d", still.JPEG[2], still.Image.Y[0])
				}
			})
		})
	}
}
