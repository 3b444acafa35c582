package broadcast

import "time"

const (
	// instantBytes is how much history a viewer is given at once instead of
	// asking the publisher for a keyframe, which would cost every other viewer one.
	instantBytes = 2 << 20
	// patience is how long a viewer waits for a keyframe that was asked for before
	// it starts from an old one: OBS and FFmpeg never answer.
	patience = 250 * time.Millisecond
	// beginningTime is how long a viewer's requests for a keyframe are taken to have
	// been made before the one that it begins with came.
	beginningTime = 300 * time.Millisecond
	// historyTime is how long sending history may take; then being late counts.
	historyTime = 3 * time.Second
)

// late says whether the viewer is further behind than it may be.
func (t *track) late(now int64) bool {
	if t.cursor < t.history && now < t.catchUp {
		return false
	}
	p := t.layer.ring.at(t.cursor)
	return p != nil && now-p.arrived > int64(t.layer.publisher.stream.b.cfg.LagBudget)
}

// skip jumps to the newest keyframe, or waits for the next one.
func (t *track) skip(v *Viewer, now int64) {
	head := t.layer.ring.head.Load()
	if pos, ok := t.layer.newestKeyframe(); t.layer.video && ok && pos > t.cursor {
		v.stats.drop(DropLate, pos-t.cursor)
		t.begin(pos, now)
		return
	}
	v.stats.drop(DropLate, head-t.cursor)
	t.closeGate(head, false)
}

// closeGate holds the track back until a keyframe at position from or later.
func (t *track) closeGate(from uint64, moved bool) {
	t.gated, t.from, t.askedAt = true, from, 0
	if moved {
		t.leave()
	}
}

// leave notes that what comes next is not of the numbering that was sent last.
func (t *track) leave() {
	if !t.moved {
		t.ids.leave(t.layer, t.cursor)
	}
	t.moved = true
}

// openGate lets the track begin, if it can. It returns when to try again.
func (t *track) openGate(v *Viewer, now int64) (due int64) {
	if due, held := t.held(now); held {
		return due
	}
	l := t.layer
	head := l.ring.head.Load()
	if !l.video {
		if head > t.from {
			t.admit(v, head-1, now)
		}
		return 0
	}
	pos, ok := l.newestKeyframe()
	ok = ok && pos >= t.from
	if ok {
		history := l.ring.at(head-1).bytes - l.ring.at(pos).bytes
		impatient := t.askedAt != 0 && now-t.askedAt >= int64(patience)
		if history <= instantBytes || impatient || l.cfg.RequestKeyframe == nil {
			t.admit(v, pos, now)
			return 0
		}
	}
	if at := t.bound.asks(); now < at {
		return at
	}
	l.requestKeyframe(now)
	if t.askedAt == 0 {
		t.askedAt = now
	}
	if ok {
		return t.askedAt + int64(patience)
	}
	return 0
}

// admit begins at a keyframe, if the viewer can play what follows.
func (t *track) admit(v *Viewer, pos uint64, now int64) {
	if c := t.layer.Codec(); !t.accepts(c) {
		v.refuses(t)
		return
	} else if t.moved {
		t.codec = c
	}
	t.begin(pos, now)
}

// begin puts the cursor on a position and lets the viewer's numbers go on there.
func (t *track) begin(pos uint64, now int64) {
	ring := t.layer.ring
	head := ring.head.Load()
	first, newest := ring.at(pos), ring.at(head-1)
	if first == nil || newest == nil {
		t.closeGate(head, false) // overwritten in this very moment
		return
	}
	seq := lowestSequence(ring, pos)
	if t.moved || first.epoch != t.epoch {
		t.leave()
		t.rewriter.change(seq, first.timestamp, newest.timestamp, now)
		t.ids.enter(t.layer, first)
	} else {
		t.rewriter.resume(seq, newest.timestamp)
	}
	t.cursor, t.epoch = pos, first.epoch
	t.gated, t.moved, t.askedAt = false, false, 0
	t.history, t.catchUp, t.beganAt = head, now+int64(historyTime), now
	t.nextReport = 0
}

// beginning says whether the keyframe that the viewer begins with may still be on
// its way to it, or is held back by its own bound: a request for another one then
// asks for what is coming.
func (t *track) beginning(now int64) bool {
	return t.starved() || t.beganAt != 0 && now-t.beganAt < int64(beginningTime)
}

// lowestSequence returns the lowest sequence number of the picture that begins
// at pos: its first packets may have come in another order.
func lowestSequence(r *ring, pos uint64) uint64 {
	first := r.at(pos)
	low := first.seq
	for i := pos + 1; i < pos+wakeEvery; i++ {
		p := r.at(i)
		if p == nil || p.timestamp != first.timestamp {
			break
		}
		low = min(low, p.seq)
	}
	return low
}
