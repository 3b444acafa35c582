//go:build cgo

package encode

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/pion/mediadevices/pkg/codec"
	"github.com/pion/mediadevices/pkg/codec/opus"
	"github.com/pion/mediadevices/pkg/io/audio"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/pion/mediadevices/pkg/wave"

	"porthole/capture/encode/openh264"
	"porthole/capture/media"
)

// New returns the library that builds the encoders openh264 and Opus; what openh264 has to say goes to log. The error is ErrNoCgo.
func New(log *slog.Logger) (Library, error) { return linked{log}, nil }

// linked builds the encoders that are linked into the binary.
type linked struct{ log *slog.Logger }

// openh264Encoder encodes pictures where they are.
type openh264Encoder struct{ *openh264.Encoder }

func (l linked) NewVideo(p Params) (VideoEncoder, error) {
	encoder, err := openh264.New(openh264.Config{
		Width: p.Width, Height: p.Height, FPS: p.FPS, Bitrate: p.Bitrate, TemporalLayers: max(p.TemporalLayers, 1), Log: l.log,
	})
	if err != nil {
		return nil, err
	}
	return &guarded{enc: openh264Encoder{encoder}}, nil
}

// Encode is the library's.
func (e openh264Encoder) Encode(f *media.Picture, keyframe bool) ([]byte, error) {
	picture := openh264.Picture{Y: f.Y, U: f.U, V: f.V, YStride: f.Width, CStride: f.Width / 2}
	unit, err := e.Encoder.Encode(picture, f.CapturedAt, keyframe)
	return unit.Data, err
}

// opusEncoder feeds single blocks to mediadevices' encoder, which wants to pull them from a reader.
type opusEncoder struct {
	encoder codec.ReadCloser
	block   wave.Int16Interleaved
}

func (linked) NewAudio(channels int) (AudioEncoder, error) {
	params, err := opus.NewParams()
	if err != nil {
		return nil, fmt.Errorf("opus parameters: %w", err)
	}
	params.BitRate = opusBitrate
	params.Latency = opus.Latency20ms

	e := &opusEncoder{block: wave.Int16Interleaved{
		Size: wave.ChunkInfo{Len: media.BlockSize, Channels: channels, SamplingRate: media.SampleRate},
	}}
	pull := audio.ReaderFunc(func() (wave.Audio, func(), error) { return &e.block, func() {}, nil })
	media := prop.Media{Audio: prop.Audio{
		ChannelCount: channels, SampleRate: media.SampleRate, SampleSize: 2, IsInterleaved: true,
		Latency: media.BlockSize * time.Second / media.SampleRate,
	}}
	e.encoder, err = params.BuildAudioEncoder(pull, media)
	if err != nil {
		return nil, fmt.Errorf("opus for %d channels: %w", channels, err)
	}
	return e, nil
}

// Encode lets the library pull the samples, which it does not keep.
func (e *opusEncoder) Encode(samples []int16) ([]byte, error) {
	e.block.Data = samples
	packet, release, err := e.encoder.Read()
	if err != nil {
		return nil, fmt.Errorf("encode sound: %w", err)
	}
	release()
	return packet, nil
}

// Close frees the library's encoder.
func (e *opusEncoder) Close() error { return e.encoder.Close() }
