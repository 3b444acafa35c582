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
