// Package media is what passes between those who take pictures and sound and those who send them: the picture itself, and
// how it is read. What implements it, a camera, a drawing, does not know who reads it.
package media

import (
	"context"
	"time"

	"porthole/internal/codec"
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

// JPEGs may be implemented by Pictures of a camera that sends JPEGs. Whoever changes pictures on their way hides it, or those who
// are shown the camera's own would see what they must not.
type JPEGs interface {
	// JPEG returns what the picture of the last Read was decoded from, valid until the next one; nil: it was no JPEG.
	JPEG() []byte
}

// Sound delivers sound as it is recorded: a microphone or the test tone.
type Sound interface {
	// Read waits for the next chunk, of any length: interleaved samples at SampleRate, valid until the next Read,
	// and the time when the first of them was captured. It returns soon after ctx has ended.
	Read(ctx context.Context) (samples []int16, capturedAt time.Time, err error)
	Channels() int // 1 or 2
	Close() error  // once, when nobody reads
}

// Unit is one access unit: a picture, or a piece of sound, as it was encoded elsewhere.
type Unit struct {
	Data       []byte    // H.264: the NAL units of one picture in Annex B form; Opus: one packet. Valid until the next Read.
	CapturedAt time.Time // with its monotonic reading
}

// Units delivers what comes encoded: from a camera that encodes itself, or from another server. Who takes it either sends it as
// it is, or decodes it: then it is Pictures, or Sound, to everybody else.
type Units interface {
	// Codec says what the units are; with the clock rate of RTP. It does not change after the first Read, by which more may be known.
	Codec() codec.Codec
	// Read waits for the next unit, which is not empty. An error is the end, as with Pictures.
	Read(ctx context.Context) (Unit, error)
	// RequestKeyframe asks for a unit that stands alone. It must not block, and any goroutine may call it. Where nobody can be
	// asked, it does nothing: viewers then wait for the next one.
	RequestKeyframe()
	Close() error // once, when nobody reads
}

// Input is an opened source. Its pictures are either raw or encoded, and so is its sound, if it has any.
type Input struct {
	Pictures     Pictures // nil: they come encoded
	FPS          float64  // that Pictures says it delivers
	Encoded      Units    // the pictures, if they do
	Sound        Sound    // nil: none, or encoded
	EncodedSound Units    // nil: none, or raw
	SoundLater   bool     // Sound begins when its device comes, which may be never: nobody waits for it
	About        []any    // slog attributes that say what was opened
}

// Close closes the devices. The error is that of the pictures.
func (in *Input) Close() error {
	if in.Sound != nil {
		_ = in.Sound.Close() // the pictures decide
	}
	if in.EncodedSound != nil {
		_ = in.EncodedSound.Close() // likewise
	}
	if in.Pictures == nil {
		return in.Encoded.Close()
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
