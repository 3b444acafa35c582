// Package supervisor keeps sources alive: it opens each, and opens it again when it fails or comes back, and on demand only
// while somebody watches; and it says how each is. What a source takes and sends, pictures or anything else, it does not know.
package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"porthole/capture/publish"
	"porthole/capture/source"
	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/panics"
)

const (
	firstRetry   = 250 * time.Millisecond
	lastRetry    = 2 * time.Second
	steadyAfter  = 10 * time.Second // a pipeline this long starts over with firstRetry
	repeatLogged = time.Minute      // the same failure is told again after this long
)

// errUnwatched ends a pipeline of a source that is on demand, when it was watched by nobody for long enough.
var errUnwatched = errors.New("nobody watches")

// Device is what a source captures from, as far as its supervisor needs to know.
type Device interface {
	// Available says, without opening anything, why it could not be opened now; nil: perhaps it can.
	Available() error
	// Open opens it.
	Open() (Pipeline, error)
	// Lost says why what was opened last is not there any more; nil: it is.
	Lost() error
	// WasOpen says whether it was open before.
	WasOpen() bool
	// Changed is closed when one of these may say something else.
	Changed() <-chan struct{}
}

// Pipeline is an opened source: whatever it takes and sends.
type Pipeline interface {
	// Run takes the stream as soon as there is something to send, and sends until something fails. It returns that failure,
	// or ctx's cause.
	Run(ctx context.Context, take publish.Func) error
	// Close closes the device, after Run.
	Close() error
}

// Announcement is the source's stream in the list of streams; see broadcast.Announcement.
type Announcement interface {
	Tell(broadcast.SourceStatus)
	Watched() bool
	Taken() bool
	Changed() <-chan struct{} // receives, or is closed, when Watched or Taken may have changed
	Done() <-chan struct{}    // closed when the broadcaster has
}

// Config says what is supervised. All but Metrics, Standby and Announced are required.
type Config struct {
	Spec         source.Spec // its Kind, OnDemand and Linger
	Device       Device
	Announcement Announcement
	Publish      publish.Func
	Standby      func() []codec.Codec // what it will send; asked before it is first opened and after each time, and only on demand
	Announced    func()               // called when the list of streams says how the source is; more than once
	Metrics      *Metrics             // nil: not counted
	Log          *slog.Logger
}

// supervisor keeps a source alive: one pipeline after the other.
//
//	   ┌──────────────────────────── unwatched ◄──────────────────────────────┐
//	   ▼                                                                      │
//	await work ──► pipeline (open, publish, send) ──► failed: tell, wait ──► await work
//	(watched, and the stream is free)                (a pause, or the device is back)
type supervisor struct {
	Config
	standby  []codec.Codec // what it will send; only on demand
	faulty   bool          // the last pipeline has failed, and none has worked since
	logged   string        // the failure that was logged last
	loggedAt time.Time
}

// Run keeps a source alive until ctx ends, and then returns nil. The error is what time does not heal: ErrNoCgo, or
// broadcast.ErrClosed.
func Run(ctx context.Context, cfg Config) error {
	s := supervisor{Config: cfg}
	return s.run(ctx)
}

func (s *supervisor) run(ctx context.Context) error {
	if s.Spec.OnDemand {
		s.standby = s.Standby()
	}
	retry := firstRetry
	for {
		if err := s.awaitWork(ctx); err != nil {
			return ended(ctx, err)
		}
		s.Announced() // one that is not on demand opens now, which may take seconds
		started := time.Now()
		err := s.pipeline(ctx)
		if s.Spec.OnDemand {
			s.standby = s.Standby()
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, broadcast.ErrClosed), errors.Is(err, source.ErrNoCgo):
			return err
		case errors.Is(err, errUnwatched), errors.Is(err, source.ErrOtherMode):
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
		changed, moved := s.Announcement.Changed(), s.Device.Changed()
		switch {
		case s.Announcement.Taken():
			s.Announcement.Tell(broadcast.SourceStatus{Text: takenText(s.Spec.Kind)})
		case !s.Spec.OnDemand || s.Announcement.Watched():
			return ctx.Err()
		default:
			s.faulty = false // perhaps: whoever comes next tries it
			s.Announcement.Tell(s.idle())
		}
		s.Announced()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.Announcement.Done():
			return broadcast.ErrClosed
		case <-changed:
		case <-moved:
		}
	}
}

// idle is how a source is that nobody watches: off, but ready, unless it is plain that it could not be opened.
func (s *supervisor) idle() broadcast.SourceStatus {
	if err := s.Device.Available(); err != nil {
		return broadcast.SourceStatus{Text: stateText(err, s.Device.WasOpen())}
	}
	return broadcast.SourceStatus{Text: offText(s.Spec.Kind), Standby: s.standby}
}

// pipeline opens the source, sends until it fails, and closes it: one life of it.
func (s *supervisor) pipeline(ctx context.Context) error {
	if !s.faulty {
		s.Announcement.Tell(broadcast.SourceStatus{Text: openingText(s.Spec.Kind), Standby: s.standby})
	}
	live, err := s.open()
	if err != nil {
		return err
	}
	s.Metrics.began()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.guard(ctx) })
	group.Go(func() error { return live.Run(ctx, s.goLive) })
	err = group.Wait()
	s.Metrics.ended()
	if closeErr := panics.AsError(s.Log, "a driver", live.Close); closeErr != nil {
		s.Log.Debug("closing the device failed", "error", closeErr) // usual after it was unplugged
	}
	return err
}

// open opens the source, if that makes sense: looking for a device disturbs others.
func (s *supervisor) open() (live Pipeline, err error) {
	if err := s.Device.Available(); err != nil {
		return nil, err
	}
	err = panics.AsError(s.Log, "a driver", func() (err error) { live, err = s.Device.Open(); return err })
	return live, err
}

// goLive takes the stream, when the first picture is there.
func (s *supervisor) goLive(tracks publish.Tracks) (publish.Publisher, error) {
	publisher, err := s.Publish(tracks)
	if err == nil {
		s.faulty = false
		s.Announcement.Tell(broadcast.SourceStatus{Standby: s.standby})
	}
	return publisher, err
}

// guard ends a pipeline, by the error that it returns, whose device is not there any more, or which nobody has watched
// for long enough. What is reading from the device may notice much later.
func (s *supervisor) guard(ctx context.Context) error {
	linger := time.NewTimer(s.Spec.Linger)
	defer linger.Stop()
	watched := true
	for {
		changed, moved := s.Announcement.Changed(), s.Device.Changed()
		if err := s.Device.Lost(); err != nil {
			s.Announcement.Tell(broadcast.SourceStatus{Text: stateText(err, true)})
			return err
		}
		if now := s.Announcement.Watched(); now != watched {
			watched = now
			linger.Reset(s.Spec.Linger)
		}
		var expired <-chan time.Time
		if s.Spec.OnDemand && !watched {
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

// failed says, in the list of streams, in the log, and in the metrics, that a pipeline has failed.
func (s *supervisor) failed(err error) {
	s.faulty = true
	s.Announcement.Tell(broadcast.SourceStatus{Text: stateText(err, s.Device.WasOpen())})
	s.Metrics.failed(failureOf(err))
	if err.Error() == s.logged && time.Since(s.loggedAt) < repeatLogged {
		return // once for all the times that it comes in a row
	}
	s.logged, s.loggedAt = err.Error(), time.Now()
	s.Log.Warn("source unavailable; trying again", "error", err)
}

// pause waits after a failure: for so long, or until the device has come back, or until nobody wants it any more. back says
// that it is worth while to try at once. The error is that of awaitWork.
func (s *supervisor) pause(ctx context.Context, d time.Duration) (back bool, err error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		changed, moved := s.Announcement.Changed(), s.Device.Changed()
		if s.Spec.OnDemand && !s.Announcement.Watched() {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-s.Announcement.Done():
			return false, broadcast.ErrClosed
		case <-timer.C:
			return false, nil
		case <-changed:
		case <-moved:
			if s.Device.Available() == nil {
				return true, nil
			}
		}
	}
}
