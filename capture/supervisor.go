package capture

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/broadcast"
	"porthole/internal/panics"
)

const (
	firstRetry   = 250 * time.Millisecond
	lastRetry    = 2 * time.Second
	steadyAfter  = 10 * time.Second // a session this long starts over with firstRetry
	repeatLogged = time.Minute      // the same failure is told again after this long
)

// errUnwatched ends a session of a source that is on demand, when it was watched by nobody for long enough.
var errUnwatched = errors.New("nobody watches")

// place is the source's place in the list of streams.
type place interface {
	Tell(broadcast.SourceStatus)
	Watched() bool
	Taken() bool
	Changed() <-chan struct{} // closed when Watched or Taken may have changed
	Done() <-chan struct{}    // closed when the broadcaster has
}

// supervisor keeps a source alive: one session after the other.
//
//	   ┌──────────────────────────── unwatched ◄──────────────────────────────┐
//	   ▼                                                                      │
//	await work ──► session (open, publish, send) ──► failed: tell, wait ──► await work
//	(watched, and the stream is free)                (a pause, or the device is back)
type supervisor struct {
	spec    source.Spec
	codecs  codecs
	log     *slog.Logger
	metrics *Metrics
	origin  origin
	devices *deviceWatch
	place   place
	publish func([]broadcast.Kind) (outlet, error)
	finder  *Viewfinder // nil: nobody looks
	known   func()      // called when the list of streams says how the source is

	standby []broadcast.Codec // what it will send; only on demand
	faulty  bool              // the last session has failed, and none has worked since
	told    string            // the failure logged last
	toldAt  time.Time
}

func (s *supervisor) run(ctx context.Context) error {
	if s.spec.OnDemand {
		s.standby = standbyCodecs(s.spec, s.codecs, s.log)
	}
	retry := firstRetry
	for {
		if err := s.awaitWork(ctx); err != nil {
			return ended(ctx, err)
		}
		s.known() // one that is not on demand opens now, which may take seconds
		started := time.Now()
		err := s.session(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, broadcast.ErrClosed), errors.Is(err, source.ErrNoCgo):
			return err
		case errors.Is(err, errUnwatched):
			retry = firstRetry
			continue
		}
		if time.Since(started) >= steadyAfter {
			retry = firstRetry
		}
		s.failed(err)
		back, err := s.pause(ctx, retry)
		if err != nil {
			return ended(ctx, err)
		}
		retry = min(2*retry, lastRetry)
		if back {
			retry = firstRetry
		}
	}
}

// ended tells being told to stop from other ends.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// awaitWork waits until there is something to do: until the stream is free, and, on demand, until somebody watches.
// Meanwhile it says how things are. The error is ctx's cause, or ErrClosed.
func (s *supervisor) awaitWork(ctx context.Context) error {
	for {
		changed, moved := s.place.Changed(), s.devices.Changed()
		switch {
		case s.place.Taken():
			s.place.Tell(broadcast.SourceStatus{Text: takenText(s.spec.Kind)})
		case !s.spec.OnDemand || s.place.Watched():
			return ctx.Err()
		default:
			s.faulty = false // perhaps: whoever comes next tries it
			s.place.Tell(s.idle())
		}
		s.known()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.place.Done():
			return broadcast.ErrClosed
		case <-changed:
		case <-moved:
		}
	}
}

// idle is how a source is that nobody watches: off, but ready, unless it is plain that it could not be opened.
func (s *supervisor) idle() broadcast.SourceStatus {
	if err := s.origin.look(); err != nil {
		return broadcast.SourceStatus{Text: stateText(err, s.origin.known())}
	}
	return broadcast.SourceStatus{Text: offText(s.spec.Kind), Standby: s.standby}
}

// session opens the source, sends until it fails, and closes it.
func (s *supervisor) session(ctx context.Context) error {
	if !s.faulty {
		s.place.Tell(broadcast.SourceStatus{Text: openingText(s.spec.Kind), Standby: s.standby})
	}
	in, err := s.open()
	if err != nil {
		return err
	}
	live := newSession(s.spec, in, s.codecs, s.log)
	live.video.replaced = s.metrics.encoderReplaced
	s.metrics.began()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.guard(ctx) })
	group.Go(func() error { return live.run(ctx, s.goLive) })
	err = group.Wait()
	s.metrics.ended()
	if closeErr := panics.AsError(s.log, "a driver", in.Close); closeErr != nil {
		s.log.Debug("closing the device failed", "error", closeErr) // usual after it was unplugged
	}
	return err
}

// open opens the source, if that makes sense: looking for a device disturbs others.
func (s *supervisor) open() (in *media.Input, err error) {
	if err := s.origin.look(); err != nil {
		return nil, err
	}
	err = panics.AsError(s.log, "a driver", func() (err error) { in, err = s.origin.open(); return err })
	if err != nil {
		return nil, err
	}
	in.Pictures = s.finder.on(in.Pictures)
	return in, nil
}

// goLive takes the stream, when the first picture is there.
func (s *supervisor) goLive(kinds []broadcast.Kind) (outlet, error) {
	out, err := s.publish(kinds)
	if err == nil {
		s.faulty = false
		s.place.Tell(broadcast.SourceStatus{Standby: s.standby})
	}
	return out, err
}

// guard ends a session, by the error that it returns, whose device is not there any more, or which nobody has watched
// for long enough. What is reading from the device may notice much later.
func (s *supervisor) guard(ctx context.Context) error {
	linger := time.NewTimer(s.spec.Linger)
	defer linger.Stop()
	watched := true
	for {
		changed, moved := s.place.Changed(), s.devices.Changed()
		if err := s.origin.lost(); err != nil {
			s.place.Tell(broadcast.SourceStatus{Text: stateText(err, true)})
			return err
		}
		if now := s.place.Watched(); now != watched {
			watched = now
			linger.Reset(s.spec.Linger)
		}
		var expired <-chan time.Time
		if s.spec.OnDemand && !watched {
			expired = linger.C
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		case <-moved:
		case <-expired:
			return errUnwatched
		}
	}
}

// failed says, in the list of streams, in the log, and in the metrics, that a session has failed.
func (s *supervisor) failed(err error) {
	s.faulty = true
	s.place.Tell(broadcast.SourceStatus{Text: stateText(err, s.origin.known())})
	s.metrics.failed(failureOf(err))
	if err.Error() == s.told && time.Since(s.toldAt) < repeatLogged {
		return // once for all the times that it comes in a row
	}
	s.told, s.toldAt = err.Error(), time.Now()
	s.log.Warn("source is not available, trying again", "error", err)
}

// pause waits after a failure: for so long, or until the device has come back, or until nobody wants it any more. back says
// that it is worth while to try at once. The error is that of awaitWork.
func (s *supervisor) pause(ctx context.Context, d time.Duration) (back bool, err error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		changed, moved := s.place.Changed(), s.devices.Changed()
		if s.spec.OnDemand && !s.place.Watched() {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-s.place.Done():
			return false, broadcast.ErrClosed
		case <-timer.C:
			return false, nil
		case <-changed:
		case <-moved:
			if s.origin.look() == nil {
				return true, nil
			}
		}
	}
}
