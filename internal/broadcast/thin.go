package broadcast

import (
	"porthole/internal/broadcast/choice"
	"porthole/internal/broadcast/ring"
	"porthole/internal/broadcast/thinning"
)

// headerShare is what headers add to a payload's rate, roughly: 50 bytes to 1000.
const headerShare = 0.05

// rung returns the rates of the layer's temporal layers, with headers, when all of it has the given rate.
func (l *Layer) rung(rate uint64) choice.Rung {
	top := l.topTemporal()
	r := choice.Rung{Layers: int(top) + 1, Smooth: l.smooth(top)}
	all := l.rateUpTo(top)
	for id := range r.Layers {
		share := 1.0
		if all > 0 {
			share = float64(l.rateUpTo(uint8(id))) / float64(all) //nolint:gosec // below MaxTemporal
		}
		r.Rates[id] = uint64(float64(rate) * share * (1 + headerShare))
	}
	return r
}

// smoothRate is from how many pictures per 1000 seconds on people see motion and not single pictures.
const smoothRate = 11_500

// smooth returns the lowest temporal layer up to which there are enough pictures. Each layer doubles them, as in all modes
// of WebRTC and with our own encoder.
func (l *Layer) smooth(top uint8) uint8 {
	layer := top
	for rate := l.frameRate.Load() / 2; layer > 0 && rate >= smoothRate; rate /= 2 {
		layer--
	}
	return layer
}

// thin says whether the packet at the cursor is sent, or why it is not, and how many were left out in front of it. What is
// left out of VP8 is left out of its picture ids, too: a player would wait for it.
func (t *track) thin(p *ring.Packet) (left uint64, why DropReason, ok bool) {
	if t.layer.temporal.read == nil {
		return 0, 0, true
	}
	place := unpackTemporal(p.Temporal)
	keep := t.thinner.Keep(p.Seq, p.Timestamp, thinning.Layer{
		ID: place.ID, Sync: place.Sync, Keyframe: p.Start && t.layer.keyframe.Load() == t.at+1,
	})
	before, ok := t.thinner.Before(p.Seq)
	if t.layer.vp8 {
		t.ids.leftOut = t.thinner.Left().Pictures
	}
	switch {
	case !keep:
		return 0, DropThinned, false
	case !ok:
		return 0, DropStale, false
	}
	if t.layer.vp8 {
		t.ids.leftOut = before.Pictures
	}
	return before.Packets, 0, true
}
