package broadcast

import (
	"time"

	"porthole/internal/broadcast/pace"
)

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
	// catchUpTime is what a viewer that is behind gets on top of the time that its
	// pace takes, before being late counts.
	catchUpTime = 500 * time.Millisecond
	// lagSlack is by how much it may fall further behind meanwhile.
	lagSlack = 100 * time.Millisecond
	// narrowPatience is how long a viewer whose path carries too little waits for the publisher's own next
	// keyframe before it asks for one, which would be as large and is for everybody.
	narrowPatience = 2 * time.Second
)

// late says whether the viewer is further behind than it may be. Who catches up may
// be, unless there is a newer keyframe to go on with. A keyframe that has been begun is sent to its
// end: half of it is nothing to see, and a path on which it takes so long would never see one.
func (t *track) late(now int64) bool {
	p := t.layer.ring.At(t.at)
	if p == nil || t.layer.video && t.at > t.beganWith && p.Epoch == t.epoch && p.Timestamp == t.beganTime {
		return false
	}
	lag := now - p.Arrived
	if lag <= t.lagBudget() {
		return false
	}
	_, newer := t.newerKeyframe()
	return newer || now >= t.catchUp || lag > t.maxLag
}

func (t *track) lagBudget() int64 { return int64(t.layer.publisher.stream.b.cfg.LagBudget) }

// skip jumps to the newest keyframe, or waits for the next one. What is left out is
// counted.
func (t *track) skip(v *Viewer, now int64, why DropReason) {
	head := t.layer.ring.Head()
	if pos, ok := t.newerKeyframe(); ok {
		v.stats.drop(why, pos-t.at)
		t.begin(v, pos, now)
		return
	}
	v.stats.drop(why, head-t.at)
	t.closeGate(head, false)
	if !t.picked.Fits {
		t.patientTill = now + int64(narrowPatience)
	}
}

// catchUpFrom lets packets be old until the live edge is reached: for as long as what
// came from pos on takes at the slowest pace, with a half more for what comes
// meanwhile. The lag shrinks, but for the time that the first picture takes.
func (t *track) catchUpFrom(v *Viewer, pos uint64, lag, now int64) {
	bytes, _ := t.layer.ring.Since(pos)
	rate, _ := v.transport.pace(t.layer.rate.Load())
	rate = max(rate-float64(v.soundRate())/8, rate/8) // sound goes first
	sending := int64(float64(bytes) / min(rate, pace.Min) * 1e9)
	t.catchUp = now + sending*3/2 + int64(catchUpTime)
	t.maxLag = max(lag, t.lagBudget()) + sending + int64(lagSlack)
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
		t.ids.leave(t.layer, t.at)
	}
	t.moved = true
}

// openGate lets the track begin, if it can. It returns when to try again.
func (t *track) openGate(v *Viewer, now int64) (due int64) {
	if due, held := t.held(now); held {
		return due
	}
	l := t.layer
	if !l.video {
		if head := l.ring.Head(); head > t.from {
			t.admit(v, head-1, now)
		}
		return 0
	}
	pos, kept := l.newestKeyframe()
	ok := kept && pos >= t.from
	if ok {
		history, _ := l.ring.Since(pos)
		impatient := t.askedAt != 0 && now-t.askedAt >= int64(patience)
		if history <= instantBytes || impatient || l.cfg.RequestKeyframe == nil {
			t.admit(v, pos, now)
			return 0
		}
	}
	if at := max(t.rateLimit.Asks(), t.patientTill); now < at {
		return at
	}
	t.asks.ask(l, now)
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
	t.begin(v, pos, now)
}

// begin puts the cursor on a position and lets the viewer's numbers go on there.
func (t *track) begin(v *Viewer, pos uint64, now int64) {
	first, newest, seq := t.landing(pos)
	if first == nil {
		t.closeGate(t.layer.ring.Head(), false) // overwritten in this very moment
		return
	}
	if t.moved || first.Epoch != t.epoch {
		t.leave()
		t.rewriter.Change(seq, first.Timestamp, newest.Timestamp, now)
		t.ids.enter(t.layer, first)
	} else {
		t.rewriter.Resume(seq, newest.Timestamp)
	}
	t.thinner.Restart()
	t.at, t.epoch = pos, first.Epoch
	t.gated, t.moved, t.askedAt, t.patientTill = false, false, 0, 0
	t.catchUpFrom(v, pos, now-first.Arrived, now)
	t.beganAt, t.beganWith, t.beganTime = now, pos, first.Timestamp
	t.nextReport = 0
}

// beginning says whether the keyframe that the viewer begins with may still be on
// its way to it, or is held back by its own bound: a request for another one then
// asks for what is coming.
func (t *track) beginning(now int64) bool {
	return t.starved() || t.beganAt != 0 && now-t.beganAt < int64(beginningTime)
}
