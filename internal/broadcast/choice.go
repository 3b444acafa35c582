package broadcast

import (
	"time"

	"porthole/internal/bandwidth"
	"porthole/internal/broadcast/choice"
	"porthole/internal/broadcast/sentlog"
	"porthole/internal/codec"
)

const (
	// layerCheck is how often a viewer's encoding is thought about.
	layerCheck = 500 * time.Millisecond
	// layerIdle is after how long without a packet nothing comes of an encoding: a
	// publisher whose network is bad stops the higher ones.
	layerIdle = 1500 * time.Millisecond
)

// Choice is which encoding of the picture a viewer wants.
type Choice = choice.Choice

// Choose says which encoding of a simulcast the viewer wants; the zero Choice lets
// the server choose. The picture goes on as it was until the wanted encoding has a
// keyframe, which is asked for. What is not there is waited for in the same way.
func (v *Viewer) Choose(c Choice) {
	v.serving.Lock()
	v.choice = c
	if t := v.tracks[codec.Video]; t != nil {
		t.picker.Choice = c
		t.checked = 0
	}
	v.serving.Unlock()
	v.poke()
}

// layerChoice is how a track gets from one encoding to another.
type layerChoice struct {
	picker  choice.Picker
	checked int64 // when the choice was thought about

	next     *Layer // what the track changes to at its next keyframe, nil if nothing
	picked   choice.Picked
	nextFrom uint64 // that keyframe is not older than this position
	// unplayable is what the viewer cannot play, although others of the same track it can.
	unplayable []*Layer

	// Packets numbered below switchedAt were sent of previous, while it is not nil.
	previous   *Layer
	switchedAt uint64
}

// choose keeps the track on the right one of several encodings of one publisher.
func (t *track) choose(v *Viewer, layers []*Layer, now int64) {
	if now-t.checked >= int64(layerCheck) || t.checked == 0 || v.transport.revised {
		t.checked = now
		t.want(t.pick(v, layers, now), now)
		t.thinner.Want(t.picked.Relief)
	}
	t.layer.needed(now)
	if t.next != nil {
		t.next.needed(now)
		t.change(v, now)
	}
}

// pick asks the picker. It never returns nil.
func (t *track) pick(v *Viewer, layers []*Layer, now int64) (best *Layer) {
	t.picker.Limit = 0
	if t.rateLimit != nil {
		t.picker.Limit = t.rateLimit.BitRate
	}
	best, t.picked = t.best(&t.picker, layers, t.unplayable, choice.Sending{
		Now: now, Temporal: t.thinner.Limit(), Budget: v.pictureBudget(layers),
	}, t.need)
	if !best.video {
		return best // there is one, whatever the path carries
	}
	v.notePath(t.picked.Fits)
	v.transport.wanted = 0
	if t.picked.Wanted > 0 {
		v.transport.wanted = t.picked.Wanted + v.soundRate()
	}
	return best
}

// pictureBudget returns how many bits per second the viewer's path has for pictures. A path of which nothing is known
// yet is taken to carry the best of them.
func (v *Viewer) pictureBudget(layers []*Layer) uint64 {
	n := &v.transport
	for _, l := range layers {
		n.estimator.Initial = max(n.estimator.Initial, bandwidth.DefaultInitial, 2*l.rate.Load())
	}
	n.judge()
	n.revised = false
	return n.verdict.Budget - min(v.soundRate(), n.verdict.Budget)
}

// soundRate returns how many bits per second the viewer's sound takes, with headers.
func (v *Viewer) soundRate() uint64 {
	t := v.tracks[codec.Audio]
	if t == nil || t.layer == nil || t.gated {
		return 0
	}
	const soundHeaders = 50 * resendOverhead * 8 // of 50 packets a second, the usual
	return t.layer.rate.Load() + soundHeaders
}

// active says whether something comes of the layer.
func (l *Layer) active(now int64) bool {
	last := l.lastPacket.Load()
	return last != 0 && now-last < int64(layerIdle)
}

// want makes a layer the one that the track changes to.
func (t *track) want(l *Layer, now int64) {
	switch {
	case l == t.layer:
		t.next = nil
	case l != t.next:
		// A keyframe from before would show what was seen already.
		t.next, t.nextFrom = l, l.ring.Head()
		t.asks.ask(l, now)
	}
}

// change goes to the wanted layer: at once if nothing is shown, else between two
// pictures, when there is a keyframe to go on with.
func (t *track) change(v *Viewer, now int64) {
	l := t.next
	if t.gated || !t.layer.active(now) {
		t.moveTo(l, now)
		return
	}
	pos, ok := l.newestKeyframe()
	if !ok || pos < t.nextFrom {
		t.asks.ask(l, now) // one that was lost is asked for again
		return
	}
	if !t.betweenPictures() {
		return
	}
	if !t.accepts(l.Codec()) {
		t.unplayable = append(t.unplayable, l)
		t.next = nil
		return
	}
	t.remember()
	t.leave()
	t.layer, t.next = l, nil
	t.thinner.Want(t.picked.Temporal)
	t.admit(v, pos, now)
}

// moveTo takes up a layer with nothing of the last one to be kept.
func (t *track) moveTo(l *Layer, now int64) {
	t.leave()
	t.layer, t.next, t.patientTill = l, nil, 0
	t.thinner.Want(t.picked.Temporal)
	t.codec.ClockRate = l.cfg.Codec.ClockRate
	t.rewriter.ClockRate = l.cfg.Codec.ClockRate
	t.sent.Forget()
	t.previous = nil
	from := uint64(0)
	l.needed(now)
	if t.rateLimit != nil || l.rests(now) {
		from = l.ring.Head() // history would be too much at once, or too old
	}
	t.closeGate(from, true)
}

// remember keeps what was sent of the layer that is left: the viewer may miss some
// of it yet. Of the one before that it does no more.
func (t *track) remember() {
	if t.previous != nil {
		t.sent.ForgetBefore(t.switchedAt)
	}
	t.previous, t.switchedAt = t.layer, t.rewriter.OutMax()+1
}

// sourceOf returns the layer that a packet was sent of.
func (t *track) sourceOf(seq uint16) *Layer {
	if t.previous != nil && t.rewriter.OutMax() >= t.switchedAt+sentlog.Packets {
		t.previous = nil
	}
	if t.previous != nil && sentlog.Unwrapped(seq, t.rewriter.OutMax()) < t.switchedAt {
		return t.previous
	}
	return t.layer
}
