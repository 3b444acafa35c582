package broadcast

import (
	"github.com/pion/rtp"

	"porthole/internal/broadcast/ring"
	"porthole/internal/codec"
)

// takeOfferedSets keeps the parameter sets that the publisher's offer has.
func (l *Layer) takeOfferedSets() {
	if l.sets == nil {
		return
	}
	for _, nal := range l.cfg.Codec.OfferedSets() {
		l.sets.read(nal)
		if info, ok := codec.FindSPS(nal); ok && l.h264 {
			l.sps.Store(&info)
		}
	}
}

// holdsSets takes a packet with nothing but parameter sets: it is written with the picture
// that follows, whose it is, whatever its own timestamp and marker say. One that comes late
// is written where it belongs.
func (l *Layer) holdsSets(p *rtp.Packet, now int64) bool {
	if l.sets == nil || len(p.Payload) == 0 || !l.sets.read(p.Payload) ||
		!l.in.Ahead(p.SequenceNumber) || !l.sets.hold(p.Payload) {
		return false
	}
	// Out of the count, until there is the number of its picture.
	l.in.Place(p.SequenceNumber, true, false)
	if l.h264 {
		l.noteSPS(p.Payload)
	}
	if p.Marker { // of a picture that has none of its own
		l.inFrame = false
	}
	l.publisher.heard(now)
	l.count(now, len(p.Payload), false, 0)
	return true
}

// putSets writes, in front of a packet, the parameter sets that were held for it, and
// those that a keyframe lacks.
func (l *Layer) putSets(kept *ring.Packet, payload []byte) {
	s := l.sets
	if kept.Start {
		s.begin()
		s.read(payload) // once more, as a part of this picture
	}
	held := s.release()
	if kept.Start && s.ended && l.in.Missing > 0 && len(held) == 0 {
		l.putBeforeHole(kept, s.spare(kept.Arrived))
	}
	l.putBefore(kept, held)
	if !l.keyed && l.isKeyframe(payload) && s.missing(l.in.Missing > 0) {
		l.putBefore(kept, s.build())
	}
	s.ended = kept.Marker
}

// putBeforeHole writes packets of our own in front of what is missing of the beginning of a
// picture. Should it turn out to be a keyframe, there is no number for them any more.
func (l *Layer) putBeforeHole(kept *ring.Packet, payloads [][]byte) {
	if len(payloads) == 0 {
		return
	}
	l.in.InsertBeforeHole(uint64(len(payloads)))
	for i, payload := range payloads {
		own := *kept
		own.Seq += uint64(i) - l.in.Missing
		own.Marker = false
		l.ring.Append(own, payload)
		kept.Start = false
	}
	kept.Seq += uint64(len(payloads))
}

// putBefore writes packets of our own in front of one, as part of its picture.
func (l *Layer) putBefore(kept *ring.Packet, payloads [][]byte) {
	if len(payloads) == 0 {
		return
	}
	l.in.Insert(uint64(len(payloads)))
	for _, payload := range payloads {
		own := *kept
		own.Marker = false
		l.ring.Append(own, payload)
		kept.Seq++
		kept.Start = false
	}
}
