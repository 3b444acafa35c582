package mjpeg

import (
	"context"
	"errors"
	"sync"
	"time"

	"porthole/internal/broadcast"
	"porthole/internal/panics"
	"porthole/internal/snapshot"
	"porthole/internal/still"
)

const (
	lookWithin = 2 * time.Second // how long a source may take for a picture
	// again is after how long a picture is tried for again that could not be had: the source is away, or opening.
	again = 200 * time.Millisecond
	// snapshotEvery is how often a stream is looked at that comes from elsewhere: its pictures are keyframes.
	snapshotEvery = time.Second
)

// errNotNow means that there is nothing to show at the moment.
var errNotNow = errors.New("the stream shows nothing now")

// Picture is one of a show. It is shared by all who watch, and never changed.
type Picture struct {
	still.JPEG
	At    time.Time // when it was captured
	made  time.Time
	local string // the source on this machine that it is of; "": it comes from elsewhere
}

// show makes the pictures of one size of one stream, in one goroutine, for as long as somebody watches.
type show struct {
	// Set by newShow, read-only afterwards.
	key
	hub  *Hub
	stop context.CancelFunc

	// Owned by run.
	encoder still.Encoder
	raw     bool // the camera's JPEG is not enough
	due     time.Time

	mu       sync.Mutex
	watchers map[*Watcher]struct{}
	newest   *Picture      // nil: none yet
	changed  chan struct{} // closed and replaced when newest or err is set
	err      error         // why no more will come
}

func newShow(h *Hub, k key, stop context.CancelFunc) *show {
	return &show{hub: h, key: k, stop: stop, watchers: make(map[*Watcher]struct{}), changed: make(chan struct{})}
}

// join adds a watcher.
func (s *show) join(rate float64) *Watcher {
	w := &Watcher{show: s, pace: paceOf(rate), rate: rate}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[w] = struct{}{}
	return w
}

// leave returns how many are left.
func (s *show) leave(w *Watcher) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watchers, w)
	return len(s.watchers)
}

// interval is the time between two pictures: what the most eager watcher wants.
func (s *show) interval() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	rate := 1.0
	for w := range s.watchers {
		rate = max(rate, w.rate)
	}
	return paceOf(rate).interval
}

func (s *show) last() *Picture {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest
}

// put makes a picture the newest.
func (s *show) put(p *Picture) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest = p
	close(s.changed)
	s.changed = make(chan struct{})
}

// end says that no more pictures will come. Only the first call counts.
func (s *show) end(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = why
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// run makes pictures until the last watcher has left, or none can be made.
func (s *show) run(ctx context.Context) {
	for ctx.Err() == nil {
		var p *Picture
		err := panics.AsError(s.hub.cfg.Log, "making a picture", func() (err error) {
			p, err = s.next(ctx)
			return err
		})
		switch {
		case err == nil:
			s.put(p)
		case errors.Is(err, ErrNoPictures):
			s.hub.forget(s)
			s.end(err)
			return
		default:
			s.hub.cfg.Log.Debug("no picture for MJPEG", "stream", s.stream, "width", s.width, "error", err)
			wait(ctx, again)
		}
	}
}

// next waits until a picture is due, and makes it.
func (s *show) next(ctx context.Context) (*Picture, error) {
	info, ok := s.hub.cfg.Stream(s.stream)
	if !ok || !info.Live {
		return nil, errNotNow
	}
	source, local := s.hub.cfg.Snapshots.Local(info)
	switch {
	case local:
		interval := s.interval()
		wait(ctx, time.Until(s.due.Add(-interval/8)))
		p, err := s.look(ctx, source)
		if err == nil {
			s.due = after(s.due, p.At, interval)
		}
		return p, err
	case s.hub.cfg.Snapshots.Possible(info):
		wait(ctx, time.Until(s.due))
		s.due = time.Now().Add(snapshotEvery)
		return s.snapshot(ctx, info)
	}
	return nil, ErrNoPictures
}

// look makes a picture of a source on this machine: of its own JPEG, where that will do.
func (s *show) look(ctx context.Context, source string) (*Picture, error) {
	raw, err := s.glance(ctx, source)
	if err != nil {
		return nil, err
	}
	p, ok := s.pass(raw)
	if !ok && raw.Image == nil {
		s.raw = true // for the next ones, too
		if raw, err = s.glance(ctx, source); err != nil {
			return nil, err
		}
	}
	s.raw = s.raw && raw.JPEG != nil // a camera may be changed for another one
	if ok {
		p.local = source
		return p, nil
	}
	return s.encode(ctx, raw, source)
}

// glance takes the next picture of a source, decoded if need be.
func (s *show) glance(ctx context.Context, source string) (Raw, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	return s.hub.cfg.Look(ctx, source, s.raw)
}

// pass makes a picture of a camera's JPEG as it is. ok is false where it must be another size, or is none.
func (s *show) pass(raw Raw) (p *Picture, ok bool) {
	if raw.JPEG == nil {
		return nil, false
	}
	file, err := still.Complete(raw.JPEG)
	if err != nil || s.width != 0 && file.Width > s.width {
		return nil, false
	}
	s.hub.pictures.WithLabelValues(passed).Inc()
	return &Picture{JPEG: file, At: raw.At, made: time.Now()}, true
}

// encode makes a picture when there is a slot for it.
func (s *show) encode(ctx context.Context, raw Raw, source string) (*Picture, error) {
	select {
	case s.hub.encoding <- struct{}{}:
		defer func() { <-s.hub.encoding }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	file, err := s.encoder.Encode(raw.Image, s.width)
	if err != nil {
		return nil, err
	}
	s.hub.pictures.WithLabelValues(encoded).Inc()
	return &Picture{JPEG: file, At: raw.At, made: time.Now(), local: source}, nil
}

// snapshot takes the newest picture of a stream that comes from elsewhere.
func (s *show) snapshot(ctx context.Context, info broadcast.StreamInfo) (*Picture, error) {
	p, err := s.hub.cfg.Snapshots.Take(ctx, info.Name, s.width)
	switch {
	case errors.Is(err, snapshot.ErrNoDecoder):
		return nil, ErrNoPictures
	case err != nil:
		return nil, err
	}
	if last := s.last(); last != nil && last.At.Equal(p.At) {
		return nil, errNotNow // no keyframe has come since
	}
	return &Picture{JPEG: still.JPEG{Data: p.JPEG, Width: p.Width, Height: p.Height}, At: p.At, made: p.Made}, nil
}

// wait waits for d, or for the end of ctx.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
