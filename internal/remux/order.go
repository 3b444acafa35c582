package remux

import (
	"slices"

	"porthole/internal/broadcast"
)

const (
	// maxWait is how long packets wait for one that others have overtaken: a publisher that is asked (NACK) sends
	// it again within one or two round trips.
	maxWait = 300_000_000 // ns
	// maxWaiting is how many wait at most: more is an attack, or a line of 100 Mbit/s.
	maxWaiting = 4096
)

// order puts the packets of one track into the order of their numbers. How long it waits is bounded by time.
type order struct {
	next    uint64
	begun   bool
	waiting []broadcast.Packet // by their numbers; all behind a hole
}

// put takes a packet, and calls emit with those whose turn it is. lost is how many are missing right before it.
func (o *order) put(p broadcast.Packet, emit func(p broadcast.Packet, lost uint64)) (late bool) {
	if p.Break != broadcast.NoBreak || !o.begun {
		o.drain(emit)
		o.next, o.begun = p.Number-min(p.Lost, p.Number), true
	}
	switch {
	case p.Number < o.next:
		return true
	case p.Number == o.next && len(o.waiting) == 0: // nearly all
		o.next++
		emit(p, 0)
		return false
	}
	at, twice := slices.BinarySearchFunc(o.waiting, p.Number, func(w broadcast.Packet, number uint64) int {
		if w.Number < number {
			return -1
		}
		return int(min(w.Number-number, 1)) //nolint:gosec // 0 or 1
	})
	if twice {
		return false
	}
	o.waiting = slices.Insert(o.waiting, at, p)
	o.release(emit)
	o.expire(int64(p.Elapsed), emit)
	return false
}

// release emits what follows without a hole.
func (o *order) release(emit func(broadcast.Packet, uint64)) {
	n := 0
	for n < len(o.waiting) && o.waiting[n].Number == o.next {
		o.next++
		n++
		emit(o.waiting[n-1], 0)
	}
	o.waiting = slices.Delete(o.waiting, 0, n)
}

// expire gives up holes that are too old.
func (o *order) expire(now int64, emit func(broadcast.Packet, uint64)) {
	for len(o.waiting) > 0 && (now-o.oldest() >= maxWait || len(o.waiting) > maxWaiting) {
		o.skip(emit)
	}
}

// oldest is when the first of those came that wait.
func (o *order) oldest() int64 {
	first := o.waiting[0].Elapsed
	for _, p := range o.waiting[1:] {
		first = min(first, p.Elapsed)
	}
	return int64(first)
}

// skip gives up the first hole.
func (o *order) skip(emit func(broadcast.Packet, uint64)) {
	p := o.waiting[0]
	lost := p.Number - o.next
	o.next = p.Number + 1
	o.waiting = slices.Delete(o.waiting, 0, 1)
	emit(p, lost)
	o.release(emit)
}

// drain emits all that wait.
func (o *order) drain(emit func(broadcast.Packet, uint64)) {
	for len(o.waiting) > 0 {
		o.skip(emit)
	}
}
