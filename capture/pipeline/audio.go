package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"porthole/capture/clock"
	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/publish"
	"porthole/internal/broadcast"
)

// rawSound sends sound that an encoder of the library makes Opus of.
type rawSound struct {
	source  media.Sound
	later   bool // the track is added when the first sound is there
	library encode.Library
}

// send encodes and sends until something fails.
func (s rawSound) send(ctx context.Context, p publish.Publisher) error {
	var samples []int16
	var capturedAt time.Time
	if s.later {
		var err error
		if samples, capturedAt, err = s.source.Read(ctx); err != nil {
			return err
		}
	}
	codec := encode.Opus()
	track, err := p.AddTrack(broadcast.LayerConfig{Codec: codec})
	if err != nil {
		return fmt.Errorf("add audio: %w", err)
	}
	sender, err := newSender(codec, track)
	if err != nil {
		return err
	}
	encoder, err := s.library.NewAudio(s.source.Channels())
	if err != nil {
		return err
	}
	defer func() { _ = encoder.Close() }()
	pump := newAudioPump(s.source, encoder, sender)
	if len(samples) > 0 {
		if err := pump.push(samples, capturedAt); err != nil {
			return err
		}
	}
	return pump.run(ctx)
}

// audioPump reads a media.Sound to its end, encodes it and sends it. Its clock counts samples.
type audioPump struct {
	source  media.Sound
	encoder encode.AudioEncoder
	sender  *sender

	clock   clock.Samples
	pending []int16 // samples that do not fill a block yet
	base    uint32  // RTP timestamp of sample 0
}

func newAudioPump(source media.Sound, encoder encode.AudioEncoder, s *sender) *audioPump {
	return &audioPump{
		source: source, encoder: encoder, sender: s,
		clock: clock.Samples{Rate: media.SampleRate}, base: rand.Uint32(),
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
	return p.sender.sendAt(p.base+uint32(first), payload, p.clock.At(first))
}
