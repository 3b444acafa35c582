package broadcast

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
)

// maxSenders is bounded by the bits of stream.serving.
const maxSenders = 64

// sender is a goroutine that serves a share of all viewers: it sleeps until a
// picture is complete, a viewer asked for something, or a pacer is due.
type sender struct {
	// Set by newSender, read-only afterwards.
	index int
	clock clock
	// Capacity one: a wake-up says that there is something to look at, not how
	// often. Never closed.
	work chan struct{}

	mu      sync.Mutex // orders add and remove; run takes no lock
	viewers atomic.Pointer[[]*Viewer]

	lateness lateness // of its rounds

	scratch scratch // owned by run
}

// scratch is memory that a sender uses for one packet after another.
type scratch struct {
	header rtp.Header
	rtx    []byte
	// shifted is a payload with other picture ids.
	shifted []byte
}

func newSender(index int, b *Broadcaster) *sender {
	s := &sender{index: index, clock: b.clock, work: make(chan struct{}, 1)}
	s.viewers.Store(&[]*Viewer{})
	return s
}

// poke wakes the sender. It never blocks.
func (s *sender) poke() {
	s.lateness.wake(s.clock)
	select {
	case s.work <- struct{}{}:
	default:
	}
}

func (s *sender) load() int { return len(*s.viewers.Load()) }

func (s *sender) add(v *Viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := append(slices.Clone(*s.viewers.Load()), v)
	s.viewers.Store(&list)
}

func (s *sender) remove(v *Viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.viewers.Load()
	if i := slices.Index(old, v); i >= 0 {
		list := slices.Concat(old[:i], old[i+1:])
		s.viewers.Store(&list)
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
		due := s.serveAll()
		s.lateness.end(s.clock)
		if due > 0 {
			timer.Reset(time.Duration(max(due-s.clock.now(), 0)))
		} else {
			timer.Reset(time.Hour)
		}
	}
}

// serveAll gives each viewer its turn and returns when the first pacer is due.
func (s *sender) serveAll() (due int64) {
	for _, v := range *s.viewers.Load() {
		if d := v.serve(s.clock.now(), &s.scratch); d > 0 && (due == 0 || d < due) {
			due = d
		}
	}
	return due
}
