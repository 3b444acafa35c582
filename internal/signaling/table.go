package signaling

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/negotiate"
	"porthole/internal/sessioninfo"
)

// DefaultMaxSessions is the Table's limit when none is given.
const DefaultMaxSessions = 4096

// TableConfig configures a Table. The zero value is useful.
type TableConfig struct {
	// MaxSessions is how many sessions there may be at a time, publishers and
	// viewers together; 0: DefaultMaxSessions.
	MaxSessions int
	// Log receives one line when a session starts and one when it ends; nil
	// discards them.
	Log *slog.Logger
	// OnPanic is called for each panic that has ended a session; may be nil.
	OnPanic func()
}

// Table holds the sessions of WHIP and WHEP by id and owns the goroutines that
// serve them. All methods may be called by any goroutine.
type Table struct {
	// Set by NewTable, read-only afterwards.
	max int
	log *slog.Logger
	// onPanic may be nil.
	onPanic  func()
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
	sessions map[string]*entry // the live ones
	ended    endedSessions     // those of before
}

// entry is one session as a resource.
type entry struct {
	// Set before the entry is in the table, read-only afterwards.
	id      string
	role    negotiate.Role
	stream  string
	client  string // address, for the log
	since   time.Time
	session Session
	counter bool          // it began with an offer of ours
	done    chan struct{} // closed when the session is over and its place free
	reason  error         // why it ended; set before done is closed
	waiting *openOffer    // for the answer to our counter-offer; nil: we made none
	feeds   feeds         // of its events
	log     *exchangeLog  // of its signalling; made by start, and kept for longer than the rest

	// patching is held during a PATCH, so that a restart and a trickle do not mix.
	// It guards the client's ICE credentials and the tag of the ICE session.
	patching   sync.Mutex
	ufrag, pwd string
	etag       string
	unanswered bool // our counter-offer was made and the answer has not come
}

// NewTable makes an empty Table.
func NewTable(cfg TableConfig) *Table {
	t := &Table{
		max: cmp.Or(cfg.MaxSessions, DefaultMaxSessions), log: cfg.Log, onPanic: cfg.OnPanic,
		verdicts: newVerdicts(), turns: newTurns(),
		sessions: make(map[string]*entry), draining: make(chan struct{}), idle: make(chan struct{}),
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

// Idle is closed when, after Drain, no session is left.
func (t *Table) Idle() <-chan struct{} { return t.idle }

func (t *Table) noticeIdleLocked() {
	if t.places == 0 && t.isDraining() {
		t.nobody.Do(func() { close(t.idle) })
	}
}

func (t *Table) isDraining() bool {
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

// reserve takes a place. The caller gives it to start or, if it comes to nothing,
// to release.
func (t *Table) reserve() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed, t.isDraining():
		return ErrStopping
	case t.places >= t.max:
		return ErrTooManySessions
	}
	t.places++
	return nil
}

func (t *Table) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.places--
	t.noticeIdleLocked()
}

// start makes e a live session in the place that was reserved for it, and serves
// it until it is over. On an error the caller still has the place.
func (t *Table) start(e *entry) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrStopping
	}
	e.log = t.transcripts.open(e.client)
	t.sessions[e.id] = e
	t.serving.Go(func() { t.run(e) })
	return nil
}

// run is the life of a session.
func (t *Table) run(e *entry) {
	log := t.log.With("session", e.id, "protocol", protocolOf(e.role), "stream", e.stream)
	log.Info("session started", "client", e.client, "relay_user", relayUser(e.id))
	reason := t.contained(e.id, func() error { return e.session.Serve(t.ctx) })
	_ = t.contained(e.id, func() error { // that Serve went wrong is what counts
		e.session.Close(reason)
		return nil
	})

	e.waiting.close()
	info := t.remember(e, reason)
	attrs := append([]slog.Attr{
		slog.Duration("duration", time.Since(e.since).Round(time.Millisecond)),
		slog.Any("reason", reason),
	}, e.session.Summary()...)
	if info.Diagnosis != "" {
		attrs = append(attrs, slog.String("code", string(info.Code)), slog.String("diagnosis", info.Diagnosis))
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, "session ended", attrs...)
	t.release()
	e.reason = reason
	close(e.done)
}

// remember moves a session to those that have ended.
func (t *Table) remember(e *entry, reason error) sessioninfo.Session {
	now := time.Now()
	info := e.describe(reason, now)
	info.Ended = now
	t.verdicts.WithLabelValues(string(info.Code)).Inc()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.sessions, e.id)
	t.ended.add(&endedSession{info: info, history: history{e.role, e.client, e.log, reason}, at: now})
	return info
}

// find returns a live session. The id alone is not enough: a WHEP client's session
// is not a resource below /whip, nor below another stream.
func (t *Table) find(role negotiate.Role, stream, id string) (*entry, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.sessions[id]
	if e == nil || e.role != role || e.stream != stream {
		return nil, errNoSession
	}
	return e, nil
}

// take removes a session from the table, so that it is not found any more. Its
// place is free when its goroutine has ended.
func (t *Table) take(role negotiate.Role, stream, id string) (*entry, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.sessions[id]
	if e == nil || e.role != role || e.stream != stream {
		return nil, errNoSession
	}
	delete(t.sessions, id)
	return e, nil
}

// idBytes is 128 bits: RFC 9725 section 5 wants at least 122.
const idBytes = 16

// newID makes an id that cannot be guessed, 22 characters of base64url.
func newID() string {
	b := make([]byte, idBytes)
	rand.Read(b) // never fails: the runtime ends the process when there is no randomness
	return base64.RawURLEncoding.EncodeToString(b)
}

// newETag makes a strong entity tag, quotes included.
func newETag() string { return `"` + newID() + `"` }

// protocolOf returns "whip" or "whep".
func protocolOf(role negotiate.Role) string {
	if role == negotiate.Publish {
		return "whip"
	}
	return "whep"
}
