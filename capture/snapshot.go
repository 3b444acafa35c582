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

// Still is a picture of a source.
type Still struct {
	// Image has 8 bits a sample, 4:2:0, BT.601 in limited range: black is 16, white is 235. nil where the camera's JPEG was enough.
	Image *image.YCbCr
	// JPEG is what the camera sent, as it sent it; nil: it sends none, or what the stream shows is not what it sends.
	JPEG []byte
	At   time.Time // when it was captured
}

// exposure is a picture that is waited for. Its fields are set before taken is closed, and never change after that.
type exposure struct {
	raw   bool // somebody wants the Image; guarded by the viewfinder's mu
	taken chan struct{}
	still Still
}

// Picture waits for the source's next picture and returns a copy of it, and when it was captured: see Still.Image.
// The error is ErrNoPicture when ctx ends first.
func (v *Viewfinder) Picture(ctx context.Context) (*image.YCbCr, time.Time, error) {
	still, err := v.Still(ctx, true)
	return still.Image, still.At, err
}

// Still waits for the source's next picture and returns a copy of it. With raw false, the camera's JPEG is enough, if there is
// one. What is returned is shared with others who ask, and must not be changed. The error is ErrNoPicture when ctx ends first.
func (v *Viewfinder) Still(ctx context.Context, raw bool) (Still, error) {
	v.mu.Lock()
	if v.next == nil {
		v.next = &exposure{taken: make(chan struct{})}
		v.wanted.Store(true)
	}
	e := v.next
	e.raw = e.raw || raw
	v.mu.Unlock()
	select {
	case <-e.taken:
		return e.still, nil
	case <-ctx.Done():
		return Still{}, fmt.Errorf("%w: %w", ErrNoPicture, ctx.Err())
	}
}

// offer gives the picture, and the JPEG that it was, to those who wait for one.
func (v *Viewfinder) offer(f *media.Picture, jpeg []byte) {
	v.mu.Lock()
	e := v.next
	v.next = nil
	v.wanted.Store(false)
	v.mu.Unlock()
	if e == nil {
		return
	}
	e.still = Still{JPEG: slices.Clone(jpeg), At: f.CapturedAt}
	if e.raw || jpeg == nil {
		e.still.Image = copied(f)
	}
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
	if !s.finder.wanted.Load() {
		return nil
	}
	var jpeg []byte
	if own, ok := s.Pictures.(media.JPEGs); ok {
		jpeg = own.JPEG()
	}
	s.finder.offer(f, jpeg)
	return nil
}
