package sessions

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/events"
	"porthole/internal/sessioninfo"
)

// DefaultMaxSessions is a Table's limit when none is given.
const DefaultMaxSessions = 4096

// Config configures a Table. The zero value is useful.
type Config struct {
	// MaxSessions is how many sessions there may be at a time, publishers and
	// viewers together; 0: DefaultMaxSessions.
	MaxSessions int
	// Log receives one line when a session starts and one when it ends; nil
	// discards them.
	Log *slog.Logger
	// OnPanic is called for each panic that has ended a session; may be nil.
	OnPanic func()
	// Events is told of sessions that begin and end; nil: nobody is.
	Events *events.Bus
}

// Table holds the sessions of WHIP and WHEP by id and owns the goroutines that
// serve them. All methods may be called by any goroutine.
type Table struct {
	// Set by New, read-only afterwards.
	max int
	log *slog.Logger
	// onPanic may be nil.
	onPanic  func()
	events   *events.Bus
	verdicts *prometheus.CounterVec // of sessions that have ended, by code
	ctx      context.Context        //nolint:containedctx // the life of all sessions, not a call's
	cancel   context.CancelCauseFunc

	// draining is closed when the server begins to stop.
	draining chan struct{}
	drain    sync.Once
	// idle is closed when, after that, the last place is free.
	idle   chan struct{}
	nobody sync.Once

	offers openOffers // that clients have not answered
	turns  turns      // to read what clients sent

	transcripts transcripts

	// serving counts the goroutines of run. It is only added to while mu is held
	// and closed is false.
	serving sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	places   int               // taken: by sessions that are being made, live or ending
	sessions map[string]*Entry // the live ones
	ended    endedSessions     // those of before
}

// Session is a session as the table serves it.
type Session interface {
	// Serve runs until the session is over, by itself or by the end of ctx, and
	// returns why, never nil. All goroutines of the session end before it returns.
	// It is called once.
	Serve(ctx context.Context) error
	// Close ends the session in whatever state it is, gives its place in the stream back,
	// and waits. The first reason counts; closing again does nothing.
	Close(reason error)
	// Detail describes the session for people.
	Detail() sessioninfo.Detail
	// Summary is what the log line at the session's end adds to the reason.
	Summary() []slog.Attr
}

// Examiner may be implemented by a Session that can find out more about itself when
// somebody looks.
type Examiner interface{ Examine() }

// The protocols by which a session can be made.
const (
	WHIP = "whip" // of a publisher
	WHEP = "whep" // of a viewer
)

// Opened is what a session is started with.
type Opened struct {
	ID       string // of NewID
	Protocol string // WHIP or WHEP
	Stream   string
	Client   string // address, for people
	Session  Session
	Offer    *OpenOffer // that the client has to answer; nil: none
}

// Entry is a session of the table.
type Entry struct {
	Opened // read-only

	Since time.Time // read-only
	Feeds Feeds     // of the session's events

	done   chan struct{} // closed when the session is over and its place free
	reason error         // why it ended; set before done is closed
	log    *exchangeLog  // of its signalling; kept for longer than the rest
}

// Done is closed when the session is over and its place is free.
func (e *Entry) Done() <-chan struct{} { return e.done }

// Reason is why the session is over. Call it after Done only.
func (e *Entry) Reason() error { return e.reason }

// New makes an empty Table.
func New(cfg Config) *Table {
	t := &Table{
		max: cmp.Or(cfg.MaxSessions, DefaultMaxSessions), log: cfg.Log, onPanic: cfg.OnPanic, events: cfg.Events,
		verdicts: newVerdicts(), turns: newTurns(),
		sessions: make(map[string]*Entry), draining: make(chan struct{}), idle: make(chan struct{}),
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	t.ctx, t.cancel = context.WithCancelCause(context.Background())
	return t
}

// SetMaxSessions changes the limit; 0: DefaultMaxSessions. Sessions that are there stay,
// even when they are more.
func (t *Table) SetMaxSessions(most int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.max = cmp.Or(most, DefaultMaxSessions)
}

// Len returns how many places are taken, those of sessions that are just being
// made or ended included.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.places
}

// Drain refuses new sessions, tells the players that listen to events to connect
// again, and ends those requests. The sessions that there are go on until Close. It
// suits http.Server.RegisterOnShutdown.
func (t *Table) Drain() {
	t.drain.Do(func() { close(t.draining) })
	t.mu.Lock()
	defer t.mu.Unlock()
	t.noticeIdleLocked()
}

// Draining is closed when the server begins to stop.
func (t *Table) Draining() <-chan struct{} { return t.draining }

// Idle is closed when, after Drain, no session is left.
func (t *Table) Idle() <-chan struct{} { return t.idle }

func (t *Table) noticeIdleLocked() {
	if t.places == 0 && t.IsDraining() {
		t.nobody.Do(func() { close(t.idle) })
	}
}

// IsDraining says whether the server has begun to stop.
func (t *Table) IsDraining() bool {
	select {
	case <-t.draining:
		return true
	default:
		return false
	}
}

// Close ends all sessions with ErrStopping, refuses new ones, and waits until the
// last goroutine has ended or ctx has. A second call only waits.
func (t *Table) Close(ctx context.Context) error {
	t.Drain()
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.cancel(ErrStopping)

	ended := make(chan struct{})
	go func() { // ends when the sessions do, at the latest
		t.serving.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("end %d sessions: %w", t.Len(), context.Cause(ctx))
	}
}

// Reserve takes a place. The caller gives it to Start or, if it comes to nothing,
// to Release. The error is ErrStopping or ErrTooManySessions.
func (t *Table) Reserve() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed, t.IsDraining():
		return ErrStopping
	case t.places >= t.max:
		return ErrTooManySessions
	}
	t.places++
	return nil
}

// Release gives a place back that was reserved and not started in.
func (t *Table) Release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.places--
	t.noticeIdleLocked()
}

// Start makes a live session in the place that was reserved for it, and serves it until
// it is over. On an error, ErrStopping, the caller still has the place.
func (t *Table) Start(o Opened) (*Entry, error) {
	e := &Entry{Opened: o, Since: time.Now(), done: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrStopping
	}
	e.log = t.transcripts.open(e.Client)
	t.sessions[e.ID] = e
	t.events.Publish(events.SessionOpened{Session: e.ID, Protocol: e.Protocol, Stream: e.Stream, Client: e.Client})
	t.serving.Go(func() { t.run(e) })
	return e, nil
}

// run is the life of a session.
func (t *Table) run(e *Entry) {
	log := t.log.With("session", e.ID, "protocol", e.Protocol, "stream", e.Stream)
	log.Info("session started", "client", e.Client, "relay_user", RelayUser(e.ID))
	reason := t.contained(e.ID, func() error { return e.Session.Serve(t.ctx) })
	_ = t.contained(e.ID, func() error { // that Serve went wrong is what counts
		e.Session.Close(reason)
		return nil
	})

	e.Offer.Close()
	info := t.remember(e, reason)
	attrs := append([]slog.Attr{
		slog.Duration("duration", time.Since(e.Since).Round(time.Millisecond)),
		slog.Any("reason", reason),
	}, e.Session.Summary()...)
	if info.Diagnosis != "" {
		attrs = append(attrs, slog.String("code", string(info.Code)), slog.String("diagnosis", info.Diagnosis))
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, "session ended", attrs...)
	t.Release()
	e.reason = reason
	close(e.done)
}

// remember moves a session to those that have ended.
func (t *Table) remember(e *Entry, reason error) sessioninfo.Session {
	now := time.Now()
	info := e.describe(reason, now)
	info.Ended = now
	t.verdicts.WithLabelValues(string(info.Code)).Inc()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.sessions, e.ID)
	t.ended.add(&endedSession{info: info, history: history{e.Protocol, e.Client, e.log, reason}, at: now})
	t.events.Publish(events.SessionEnded{
		Session: e.ID, Protocol: e.Protocol, Stream: e.Stream, Reason: reason.Error(), Code: string(info.Code),
	})
	return info
}

// Find returns a live session, or ErrNoSession. The id alone is not enough: a WHEP client's session
// is not a resource below /whip, nor below another stream.
func (t *Table) Find(protocol, stream, id string) (*Entry, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.sessions[id]
	if e == nil || e.Protocol != protocol || e.Stream != stream {
		return nil, ErrNoSession
	}
	return e, nil
}

// Take removes a session from the table, so that it is not found any more. Its
// place is free when its goroutine has ended.
func (t *Table) Take(protocol, stream, id string) (*Entry, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.sessions[id]
	if e == nil || e.Protocol != protocol || e.Stream != stream {
		return nil, ErrNoSession
	}
	delete(t.sessions, id)
	return e, nil
}
