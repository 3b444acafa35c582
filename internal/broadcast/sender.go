package broadcast

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
)

// maxSenders bounds what a stream keeps for each of them.
const maxSenders = 64

// sender is a goroutine that serves a share of all viewers: it sleeps until a
// picture is complete, a viewer asked for something, or a pacer is due, and looks at
// those who have work.
type sender struct {
	// Set by newSender, read-only afterwards.
	index int
	clock clock
	// Capacity one: a wake-up says that there is something to look at, not how
	// often. Never closed.
	work chan struct{}

	assigned int // viewers; guarded by Broadcaster.mu

	turns    atomic.Pointer[turn] // that were called, linked; newest first
	lateness lateness             // of its rounds

	// Owned by run.
	scratch scratch
	waiting []*Viewer // for their pacers, in no order
}

// scratch is memory that a sender uses for one packet after another.
type scratch struct {
	header rtp.Header
	rtx    []byte
	// shifted is a payload with other picture ids.
	shifted []byte
}

func newSender(index int, b *Broadcaster) *sender {
	return &sender{index: index, clock: b.clock, work: make(chan struct{}, 1)}
}

// poke wakes the sender. It never blocks.
func (s *sender) poke() {
	select {
	case s.work <- struct{}{}:
	default:
	}
}

// run serves until ctx ends.
func (s *sender) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.work:
		case <-timer.C:
		}
		s.lateness.begin()
		due := s.round()
		s.lateness.end(s.clock)
		if due > 0 {
			timer.Reset(time.Duration(max(due-s.clock.now(), 0)))
		} else {
			timer.Reset(time.Hour)
		}
	}
}

// round serves who was called and whose pacer is due, and returns when the next
// pacer is.
func (s *sender) round() (due int64) {
	for t := s.takeTurns(); t != nil; {
		next := t.begin()
		for _, v := range *t.viewers.Load() {
			s.serve(v)
		}
		t = next
	}
	return s.serveWaiting()
}

func (s *sender) serve(v *Viewer) {
	v.due = v.serve(s.clock.now(), &s.scratch)
	if v.due > 0 && !v.waits {
		v.waits = true
		s.waiting = append(s.waiting, v)
	}
}

// serveWaiting serves those whose time has come and keeps who has to wait.
func (s *sender) serveWaiting() (due int64) {
	if len(s.waiting) == 0 {
		return 0
	}
	now := s.clock.now()
	kept := s.waiting[:0]
	for _, v := range s.waiting {
		if v.due > 0 && v.due <= now {
			now = s.clock.now()
			v.due = v.serve(now, &s.scratch)
		}
		if v.waits = v.due > 0; !v.waits {
			continue
		}
		kept = append(kept, v)
		if due == 0 || v.due < due {
			due = v.due
		}
	}
	clear(s.waiting[len(kept):]) // who has left is not kept
	s.waiting = kept
	return due
}
