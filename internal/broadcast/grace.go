package broadcast

import (
	"time"

	"porthole/internal/awake"
)

// Viewers whose publisher went away wait for it, or for another one, for the grace time.

// beginGraceLocked gives a publisher time to come, if none of that time runs yet.
func (s *stream) beginGraceLocked() { s.graceLocked(s.b.cfg.Grace) }

func (s *stream) graceLocked(left time.Duration) {
	if s.grace == nil && !s.b.closed {
		var t *awake.Timer
		t = awake.AfterFunc(left, func() {
			s.b.mu.Lock()
			defer s.b.mu.Unlock()
			if s.grace == t { // else somebody came, or everybody left, in this very moment
				s.giveUpLocked()
			}
		})
		s.grace = t
	}
}

// endGraceLocked is for when one has come, or nobody waits for one any more.
func (s *stream) endGraceLocked() {
	if s.grace != nil {
		s.grace.Stop()
		s.grace = nil
	}
}

// giveUpLocked ends the viewers whose publisher did not come back, but for those who see
// the fallback. Who saw it until a while ago has its own grace time.
func (s *stream) giveUpLocked() {
	lost := s.grace.Lost()
	s.grace = nil
	s.giveUpReadersLocked()
	var wait time.Duration
	for v := range s.viewers {
		starved, left := v.starvedLocked(lost)
		switch {
		case starved && left <= 0:
			v.end(ErrPublisherGone)
		case starved && (wait == 0 || left < wait):
			wait = left
		}
	}
	if wait > 0 {
		s.graceLocked(wait)
	}
}

// starvation is of a viewer that cannot play the fallback.
type starvation struct {
	by    *Publisher
	since int64 // when it saw something last, as clock.now; guarded by the lock of the Broadcaster once it is stored
}

// starvedLocked says whether the viewer sees nothing of the fallback that is shown, and
// how much of its grace time is left then. For lost of that the process did not run.
func (v *Viewer) starvedLocked(lost time.Duration) (starved bool, left time.Duration) {
	lender := v.stream.lender
	if lender == nil || lender.publisher == nil {
		return true, 0
	}
	s := v.starved.Load()
	if s == nil || s.by != lender.publisher {
		return false, 0
	}
	s.since += int64(lost)
	return true, v.stream.b.cfg.Grace - time.Duration(v.stream.b.clock.now()-s.since)
}
