package broadcast

import "sync/atomic"

// turn asks a sender to serve viewers: all that it has of one stream, when there is
// media for them, or a single one, for feedback. Asking takes no lock, and asking
// twice before they are served is asking once.
type turn struct {
	// Set by newTurn, read-only afterwards.
	sender *sender

	viewers atomic.Pointer[[]*Viewer] // replaced, never edited

	called atomic.Bool
	next   *turn // in the sender's list; of who set called
}

func newTurn(s *sender, viewers ...*Viewer) *turn {
	t := &turn{sender: s}
	t.viewers.Store(&viewers)
	return t
}

// call puts the turn on its sender's list. It never blocks. What was written before
// it is seen by the sender.
func (t *turn) call() {
	if t.called.Swap(true) {
		return
	}
	s := t.sender
	for {
		t.next = s.turns.Load()
		if s.turns.CompareAndSwap(t.next, t) {
			break
		}
	}
	s.poke()
}

// takeTurns empties the sender's list and returns it.
func (s *sender) takeTurns() *turn { return s.turns.Swap(nil) }

// begin takes the turn off and returns the one after it. Who calls from now on wants
// another turn.
func (t *turn) begin() (next *turn) {
	next, t.next = t.next, nil
	t.called.Store(false)
	return next
}
