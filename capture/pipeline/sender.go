package pipeline

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pion/rtp"

	"porthole/capture/clock"
	"porthole/capture/h264"
	"porthole/capture/publish"
	"porthole/internal/codec"
)

// packetizer cuts access units of one codec into RTP packets. It reports whether the unit stands alone. The error is write's.
type packetizer interface {
	Packetize(unit []byte, timestamp uint32, write func(*rtp.Packet) error) (keyframe bool, err error)
}

// packetizerOf returns the packetizer of a codec. What has none must be decoded and encoded anew.
func packetizerOf(c codec.Codec) (packetizer, error) {
	sequence := uint16(rand.Uint32())
	switch {
	case c.Is(codec.H264):
		return &h264.Packetizer{Sequence: sequence}, nil
	case c.Is(codec.Opus):
		return &opusPacketizer{rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SequenceNumber: sequence}}}, nil
	}
	return nil, fmt.Errorf("%s cannot be sent as it comes: only %s and %s can; decode it", c.MimeType, codec.H264, codec.Opus)
}

// opusPacketizer puts each packet of Opus into one of RTP (RFC 7587 §4.2).
type opusPacketizer struct{ packet rtp.Packet }

// Packetize writes one packet.
func (p *opusPacketizer) Packetize(unit []byte, timestamp uint32, write func(*rtp.Packet) error) (bool, error) {
	p.packet.Timestamp, p.packet.Payload = timestamp, unit
	err := write(&p.packet)
	p.packet.SequenceNumber++
	p.packet.Marker = false // it stood for the first packet after silence (RFC 7587 §4.1)
	return false, err
}

// sender writes access units to a track, as packets, and tells it when they were captured. One goroutine uses it.
type sender struct {
	track    publish.Track
	write    func(*rtp.Packet) error // of track
	packets  packetizer
	rate     uint32 // of the RTP clock
	clock    clock.RTP
	reported time.Time // when the capture time of the last report was

	units     int // sent
	keyframes int
	bytes     int64
}

// newSender makes a sender of units of a codec.
func newSender(c codec.Codec, t publish.Track) (*sender, error) {
	packets, err := packetizerOf(c)
	if err != nil {
		return nil, err
	}
	return &sender{track: t, write: t.WriteRTP, packets: packets, rate: c.ClockRate}, nil
}

// send sends what was captured at this time, on a clock that begins with the first. An empty unit is one that was left out.
func (s *sender) send(unit []byte, capturedAt time.Time) error {
	if s.clock.Epoch.IsZero() {
		s.clock = clock.RTP{Epoch: capturedAt, Base: rand.Uint32(), Rate: int64(s.rate)}
	}
	return s.sendAt(s.clock.At(capturedAt), unit, capturedAt)
}

// sendAt is send for who has a clock of its own.
func (s *sender) sendAt(timestamp uint32, unit []byte, capturedAt time.Time) error {
	s.report(capturedAt, timestamp)
	if len(unit) == 0 {
		return nil
	}
	keyframe, err := s.packets.Packetize(unit, timestamp, s.write)
	if err != nil {
		return err
	}
	s.units++
	s.bytes += int64(len(unit))
	if keyframe {
		s.keyframes++
	}
	return nil
}

// reportInterval is how often a track learns how its timestamps map to capture time.
const reportInterval = time.Second

// report tells the track, at once and then every reportInterval, which RTP timestamp belongs to which capture time,
// so that sound and pictures can be played together.
func (s *sender) report(capturedAt time.Time, timestamp uint32) {
	if !s.reported.IsZero() && capturedAt.Sub(s.reported) < reportInterval {
		return
	}
	s.reported = capturedAt
	s.track.SenderReport(capturedAt, timestamp)
}

func (s *sender) add(other *sender) {
	s.units += other.units
	s.keyframes += other.keyframes
	s.bytes += other.bytes
}

// sums says what was sent, in the words of the log.
func (s *sender) sums() []any {
	return []any{"pictures", s.units, "keyframes", s.keyframes, "bytes", s.bytes}
}
