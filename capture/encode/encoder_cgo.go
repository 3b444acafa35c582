//go:build cgo

package encode

import (
	"fmt"
	"image"
	"time"

	"github.com/pion/mediadevices/pkg/codec"
	"github.com/pion/mediadevices/pkg/codec/openh264"
	"github.com/pion/mediadevices/pkg/codec/opus"
	"github.com/pion/mediadevices/pkg/io/audio"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/pion/mediadevices/pkg/wave"

	"porthole/capture/media"
)

// New returns the library that builds the encoders openh264 and Opus. The error is ErrNoCgo.
func New() (Library, error) { return linked{}, nil }

// linked builds the encoders that are linked into the binary.
type linked struct{}

// openh264Encoder feeds single pictures to mediadevices' encoder, which wants to pull them from a reader.
type openh264Encoder struct {
	encoder codec.ReadCloser
	control interface {
		codec.KeyFrameController
		codec.BitRateController
	}
	picture image.YCbCr // the one that the next pull gets
}

func (linked) NewVideo(p Params) (VideoEncoder, error) {
	params, err := openh264.NewParams()
	if err != nil {
		return nil, fmt.Errorf("openh264 parameters: %w", err)
	}
	params.BitRate = p.Bitrate
	params.IntraPeriod = uint(p.KeyframeEvery) // the library ignores KeyFrameInterval
	params.EnableFrameSkip = false
	params.SliceMode = openh264.SMSingleSlice
	params.MultipleThreadIdc = 1

	e := new(openh264Encoder)
	pull := video.ReaderFunc(func() (image.Image, func(), error) { return &e.picture, func() {}, nil })
	media := prop.Media{Video: prop.Video{Width: p.Width, Height: p.Height, FrameRate: float32(p.FPS)}}
	e.encoder, err = params.BuildVideoEncoder(pull, media)
	if err != nil {
		return nil, fmt.Errorf("openh264 for %dx%d: %w", p.Width, p.Height, err)
	}
	control, ok := e.encoder.Controller().(interface {
		codec.KeyFrameController
		codec.BitRateController
	})
	if !ok {
		_ = e.encoder.Close()
		return nil, fmt.Errorf("openh264 encoder %T cannot be controlled", e.encoder)
	}
	e.control = control
	return &guarded{enc: e}, nil
}

// Encode lets the library pull f, and waits for what it makes of it.
func (e *openh264Encoder) Encode(f *media.Picture, keyframe bool) ([]byte, error) {
	e.picture = image.YCbCr{
		Y: f.Y, Cb: f.U, Cr: f.V, YStride: f.Width, CStride: f.Width / 2,
		SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, f.Width, f.Height),
	}
	if keyframe {
		if err := e.control.ForceKeyFrame(); err != nil {
			return nil, fmt.Errorf("force a keyframe: %w", err)
		}
	}
	unit, release, err := e.encoder.Read()
	if err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	release()
	return unit, nil
}

// Close frees the library's encoder.
func (e *openh264Encoder) Close() error { return e.encoder.Close() }

// opusEncoder does for sound what openh264Encoder does for pictures.
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
