package broadcast

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/pion/rtp"
)

const (
	// sentPackets is how many packets of a track can be asked for again: more than
	// a second of 8 Mbit/s.
	sentPackets = 1024
	// maxResend is how many packets wait to be sent again; a viewer that asks for
	// more needs a keyframe.
	maxResend = 128
	// resendPause is how long a packet is not sent again for a second NACK.
	resendPause = 20 * time.Millisecond
)

// sentPacket says where a packet that a viewer got came from.
type sentPacket struct {
	pos       uint64 // in the layer's ring
	timestamp uint32 // as it was sent
	resentAt  uint32 // in milliseconds, 0 never
	seq       uint16
	valid     bool
}

// sentLog remembers what a viewer's last sequence numbers were. The packets
// themselves are in the ring. The zero value remembers nothing.
type sentLog struct{ packets []sentPacket }

func newSentLog() sentLog { return sentLog{packets: make([]sentPacket, sentPackets)} }

func (s *sentLog) add(seq uint16, pos uint64, timestamp uint32) {
	if len(s.packets) > 0 {
		s.packets[seq%sentPackets] = sentPacket{pos: pos, timestamp: timestamp, seq: seq, valid: true}
	}
}

// find returns the entry of a sequence number, or nil.
func (s *sentLog) find(seq uint16) *sentPacket {
	if len(s.packets) == 0 {
		return nil
	}
	if e := &s.packets[seq%sentPackets]; e.valid && e.seq == seq {
		return e
	}
	return nil
}

// forget drops everything: the positions are of another layer now.
func (s *sentLog) forget() { clear(s.packets) }

// nacked notes what a viewer misses. It is sent again by the sender.
func (t *track) nacked(seqs []uint16) {
	for _, seq := range seqs {
		if len(t.resend) < maxResend && !slices.Contains(t.resend, seq) {
			t.resend = append(t.resend, seq)
		}
	}
}

// retransmit sends again what was asked for and is still in the ring, as RTX
// (RFC 4588) when that was negotiated. It takes its share of the pace, but does
// not wait: a retransmission that waits is late.
func (t *track) retransmit(v *Viewer, now int64, s *scratch) (wrote int) {
	if len(t.resend) == 0 || t.layer == nil {
		return 0
	}
	millis := uint32(now / int64(time.Millisecond))
	pace := paceFor(t.layer.rate.Load())
	for _, seq := range t.resend {
		e := t.sent.find(seq)
		if e == nil || e.resentAt != 0 && millis-e.resentAt < uint32(resendPause/time.Millisecond) {
			continue
		}
		layer, shift := t.sourceOf(seq)
		p := layer.ring.at(e.pos)
		if p == nil {
			continue
		}
		if err := t.writeAgain(v, p, e, shift.shifted(layer, p.payload, s), s); err != nil {
			break
		}
		e.resentAt = max(millis, 1)
		t.pacer.next += int64(float64(len(p.payload)) / pace * 1e9)
		t.bound.take(len(p.payload))
		v.stats.resent.Add(1)
		wrote++
	}
	t.resend = t.resend[:0]
	return wrote
}

func (t *track) writeAgain(v *Viewer, p *packet, e *sentPacket, payload []byte, s *scratch) error {
	h := &s.header
	*h = rtp.Header{
		Version: 2, Marker: p.marker, PayloadType: t.cfg.PayloadType,
		SequenceNumber: e.seq, Timestamp: e.timestamp, SSRC: t.cfg.SSRC,
	}
	if t.cfg.RTXPayloadType != 0 {
		h.PayloadType, h.SSRC, h.SequenceNumber = t.cfg.RTXPayloadType, t.cfg.RTXSSRC, t.rtxSeq
		t.rtxSeq++
		s.rtx = binary.BigEndian.AppendUint16(s.rtx[:0], e.seq)
		s.rtx = append(s.rtx, payload...)
		payload = s.rtx
	}
	_, err := v.sink.WriteRTP(h, payload)
	return err
}
