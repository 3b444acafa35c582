package capture

import (
	"image"
	"sync"
	"time"

	"porthole/capture/media"
)

// keepEvery is how old the kept picture of a source gets while it works: copying one costs next to nothing, every one would not.
const keepEvery = time.Second

// lastPicture is what a source showed last, for whoever asks while it is off.
type lastPicture struct {
	mu   sync.Mutex
	kept media.Picture // guarded by mu; empty: there was none
}

// keep copies the picture, unless there is one of about the same time.
func (l *lastPicture) keep(f *media.Picture) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if since := f.CapturedAt.Sub(l.kept.CapturedAt); since >= keepEvery || since < 0 {
		l.kept.Copy(f)
	}
}

// Last returns a copy of what the source showed last, in the form of Picture, and when that was captured: a second before it went
// off at the earliest. ok is false when it has shown nothing yet.
func (v *Viewfinder) Last() (img *image.YCbCr, at time.Time, ok bool) {
	v.last.mu.Lock()
	defer v.last.mu.Unlock()
	kept := &v.last.kept
	if kept.Width == 0 {
		return nil, time.Time{}, false
	}
	return copied(kept), kept.CapturedAt, true
}

// LastAt says when that was captured; the zero time: the source has shown nothing yet.
func (v *Viewfinder) LastAt() time.Time {
	v.last.mu.Lock()
	defer v.last.mu.Unlock()
	return v.last.kept.CapturedAt
}
