package broadcast

import (
	"slices"

	"porthole/internal/broadcast/choice"
	"porthole/internal/broadcast/ring"
	"porthole/internal/codec"
)

// cursor is a place in an encoding: of the next packet that whoever reads it has not seen. It is what
// a viewer's track and a Reader have in common, and belongs to one of them.
type cursor struct {
	layer *Layer // nil: of none yet
	at    uint64
	epoch uint32 // of what was read last
}

// landing looks at a position to begin at: its packet, the newest one there is, and the lowest
// number of its picture. first is nil when it was overwritten.
func (c *cursor) landing(pos uint64) (first, newest *ring.Packet, seq uint64) {
	first, newest = c.layer.ring.At(pos), c.layer.ring.At(c.layer.ring.Head()-1)
	if first == nil || newest == nil {
		return nil, nil, 0
	}
	return first, newest, lowestSequence(c.layer.ring, pos, first)
}

// newerKeyframe returns a keyframe ahead, to go on with.
func (c *cursor) newerKeyframe() (pos uint64, ok bool) {
	pos, ok = c.layer.newestKeyframe()
	return pos, ok && c.layer.video && pos > c.at
}

// betweenPictures says whether the last picture was read to its end.
func (c *cursor) betweenPictures() bool {
	if p := c.layer.ring.At(c.at); p != nil {
		return p.Start
	}
	last := c.layer.ring.At(c.at - 1)
	return last == nil || last.Marker
}

// best returns the layer that the picker wants in the place of the cursor's, of all but those that
// are refused, and what else the picker says. on.Current is not used. It never returns nil.
func (c *cursor) best(p *choice.Picker, layers, refused []*Layer, on choice.Sending, need func(choice.Candidate) uint64) (*Layer, choice.Picked) {
	var known [choice.MaxLayers]choice.Candidate
	var of [choice.MaxLayers]*Layer
	n := 0
	on.Current = -1
	for _, l := range layers {
		if n == choice.MaxLayers || slices.Contains(refused, l) {
			continue
		}
		if l == c.layer {
			on.Current = n
		}
		known[n], of[n] = l.candidate(on.Now), l
		n++
	}
	if n == 0 {
		return layers[0], choice.Everything(0)
	}
	foresee(known[:n], of[:n], on.Now)
	for i := range n {
		known[i].Rung = of[i].rung(known[i].Rate)
	}
	picked := p.Pick(known[:n], on, need)
	return of[picked.Index], picked
}

// candidate describes the layer for the picker.
func (l *Layer) candidate(now int64) choice.Candidate {
	c := choice.Candidate{RID: l.cfg.RID, Active: l.active(now), Rate: l.rateUpTo(codec.MaxTemporalID)}
	c.Width, c.Height = l.size()
	return c
}

// lowestSequence returns the lowest sequence number of the picture that begins
// with the packet first at pos: its first packets may have come in another order.
func lowestSequence(r *ring.Ring, pos uint64, first *ring.Packet) uint64 {
	low := first.Seq
	for i := pos + 1; i < pos+wakeEvery; i++ {
		p := r.At(i)
		if p == nil || p.Timestamp != first.Timestamp {
			break
		}
		low = min(low, p.Seq)
	}
	return low
}
