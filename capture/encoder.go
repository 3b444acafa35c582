package capture

import (
	"errors"
	"sync"

	"porthole/capture/media"
)

// ErrEncoderClosed is returned by an encoder that was used after Close.
var ErrEncoderClosed = errors.New("encoder is closed")

// videoEncoder turns pictures of one size into H.264.
type videoEncoder interface {
	// Encode returns the access unit of one picture in Annex B form. It may be empty without an error: the
	// encoder left the picture out to keep its bitrate. keyframe forces an IDR picture. The picture is not kept.
	Encode(f *media.Picture, keyframe bool) ([]byte, error)
	Close() error
}

// audioEncoder turns blocks of audioBlock samples into Opus packets.
type audioEncoder interface {
	// Encode takes audioBlock interleaved samples of each channel.
	Encode(samples []int16) ([]byte, error)
	Close() error
}

// videoParams is what an encoder is built for.
type videoParams struct {
	Width, Height int
	FPS           float64 // what really comes: the rate control divides the bitrate by it
	Bitrate       int     // bits per second
	KeyframeEvery int     // pictures
}

// codecs builds encoders: openh264 and Opus, or fakes.
type codecs interface {
	newVideoEncoder(p videoParams) (videoEncoder, error)
	newAudioEncoder(channels int) (audioEncoder, error)
}

// guardedEncoder makes a videoEncoder safe for concurrent use and for use after Close. The C library behind it
// takes no lock in its control calls, and dies of one after it was closed.
type guardedEncoder struct {
	mu  sync.Mutex
	enc videoEncoder // nil once closed
}

// Encode is the encoder's, or ErrEncoderClosed.
func (g *guardedEncoder) Encode(f *media.Picture, keyframe bool) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.enc == nil {
		return nil, ErrEncoderClosed
	}
	return g.enc.Encode(f, keyframe)
}

// Close frees the encoder; a second call does nothing.
func (g *guardedEncoder) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.enc == nil {
		return nil
	}
	enc := g.enc
	g.enc = nil
	return enc.Close()
}
