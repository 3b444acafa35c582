package broadcast

import (
	"sync/atomic"
	"time"
)

// lateness measures how long a sender lets its viewers wait: from a wake-up, which
// is a picture being complete, to when the last one of them was served. It costs two
// looks at the clock for each wake-up, whatever the number of viewers and packets.
type lateness struct {
	woken   atomic.Int64 // when the first wake-up came that no round has begun for; 0: none
	serving atomic.Int64 // the wake-up that the present round is for; 0: none
	total   atomic.Int64 // nanoseconds, of all rounds
	rounds  atomic.Uint64
}

// wake notes that somebody has something to send.
func (l *lateness) wake(c clock) {
	if l.woken.Load() == 0 {
		l.woken.CompareAndSwap(0, c.now())
	}
}

// begin notes that a round begins. What wakes the sender from now on is for the next one.
func (l *lateness) begin() { l.serving.Store(l.woken.Swap(0)) }

// end notes that everybody has been served. A round that a timer began is not counted.
func (l *lateness) end(c clock) {
	since := l.serving.Swap(0)
	if since == 0 {
		return
	}
	l.total.Add(c.now() - since)
	l.rounds.Add(1)
}

// Lateness is how long the viewers of one sender waited for pictures that were
// complete. Counters only grow: two of them make a mean.
type Lateness struct {
	Total  time.Duration // of all rounds of serving all viewers
	Rounds uint64
	// Waiting is how long they have waited for a round that is not over yet.
	Waiting time.Duration
}

// Lateness returns that of each sender. It takes no lock.
func (b *Broadcaster) Lateness() []Lateness {
	list := make([]Lateness, len(b.senders))
	now := b.clock.now()
	for i, s := range b.senders {
		l := &s.lateness
		list[i] = Lateness{Total: time.Duration(l.total.Load()), Rounds: l.rounds.Load()}
		for _, since := range []int64{l.serving.Load(), l.woken.Load()} {
			if since != 0 {
				list[i].Waiting = max(list[i].Waiting, time.Duration(now-since))
			}
		}
	}
	return list
}
