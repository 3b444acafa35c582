// Package media is what passes between those who take pictures and sound and those who send them: the picture itself, and
// how it is read. What implements it, a camera, a drawing, does not know who reads it.
package media

import (
	"context"
	"time"
)

// Sound is taken and encoded in one rate, in blocks of one length.
const (
	SampleRate = 48000 // samples a second, of all sound; also Opus's RTP clock (RFC 7587 §4.1)
	BlockSize  = 960   // samples of a channel in 20 ms, which one Opus packet carries
)

// Pictures delivers raw pictures: a camera or the test pattern.
type Pictures interface {
	// Read waits for the next picture and fills f with it. An error is the end: broken pictures are skipped, not
	// returned. It returns soon after ctx has ended, or after the driver's read timeout.
	Read(ctx context.Context, f *Picture) error
	Close() error // once, when nobody reads
}

// Sound delivers sound as it is recorded: a microphone or the test tone.
type Sound interface {
	// Read waits for the next chunk, of any length: interleaved samples at SampleRate, valid until the next Read,
	// and the time when the first of them was captured. It returns soon after ctx has ended.
	Read(ctx context.Context) (samples []int16, capturedAt time.Time, err error)
	Channels() int // 1 or 2
	Close() error  // once, when nobody reads
}

// Input is an opened source.
type Input struct {
	Pictures Pictures
	FPS      float64 // that Pictures says it delivers
	Sound    Sound   // nil: none
	About    []any   // slog attributes that say what was opened
}

// Close closes the devices. The error is that of the pictures.
func (in *Input) Close() error {
	if in.Sound != nil {
		_ = in.Sound.Close() // the pictures decide
	}
	return in.Pictures.Close()
}

// Device is where an Input comes from: a camera, or a drawing, which needs none.
type Device interface {
	// Available says, without opening anything, why it could not be opened now; nil: perhaps it can.
	Available() error
	// Open opens it.
	Open() (*Input, error)
	// Lost says why what was opened last is not there any more; nil: it is.
	Lost() error
	// WasOpen says whether it was open before.
	WasOpen() bool
	// Changed is closed when one of these may say something else. Take it before asking.
	Changed() <-chan struct{}
	// Close ends looking for changes. What was opened is closed by its Input.
	Close()
}
