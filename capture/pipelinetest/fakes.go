// Package pipelinetest has cameras, encoders and publishers for tests, which do what they are told, in the time of the test's bubble.
package pipelinetest

import (
	"errors"
	"image"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"porthole/capture/capturetest"
	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/publish"
	"porthole/capture/source"
	"porthole/capture/v4l2"
	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// ErrCorrupt is what a decoder makes of a broken picture.
var ErrCorrupt = errors.New("invalid JPEG format: missing SOI marker")

// Camera delivers what its Script says, at the pace that it says, on the clock of the test's bubble.
type Camera struct {
	// Script returns picture n and how long the camera takes for it.
	Script func(n int) (img image.Image, took time.Duration, err error)

	Reads  int // so far
	Closed atomic.Bool
}

// Read plays the script.
func (c *Camera) Read() (image.Image, func(), error) {
	n := c.Reads
	c.Reads++
	img, took, err := c.Script(n)
	time.Sleep(took)
	if err != nil {
		return nil, nil, err // as the JPEG decoder does: no release either
	}
	return img, func() {}, nil
}

// Steady is the Script of a camera that does what it should.
func Steady(fps, width, height int) func(int) (image.Image, time.Duration, error) {
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio422)
	return func(int) (image.Image, time.Duration, error) { return img, time.Second / time.Duration(fps), nil }
}

// Input makes the camera a source of the pipeline.
func (c *Camera) Input(spec source.Spec, log *slog.Logger) *media.Input {
	closeCamera := func() error { c.Closed.Store(true); return nil }
	mode := v4l2.Choice{Format: "YUYV", Width: spec.Width, Height: spec.Height, FPS: float64(spec.FPS)}
	return &media.Input{Pictures: v4l2.NewReader(v4l2.Images(c, false, closeCamera), mode, spec, log), FPS: v4l2.ExpectedRate(mode, spec)}
}

// Library builds encoders that note what is asked of them.
type Library struct {
	// Output returns what to make of picture n of the stream; nil: a picture of 100 bytes.
	Output func(n int, keyframe bool) ([]byte, error)
	// Audio is the error of building an audio encoder.
	Audio error

	mu       sync.Mutex
	Built    []encode.Params
	Rates    []float64 // in pictures a second, that encoders were told later
	Closed   int
	pictures int
}

type fakeEncoder struct {
	library *Library
	params  encode.Params
	first   bool
}

// NewVideo returns an encoder that does as the library says.
func (c *Library) NewVideo(p encode.Params) (encode.VideoEncoder, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Built = append(c.Built, p)
	return &fakeEncoder{library: c, params: p, first: true}, nil
}

// Encode refuses pictures of another size than it was built for.
func (e *fakeEncoder) Encode(f *media.Picture, keyframe bool) ([]byte, error) {
	e.library.mu.Lock()
	defer e.library.mu.Unlock()
	if f.Width != e.params.Width || f.Height != e.params.Height {
		return nil, errors.New("picture of another size than the encoder's")
	}
	n := e.library.pictures
	e.library.pictures++
	keyframe = keyframe || e.first
	e.first = false
	if e.library.Output != nil {
		return e.library.Output(n, keyframe)
	}
	return EncodedPicture(keyframe), nil
}

// SetRate is noted.
func (e *fakeEncoder) SetRate(bitrate int, fps float64) error {
	e.library.mu.Lock()
	defer e.library.mu.Unlock()
	e.params.Bitrate, e.params.FPS = bitrate, fps
	e.library.Rates = append(e.library.Rates, fps)
	return nil
}

// EncodedPicture is an access unit of one packet; that of a keyframe has its parameter sets.
func EncodedPicture(keyframe bool) []byte {
	if keyframe {
		return capturetest.Unit(capturetest.NAL(codec.NALSPS, 12), capturetest.NAL(codec.NALPPS, 4), capturetest.NAL(codec.NALIDR, 100))
	}
	return capturetest.Unit(capturetest.NAL(1, 100))
}

// Close is counted.
func (e *fakeEncoder) Close() error {
	e.library.mu.Lock()
	defer e.library.mu.Unlock()
	e.library.Closed++
	return nil
}

// NewAudio returns an encoder, unless Audio is an error.
func (c *Library) NewAudio(int) (encode.AudioEncoder, error) { return AudioEncoder{}, c.Audio }

// AudioEncoder makes a packet of one byte of anything.
type AudioEncoder struct{}

// Encode does.
func (AudioEncoder) Encode(samples []int16) ([]byte, error) {
	return []byte{byte(len(samples))}, nil
}

// Close does nothing.
func (AudioEncoder) Close() error { return nil }

// Track keeps what it is given.
type Track struct {
	Codec           codec.Codec
	RID             string
	RequestKeyframe func()
	Nominal         broadcast.Nominal
	wanted          atomic.Bool

	mu      sync.Mutex
	Packets []*rtp.Packet
	Reports []SenderReport
}

// Want says whether the track is wanted; one that is on demand is not, at first.
func (t *Track) Want(wanted bool) { t.wanted.Store(wanted) }

// Wanted says so.
func (t *Track) Wanted() bool { return t.wanted.Load() }

// SenderReport is one that a track was given.
type SenderReport struct {
	CapturedAt time.Time
	RTPTime    uint32
}

// WriteRTP keeps a copy.
func (t *Track) WriteRTP(p *rtp.Packet) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Packets = append(t.Packets, p.Clone())
	return nil
}

// SenderReport keeps it.
func (t *Track) SenderReport(capturedAt time.Time, rtpTime uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Reports = append(t.Reports, SenderReport{capturedAt, rtpTime})
}

// Keyframes is how many there were.
func (t *Track) Keyframes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, p := range t.Packets {
		if codec.H264NALs.Type(p.Payload) == codec.NALIDR {
			n++
		}
	}
	return n
}

// Publisher is a publisher that nobody watches.
type Publisher struct {
	done chan struct{}

	mu     sync.Mutex
	tracks []*Track
	reason error
}

// NewPublisher returns one without tracks.
func NewPublisher() *Publisher { return &Publisher{done: make(chan struct{})} }

// AddTrack adds a Track.
func (o *Publisher) AddTrack(cfg broadcast.LayerConfig) (publish.Track, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := &Track{Codec: cfg.Codec, RID: cfg.RID, RequestKeyframe: cfg.RequestKeyframe, Nominal: cfg.Nominal}
	t.Want(!cfg.OnDemand)
	o.tracks = append(o.tracks, t)
	return t, nil
}

// Done is closed by End.
func (o *Publisher) Done() <-chan struct{} { return o.done }

// Err is why it was closed.
func (o *Publisher) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.reason
}

// Close keeps the reason.
func (o *Publisher) Close(reason error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reason = reason
}

// End closes it for a reason of the broadcaster's.
func (o *Publisher) End(reason error) {
	o.Close(reason)
	close(o.done)
}

// Tracks returns all that were added.
func (o *Publisher) Tracks() []*Track {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.tracks)
}

// Track returns the first track of a kind, or nil.
func (o *Publisher) Track(kind codec.Kind) *Track {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range o.tracks {
		if t.Codec.Kind() == kind {
			return t
		}
	}
	return nil
}
