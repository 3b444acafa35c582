package broadcast

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast/ring"
	"porthole/internal/broadcast/sentlog"
)

// A viewer that loses packets asks for them by NACK (RFC 4585 section 6.2.1) and gets
// them from the ring. What that may cost is bounded, whatever it asks for: each packet
// a few times, and all of them together a share of what the stream itself takes.

const (
	// maxResend is how many packets wait to be sent again; a viewer that asks for
	// more needs a keyframe.
	maxResend = 128
	// resendPause is how long a packet is not sent again for a second NACK, at least.
	resendPause = 20 * time.Millisecond
	// maxResends is how often one packet is sent again: of 30 % loss, 2 in 1000 are
	// left then. Who has not got it by now does not see it, and may ask for ever.
	maxResends = 5
	// resendShare is how much of the stream's own rate may be sent again, and what is
	// saved up in a second may be spent at once. A stream of unknown rate is taken to
	// have resendGuess; none has less than resendLeast to spend. Both are bytes per second.
	resendShare = 0.5
	resendGuess = 250_000
	resendLeast = 32_000
	// resendOverhead is what a packet costs besides its payload, in bytes: headers and
	// the tag of SRTP.
	resendOverhead = 60
	// resendLife is how far behind the newest picture a packet may be that is sent again, and resendGrace how
	// long after a keyframe what was before it still counts.
	resendLife  = time.Second
	resendGrace = 100 * time.Millisecond
	// repeated is of how many of the newest packets a probe consists.
	repeated = 16
)

// noteSent remembers a packet of the layer that plays: where it is in the ring, the numbers that
// it was sent under, and its extensions.
func (t *track) noteSent(pos, number uint64, timestamp uint32, which int) {
	t.sent.Note(pos, number, timestamp, t.ids.shift(), which, t.extensions.capture, t.extensions.number)
}

// nacked notes what a viewer misses. It is sent again by the sender.
func (t *track) nacked(pairs []rtcp.NackPair) {
	for i := range pairs {
		if len(t.resend) >= maxResend || !t.sent.Keeps() {
			return
		}
		pairs[i].Range(func(seq uint16) bool {
			if !slices.Contains(t.resend, seq) {
				t.resend = append(t.resend, seq)
			}
			return len(t.resend) < maxResend
		})
	}
}

// retransmit sends again what was asked for and is still in the ring, as RTX
// (RFC 4588) when that was negotiated. It takes its share of the pace, but does
// not wait: a retransmission that waits is late. On a narrow path it waits all the same, ahead of new
// pictures: sent at once it would only push others out of the path's queue. It returns how many
// packets it wrote, and when those that wait may leave.
func (t *track) retransmit(v *Viewer, now int64, s *scratch) (wrote int, due int64) {
	if len(t.resend) == 0 || t.layer == nil {
		return 0, 0
	}
	millis := uint16(now / int64(time.Millisecond)) //nolint:gosec // wraps
	pause := t.resendPause(v)
	rate, burst := v.transport.pace(t.layer.rate.Load())
	narrow := v.transport.constrained()
	for i, seq := range t.resend {
		e := t.sent.Find(seq, t.rewriter.OutMax())
		if e == nil || e.Resent >= maxResends || e.Resent > 0 && millis-e.ResentAt < pause {
			continue
		}
		layer := t.sourceOf(seq)
		p := layer.ring.At(e.Pos)
		if p == nil || t.pastUse(e, layer, narrow, now) {
			t.lacks(e, layer, now)
			continue
		}
		if narrow {
			wait, ok := v.transport.pacer.Allow(now, len(p.Payload), rate, burst)
			if !ok {
				t.resend = append(t.resend[:0], t.resend[i:]...)
				return wrote, wait
			}
		} else {
			v.transport.pacer.Charge(now, len(p.Payload), rate)
		}
		if !t.affords(v, len(p.Payload), now) {
			t.lacks(e, layer, now)
			break
		}
		if t.writeAgain(v, layer, p, e, now, s) != nil {
			break
		}
		e.ResentAt = millis
		e.Resent++
		t.rateLimit.Take(len(p.Payload))
		v.stats.resent.Add(1)
		wrote++
	}
	t.resend = t.resend[:0]
	return wrote, 0
}

// resendPause returns for how many milliseconds a packet is not sent again for another NACK: until the
// one before can have arrived.
func (t *track) resendPause(v *Viewer) uint16 {
	rtt := max(v.transport.verdict.RTT, t.reception.RTT)
	return uint16(min(max(rtt, resendPause), time.Second) / time.Millisecond) //nolint:gosec // at most 1000
}

// pastUse says whether a packet is not worth its room on a narrow path: it would arrive too late to be played, or
// comes before a keyframe that was sent since.
func (t *track) pastUse(e *sentlog.Packet, l *Layer, narrow bool, now int64) bool {
	if !narrow {
		return false
	}
	if t.rewriter.Behind(e.Timestamp) > resendLife {
		return true
	}
	if l != t.layer {
		return now-t.beganAt > int64(resendGrace)
	}
	pos, ok := l.newestKeyframe()
	if !ok || e.Pos >= pos || t.at <= pos {
		return false
	}
	keyframe := l.ring.At(pos)
	return keyframe != nil && now-keyframe.Arrived > int64(resendGrace)
}

// lacks notes that a packet is not sent again that a viewer misses. What came after it cannot be decoded, unless there has been a
// keyframe since: one is asked for, rather than wait until the viewer finds out, which takes browsers three seconds.
func (t *track) lacks(e *sentlog.Packet, l *Layer, now int64) {
	if l != t.layer || !t.picked.Fits || t.beginning(now) {
		return
	}
	if pos, ok := l.newestKeyframe(); ok && e.Pos >= pos {
		t.asks.ask(l, now)
	}
}

// affords says whether the viewer may be sent a payload again.
func (t *track) affords(v *Viewer, payload int, now int64) bool {
	rate := float64(t.layer.rate.Load()) / 8
	if rate == 0 {
		rate = resendGuess
	}
	rate = max(rate*resendShare, resendLeast)
	if v.transport.constrained() {
		rate = min(rate, float64(v.transport.verdict.Budget)/8*constrainedResends)
	}
	return t.resends.Take(now, float64(payload+resendOverhead), rate, rate)
}

// repeat sends the packet again that was sent so many packets ago, to probe the path with, and returns its
// size in bytes; 0 when there is nothing to repeat.
func (t *track) repeat(v *Viewer, ago int, now int64, s *scratch) int {
	e := t.sent.Find(uint16(t.rewriter.OutMax()-uint64(ago)%repeated), t.rewriter.OutMax()) //nolint:gosec // wraps
	if e == nil || t.cfg.RTXPayloadType == 0 {
		return 0
	}
	layer := t.sourceOf(uint16(e.Number)) //nolint:gosec // wraps
	p := layer.ring.At(e.Pos)
	if p == nil || t.writeAgain(v, layer, p, e, now, s) != nil {
		return 0
	}
	v.stats.probes.Add(1)
	return len(p.Payload) + resendOverhead
}

// writeAgain sends a packet again: in a packet of another source, with RTX, else under
// its own number. Then it has to be the same byte for byte, header extensions included:
// two plaintexts under one number of one source are one nonce used twice, which breaks
// AES-GCM (RFC 7714 section 8.1).
func (t *track) writeAgain(v *Viewer, l *Layer, p *ring.Packet, e *sentlog.Packet, now int64, s *scratch) error {
	payload := l.shifted(p.Payload, e.Shift, s)
	seq := uint16(e.Number) //nolint:gosec // sequence numbers wrap
	h := &s.header
	*h = rtp.Header{
		Version: 2, Marker: p.Marker, PayloadType: t.cfg.PayloadType,
		SequenceNumber: seq, Timestamp: e.Timestamp, SSRC: t.cfg.SSRC,
	}
	if t.cfg.RTXPayloadType != 0 {
		h.PayloadType, h.SSRC, h.SequenceNumber = t.cfg.RTXPayloadType, t.cfg.RTXSSRC, t.rtxSeq
		t.rtxSeq++
		s.rtx = binary.BigEndian.AppendUint16(s.rtx[:0], seq)
		s.rtx = append(s.rtx, payload...)
		payload = s.rtx
		t.extensions.numberedAs(v.transport.next())
		t.extensions.put(h, e.Carried()&withDelay|withNumber) // of the rest, other packets tell
	} else {
		t.extendAgain(h, p, e)
	}
	n, err := v.sink.WriteRTP(h, payload)
	if err == nil && t.cfg.RTXPayloadType != 0 {
		v.transport.sent(n, t.extensions.mask&withNumber != 0, now)
	}
	return err
}

// extendAgain adds the header extensions that the packet had when it was sent.
func (t *track) extendAgain(h *rtp.Header, p *ring.Packet, e *sentlog.Packet) {
	which := e.Carried()
	if which&withCapture != 0 {
		t.extensions.capture = t.sent.Capture(e)
	}
	if transport, ok := t.sent.Transport(e); ok {
		t.extensions.numberedAs(transport)
	}
	t.extensions.passed[0] = p.Passed
	t.extensions.put(h, which)
}
