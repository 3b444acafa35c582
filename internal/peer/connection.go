package peer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"porthole/internal/negotiate"
	"porthole/internal/sessioninfo"
)

// Connection is one answered offer: a publisher that we receive or a viewer that we
// send to. Its methods may be called by any goroutine.
//
//	answered ─► connecting ─► connected ⇄ disconnected
//	    └────────────┴────────────┴────────────┴─► closed(reason)
type Connection struct {
	// Set before the connection is handed out, read-only afterwards.
	engine    *Engine
	id        string // in logs
	role      negotiate.Role
	offer     *negotiate.Offer
	mids      []string // of all sections of the offer, in order
	transport clientTransport
	ingest    *ingest // publishers only
	sink      *sink   // viewers only
	// offered is the transport again when we make the offer.
	offered *offeringTransport
	answer  string

	// ctx ends when the session is decided to be over; its cause is the reason.
	ctx    context.Context //nolint:containedctx // the session's life, not a call's
	cancel context.CancelCauseFunc

	connected chan struct{} // closed once, by up
	done      chan struct{} // closed by finish
	claimed   atomic.Bool   // by whoever runs finish: Serve, or Close without Serve
	writable  atomic.Bool   // connected and not over
	silent    atomic.Bool   // disconnected: nothing has come for a while
	trickled  atomic.Int32  // candidates added by Trickle

	// workers are Serve's goroutines. Only they and Serve add to it.
	workers sync.WaitGroup

	restarting sync.Mutex // held by Restart
	examining  sync.Mutex // held by Examine, and by finish when it closes the transport

	mu    sync.Mutex
	life  life   // guarded by mu
	ufrag string // of the client, to tell candidates from a restart; guarded by mu
}

func newConnection(e *Engine, offer *negotiate.Offer) *Connection {
	s := &Connection{
		engine: e, role: offer.Role, offer: offer, ufrag: offer.Ufrag,
		connected: make(chan struct{}), done: make(chan struct{}),
	}
	for _, media := range offer.Media {
		s.mids = append(s.mids, media.Mid)
	}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	if offer.Transport != nil { // of an offer of ours the answer tells it
		s.life.remote = candidatesOf(offer.Transport.Candidates)
	}
	s.life.record("offer")
	return s
}

// answered starts the session's public life.
func (s *Connection) answered() {
	s.mu.Lock()
	s.life.record("answer")
	s.life.answered = time.Now()
	s.enter(sessioninfo.StateAnswered)
	s.life.local = candidatesIn(s.answer)
	took := s.life.answered.Sub(s.life.timeline[0].At)
	s.mu.Unlock()
	s.engine.metrics.answered(s.role, took)
}

// age is the time since the offer.
func (s *Connection) age() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.life.timeline[0].At)
}

// Answer returns the answer as it goes to the client (application/sdp): with all
// of our candidates, below 8 KiB.
func (s *Connection) Answer() string { return s.answer }

// Tracks returns what a viewer's session sends, in the order of the offer. It is
// empty for publishers.
func (s *Connection) Tracks() []SendTrack {
	if s.sink == nil {
		return nil
	}
	return s.sink.tracks
}

// Connected is closed when ICE and DTLS are done and media may flow. It stays
// open when the session ends before that.
func (s *Connection) Connected() <-chan struct{} { return s.connected }

// Done is closed when the session is over and everything it had is freed.
func (s *Connection) Done() <-chan struct{} { return s.done }

// Err returns why the session is ending or has ended; nil while it lives.
func (s *Connection) Err() error {
	if s.ctx.Err() == nil {
		return nil
	}
	return context.Cause(s.ctx)
}

// Serve runs the session and returns the reason for its end, which is never nil:
// one of the Err values of this package, or an error of Close, OnTrack or a
// PacketWriter. The end of ctx ends the session with ErrClosed. A viewer's RTCP
// goes to feedback, which may be nil. When Serve returns, all goroutines of the session have ended.
func (s *Connection) Serve(ctx context.Context, feedback Feedback) error {
	if !s.claimed.CompareAndSwap(false, true) {
		if err := s.Err(); err != nil {
			<-s.done
			return err
		}
		return ErrServed
	}
	stop := context.AfterFunc(ctx, func() { s.end(fmt.Errorf("%w: %w", ErrClosed, context.Cause(ctx))) })
	defer stop()
	if total := s.engine.settings.timeouts.Session; total > 0 {
		over := time.AfterFunc(total, func() { s.end(fmt.Errorf("%w: %v", ErrSessionTimeout, total)) })
		defer over.Stop()
	}
	s.work(s.superviseDeadlines)
	if s.ingest != nil {
		s.work(s.ingest.serve)
	}
	if s.sink != nil {
		s.sink.readFeedback(feedback)
	}
	<-s.ctx.Done()
	s.finish()
	return s.Err()
}

// Close ends the session with reason, or with ErrClosed when that is nil, and
// waits until everything is freed. The first reason counts; closing twice is
// harmless. It must not be called from OnTrack, a PacketWriter or feedback: an
// error returned there, or a goroutine of its own, does it.
func (s *Connection) Close(reason error) {
	if reason == nil {
		reason = ErrClosed
	}
	s.end(reason)
	if s.claimed.CompareAndSwap(false, true) {
		s.finish()
	}
	<-s.done
}

// end decides that the session is over. It does not block, so that anybody may
// call it; who claimed the session frees it.
func (s *Connection) end(reason error) {
	s.writable.Store(false)
	s.cancel(reason)
}

// finish frees everything. It runs once.
func (s *Connection) finish() {
	s.examining.Lock()
	s.examine()
	s.examineHandshake()
	err := s.transport.close()
	s.examining.Unlock()
	if err != nil {
		s.engine.settings.log.Debug("closing a connection reported errors", "error", err)
	}
	s.workers.Wait()
	if s.sink != nil {
		s.sink.leave()
	}
	reason := s.Err()
	s.mu.Lock()
	s.life.record("closed")
	s.enter(sessioninfo.StateClosed)
	s.mu.Unlock()
	s.engine.metrics.ended(s.role, reason)
	s.engine.forget(s)
	close(s.done)
}

// work runs f as one of Serve's goroutines. An error or a panic ends the session.
func (s *Connection) work(f func() error) {
	s.workers.Go(func() {
		defer func() {
			if value := recover(); value != nil {
				s.end(s.engine.caught(value, s.id))
			}
		}()
		if err := f(); err != nil {
			s.end(err)
		}
	})
}
