// Package encode makes H.264 of raw pictures and Opus of sound, and replaces encoders that fail. The encoders are linked into the
// binary; without cgo there are none.
package encode

import (
	"errors"
	"sync"

	"porthole/capture/media"
)

// ErrEncoderClosed is returned by an encoder that was used after Close.
var ErrEncoderClosed = errors.New("encoder is closed")

// VideoEncoder turns pictures of one size into H.264.
type VideoEncoder interface {
	// Encode returns the access unit of one picture in Annex B form, valid until the next call. It may be empty without an error: the
	// encoder left the picture out to keep its bitrate, which it does by the times at which pictures were captured. The first picture
	// is an IDR picture, and so are those for which keyframe asks, no others. The picture is not kept.
	//
	// Pictures have Params.TemporalLayers, by which codec.GradedTemporalID tells them apart.
	Encode(f *media.Picture, keyframe bool) ([]byte, error)
	// SetRate changes the bitrate, in bits a second, and the frame rate, from the next picture on.
	SetRate(bitrate int, fps float64) error
	Close() error
}

// AudioEncoder turns blocks of media.BlockSize samples into Opus packets.
type AudioEncoder interface {
	// Encode takes media.BlockSize interleaved samples of each channel.
	Encode(samples []int16) ([]byte, error)
	Close() error
}

// Params is what an encoder is built for.
type Params struct {
	Width, Height int
	FPS           float64 // what really comes
	Bitrate       int     // bits per second
	// TemporalLayers is 1 to 3: the pictures can be sent at the full rate, at half of it and at a quarter. 0 is 1.
	TemporalLayers int
}

// Library builds encoders: openh264 and Opus, or fakes.
type Library interface {
	NewVideo(p Params) (VideoEncoder, error)
	NewAudio(channels int) (AudioEncoder, error)
}

// guarded makes a VideoEncoder safe for concurrent use and for use after Close. The C library behind it
// takes no lock in its control calls, and dies of one after it was closed.
type guarded struct {
	mu  sync.Mutex
	enc VideoEncoder // nil once closed
}

// Encode is the encoder's, or ErrEncoderClosed.
func (g *guarded) Encode(f *media.Picture, keyframe bool) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.enc == nil {
		return nil, ErrEncoderClosed
	}
	return g.enc.Encode(f, keyframe)
}

// SetRate is the encoder's, or ErrEncoderClosed.
func (g *guarded) SetRate(bitrate int, fps float64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.enc == nil {
		return ErrEncoderClosed
	}
	return g.enc.SetRate(bitrate, fps)
}

// Close frees the encoder; a second call does nothing.
func (g *guarded) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.enc == nil {
		return nil
	}
	enc := g.enc
	g.enc = nil
	return enc.Close()
}
