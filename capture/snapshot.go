package capture

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"porthole/capture/media"
)

// ErrNoPicture is returned by Viewfinder.Picture when the source delivered none in time: its device is away, or off.
var ErrNoPicture = errors.New("the source delivers no pictures now")

// Viewfinder shows single raw pictures of a source to whoever asks, beside the stream that is made of them. While nobody
// asks, one in a second is copied. It outlives every pipeline of its source, and any goroutine may use it.
type Viewfinder struct {
	wanted atomic.Bool // next is set; saves the reader of the source the lock

	mu   sync.Mutex
	next *exposure // guarded by mu; nil: nobody waits

	last lastPicture

	encoded atomic.Bool
}

// Encoded says that the source's pictures come encoded, so that there are none to show.
func (v *Viewfinder) Encoded() bool { return v.encoded.Load() }

// look lets the viewfinder see what a source delivers that was opened. A nil viewfinder sees nothing.
func (v *Viewfinder) look(in *media.Input) {
	if v == nil {
		return
	}
	v.encoded.Store(in.Pictures == nil)
	if in.Pictures != nil {
		in.Pictures = v.on(in.Pictures)
	}
}

// exposure is a picture that is waited for. Its fields are set before taken is closed, and never change after that.
type exposure struct {
	taken chan struct{}
	image *image.YCbCr
	at    time.Time
}

// Picture waits for the source's next picture and returns a copy of it, and when it was captured. It has 8 bits a
// sample, 4:2:0, BT.601 in limited range: black is 16, white is 235. The error is ErrNoPicture when ctx ends first.
func (v *Viewfinder) Picture(ctx context.Context) (*image.YCbCr, time.Time, error) {
	v.mu.Lock()
	if v.next == nil {
		v.next = &exposure{taken: make(chan struct{})}
		v.wanted.Store(true)
	}
	e := v.next
	v.mu.Unlock()
	select {
	case <-e.taken:
		return e.image, e.at, nil
	case <-ctx.Done():
		return nil, time.Time{}, fmt.Errorf("%w: %w", ErrNoPicture, ctx.Err())
	}
}

// offer gives the picture to those who wait for one.
func (v *Viewfinder) offer(f *media.Picture) {
	if !v.wanted.Load() {
		return
	}
	v.mu.Lock()
	e := v.next
	v.next = nil
	v.wanted.Store(false)
	v.mu.Unlock()
	if e == nil {
		return
	}
	e.at = f.CapturedAt
	e.image = copied(f)
	close(e.taken)
}

// copied is a picture as an image of its own.
func copied(f *media.Picture) *image.YCbCr {
	return &image.YCbCr{
		Y: slices.Clone(f.Y), Cb: slices.Clone(f.U), Cr: slices.Clone(f.V),
		YStride: f.Width, CStride: f.Width / 2, SubsampleRatio: image.YCbCrSubsampleRatio420,
		Rect: image.Rect(0, 0, f.Width, f.Height),
	}
}

// on lets the viewfinder see what the source delivers. A nil viewfinder sees nothing.
func (v *Viewfinder) on(source media.Pictures) media.Pictures {
	if v == nil {
		return source
	}
	return seenSource{source, v}
}

// seenSource is a source that a viewfinder looks at.
type seenSource struct {
	media.Pictures
	finder *Viewfinder
}

// Read is the source's.
func (s seenSource) Read(ctx context.Context, f *media.Picture) error {
	if err := s.Pictures.Read(ctx, f); err != nil {
		return err
	}
	s.finder.last.keep(f)
	s.finder.offer(f)
	return nil
}
