package session

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/pion/rtp"

	"porthole/capture/clock"
	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/publish"
)

// audioPump reads a media.Sound to its end, encodes it and writes it to a track.
type audioPump struct {
	source  media.Sound
	encoder encode.AudioEncoder
	track   publish.Track

	clock   clock.Samples
	pending []int16 // samples that do not fill a block yet
	packet  rtp.Packet
	base    uint32 // RTP timestamp of sample 0
	report  reporter
}

func newAudioPump(source media.Sound, encoder encode.AudioEncoder, t publish.Track) *audioPump {
	return &audioPump{
		source: source, encoder: encoder, track: t,
		clock:  clock.Samples{Rate: media.SampleRate},
		base:   rand.Uint32(),
		packet: rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SequenceNumber: uint16(rand.Uint32())}},
		report: reporter{track: t},
	}
}

// run ends with the error of whatever failed, or ctx's cause.
func (p *audioPump) run(ctx context.Context) error {
	for {
		samples, capturedAt, err := p.source.Read(ctx)
		if err != nil {
			return err
		}
		if err := p.push(samples, capturedAt); err != nil {
			return err
		}
	}
}

// push takes one chunk and sends the blocks that it completes.
func (p *audioPump) push(samples []int16, capturedAt time.Time) error {
	channels := p.source.Channels()
	if p.clock.Observe(capturedAt, len(samples)/channels) > 0 {
		p.pending = p.pending[:0] // half a block from before the gap: it does not join
	}
	p.pending = append(p.pending, samples...)
	block := media.BlockSize * channels
	rest := p.pending
	for len(rest) >= block {
		first := p.clock.Count - int64(len(rest)/channels)
		if err := p.send(rest[:block], first); err != nil {
			return err
		}
		rest = rest[block:]
	}
	p.pending = append(p.pending[:0], rest...)
	return nil
}

func (p *audioPump) send(block []int16, first int64) error {
	payload, err := p.encoder.Encode(block)
	if err != nil {
		return err
	}
	timestamp := p.base + uint32(first)
	p.report.at(p.clock.At(first), timestamp)
	if len(payload) == 0 {
		return nil
	}
	p.packet.Timestamp, p.packet.Payload = timestamp, payload
	err = p.track.WriteRTP(&p.packet)
	p.packet.SequenceNumber++
	p.packet.Marker = false // it stood for the first packet after silence (RFC 7587 §4.1)
	return err
}
