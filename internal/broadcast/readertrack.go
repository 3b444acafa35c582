package broadcast

import (
	"math"
	"time"

	"porthole/internal/broadcast/choice"
	"porthole/internal/broadcast/ring"
	"porthole/internal/codec"
)

// readerTrack is what a Reader knows of one of its tracks. It belongs to whoever reads.
type readerTrack struct {
	cursor
	kind     codec.Kind
	encoding *Encoding
	sps      *codec.H264SPS // that the encoding was described by

	gated   bool   // nothing is read until a keyframe
	why     Break  // told with the next packet
	skipped uint64 // likewise
	low     uint64 // number with which the run began
	next    uint64 // number that follows the highest that was read

	judged   uint64 // position of the picture that keyframe is of, plus one
	keyframe bool

	picker   choice.Picker
	checked  int64  // when the choice was thought about
	wanted   *Layer // what the track changes to at its next keyframe; nil: nothing
	wantFrom uint64 // that keyframe is not older than this position
	asks     keyframeAsks
}

func newReaderTrack(kind codec.Kind, c Choice) readerTrack {
	return readerTrack{kind: kind, picker: choice.Picker{Choice: c}}
}

// peek returns the packet that is read next, nil when there is none yet.
func (t *readerTrack) peek() *ring.Packet {
	for t.layer != nil {
		p := t.layer.ring.At(t.at)
		switch {
		case p == nil && t.at >= t.layer.ring.Head():
			return nil
		case p == nil:
			t.overrun()
			continue
		case p.Epoch != t.epoch && !t.gated:
			t.gate(BreakRenumbered)
		}
		if t.layer.video && p.Start && !t.judge(p) {
			if t.layer.ring.At(t.at) == nil {
				continue // overwritten in this moment
			}
			return nil // what kind of picture it is shows with what is still coming
		}
		if t.gated && t.layer.video && !(p.Start && t.keyframe) {
			t.pass(t.at + 1)
			continue
		}
		if t.gated && !t.admit() || p.Seq < t.low {
			t.pass(t.at + 1) // overwritten in this moment, or from before the run began
			continue
		}
		return p
	}
	return nil
}

// take reads the packet that peek has found.
func (t *readerTrack) take(p *ring.Packet) Packet {
	l := t.layer
	if p.Start && l.h264 && l.sps.Load() != t.sps {
		t.describe() // the publisher has changed what it sends
	}
	out := Packet{
		Kind: t.kind, Encoding: t.encoding, Payload: p.Payload, Number: p.Seq, Timestamp: p.Timestamp,
		Arrived: l.clock.wall(p.Arrived), Elapsed: time.Duration(p.Arrived), Marker: p.Marker, Start: p.Start, Break: t.why, Skipped: t.skipped,
	}
	if newest := l.ring.At(l.ring.Head() - 1); newest != nil && newest.Epoch == p.Epoch { // else the reference is of other timestamps
		out.Captured, _ = l.capturedAt(p.Timestamp)
	}
	out.Keyframe = p.Start && l.video && t.keyframe
	if p.Seq < t.next {
		out.Late = true
	} else {
		out.Lost = p.Seq - t.next
		t.next = p.Seq + 1
	}
	t.why, t.skipped = NoBreak, 0
	t.at++
	return out
}

// judge finds out whether the picture that begins at the cursor is a keyframe. It says whether
// that shows already.
func (t *readerTrack) judge(first *ring.Packet) (known bool) {
	if t.judged == t.at+1 {
		return true
	}
	if t.keyframe, known = t.layer.keyframeAt(t.at, first); known {
		t.judged = t.at + 1
	}
	return known
}

// gate holds the track back until the next keyframe. A break that was not told yet is the one that counts.
func (t *readerTrack) gate(why Break) {
	t.gated = true
	if t.why == NoBreak || t.why == BreakRenumbered {
		t.why = why
	}
}

// pass goes on to a position, and counts what is left out of a run that was interrupted.
func (t *readerTrack) pass(to uint64) {
	if t.why == BreakOverrun || t.why == BreakRenumbered {
		t.skipped += to - t.at
	}
	t.at = to
}

// overrun goes on at the newest keyframe, or with the next one; sound with the oldest that is there.
func (t *readerTrack) overrun() {
	t.gate(BreakOverrun)
	to := t.layer.ring.Head()
	if !t.layer.video {
		to = max(t.layer.ring.Oldest(), t.at|(ring.BlockPackets-1)+1)
	} else if pos, ok := t.newerKeyframe(); ok {
		to = pos
	}
	t.pass(to)
}

// admit begins a run at the cursor.
func (t *readerTrack) admit() bool {
	first, _, low := t.landing(t.at)
	if first == nil {
		return false
	}
	t.gated, t.epoch = false, first.Epoch
	t.low, t.next = low, low
	return true
}

// follow keeps the track on the right layer. It is for when everything that is there was read, so that a publisher who
// leaves is read to its end.
func (t *readerTrack) follow(r *Reader, now int64) {
	shown := r.stream.layers[t.kind].Load()
	if shown == nil || len(*shown) == 0 {
		return
	}
	layers, publisher := *shown, (*shown)[0].publisher
	switch {
	case !r.cfg.Fallback && publisher.stream != r.stream:
		return
	case t.layer == nil && publisher.ended():
		return // who begins while nobody publishes is not shown how it was
	case t.layer == nil:
		t.begin(r, t.pick(layers, now), now)
	case t.layer.publisher != publisher:
		t.checked, t.wanted = now, nil
		l := t.pick(layers, now)
		t.enter(l, l.ring.Oldest(), BreakPublisher)
	case len(layers) > 1:
		t.choose(r, layers, now)
	}
	if !r.cfg.Passive {
		t.layer.needed(now)
	}
}

// awaits asks for a keyframe, if the track has read everything and cannot go on without.
func (t *readerTrack) awaits(now int64) {
	if l := t.layer; l != nil && t.gated && l.video && t.at >= l.ring.Head() && !l.publisher.ended() {
		t.asks.ask(l, now)
	}
}

// pick returns the layer that is wanted. Reading has no path that could be too narrow.
func (t *readerTrack) pick(layers []*Layer, now int64) *Layer {
	best, _ := t.best(&t.picker, layers, nil, choice.Sending{Now: now, Temporal: choice.AllTemporal, Budget: math.MaxInt64}, rateOf)
	return best
}

// rateOf is what it takes to read an encoding.
func rateOf(c choice.Candidate) uint64 { return c.Rate }

// enter takes up a layer at a position, or with the first keyframe after it.
func (t *readerTrack) enter(l *Layer, at uint64, why Break) {
	t.cursor = cursor{layer: l, at: at}
	if t.why != BreakStart { // nothing was read before
		t.why = why
	}
	t.gated, t.skipped, t.judged = true, 0, 0
	t.describe()
}

// describe says anew what the packets are packets of.
func (t *readerTrack) describe() {
	p := t.layer.publisher
	t.sps = t.layer.sps.Load()
	t.encoding = &Encoding{Codec: t.layer.Codec(), RID: t.layer.cfg.RID, Source: p.cfg.Source, Since: p.began}
}

// begin takes up the first layer as far back as is wanted: of sound, where the picture begins.
func (t *readerTrack) begin(r *Reader, l *Layer, now int64) {
	from := now - int64(r.cfg.Back)
	at := l.ring.Head()
	switch {
	case l.video:
		at = l.keyframeBefore(from, r.cfg.Back > 0)
		if p := l.ring.At(at); p != nil {
			r.since = p.Arrived
		}
	case r.since != 0:
		at = l.arrivedSince(r.since)
	case r.cfg.Back > 0:
		at = l.arrivedSince(from)
	}
	t.enter(l, at, BreakStart)
}

// choose keeps the track on the right one of several encodings of one publisher, as a viewer's.
func (t *readerTrack) choose(r *Reader, layers []*Layer, now int64) {
	if now-t.checked >= int64(layerCheck) || t.checked == 0 {
		t.checked = now
		l := t.pick(layers, now)
		switch {
		case l == t.layer:
			t.wanted = nil
		case l != t.wanted: // a keyframe from before would show what was seen already
			t.wanted, t.wantFrom = l, l.ring.Head()
		}
	}
	l := t.wanted
	switch {
	case l == nil:
		return
	case t.why == BreakStart:
		t.wanted = nil
		t.begin(r, l, now)
		return
	case t.why == BreakPublisher:
		t.wanted = nil
		t.enter(l, l.ring.Oldest(), BreakPublisher)
		return
	case t.gated || !t.layer.active(now):
		t.wanted = nil
		t.enter(l, max(t.wantFrom, l.ring.Oldest()), BreakEncoding)
		return
	}
	if pos, ok := l.newestKeyframe(); ok && pos >= t.wantFrom {
		if t.betweenPictures() {
			t.wanted = nil
			t.enter(l, pos, BreakEncoding)
		}
		return
	}
	if !r.cfg.Passive {
		l.needed(now)
		t.asks.ask(l, now)
	}
}

// keyframeAt says whether the picture that begins with the packet first, at pos, is a keyframe; known is
// false as long as that does not show, or when it was overwritten.
func (l *Layer) keyframeAt(pos uint64, first *ring.Packet) (is, known bool) {
	if first.Key || l.keyframe.Load() == pos+1 {
		return true, true
	}
	for i := pos; i < pos+wakeEvery; i++ {
		p := l.ring.At(i)
		switch {
		case p == nil:
			return false, l.publisher.ended() && i >= l.ring.Head()
		case i > pos && p.Start:
			return false, true
		case p.Timestamp != first.Timestamp:
			continue // of another picture, late
		case p.Key:
			return true, true
		case p.Marker:
			return false, true
		}
	}
	return false, true
}

// keyframeBefore returns the position of the newest keyframe; of those that are there, with back, the newest that had come
// at a time, or the oldest. Without any it returns the position of the packet that comes next.
func (l *Layer) keyframeBefore(nanos int64, back bool) uint64 {
	newest, ok := l.newestKeyframe()
	if !ok {
		return l.ring.Head()
	}
	if p := l.ring.At(newest); !back || p == nil || p.Arrived <= nanos {
		return newest
	}
	best, found := newest, false
	for i := l.ring.Oldest(); i < newest; i++ {
		p := l.ring.At(i)
		if p == nil || !p.Start {
			continue
		}
		if found && p.Arrived > nanos {
			break
		}
		if is, _ := l.keyframeAt(i, p); is {
			best, found = i, true
		}
	}
	return best
}

// arrivedSince returns the position of the first packet that is there and came at a time or after it.
func (l *Layer) arrivedSince(nanos int64) uint64 {
	head := l.ring.Head()
	for i := l.ring.Oldest(); i < head; i++ {
		if p := l.ring.At(i); p != nil && p.Arrived >= nanos {
			return i
		}
	}
	return head
}
