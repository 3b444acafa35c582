package capture

import (
	"errors"
	"image"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"porthole/capture/capturetest"
	"porthole/capture/h264"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/broadcast"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errCorrupt = errors.New("invalid JPEG format: missing SOI marker")

// fakeCamera delivers what its script says, at the pace that it says, on the clock of the test's bubble.
type fakeCamera struct {
	// script returns picture n and how long the camera takes for it.
	script func(n int) (img image.Image, took time.Duration, err error)

	n      int
	closed atomic.Bool
}

func (c *fakeCamera) Read() (image.Image, func(), error) {
	n := c.n
	c.n++
	img, took, err := c.script(n)
	time.Sleep(took)
	if err != nil {
		return nil, nil, err // as the JPEG decoder does: no release either
	}
	return img, func() {}, nil
}

// steady is the script of a camera that does what it should.
func steady(fps, width, height int) func(int) (image.Image, time.Duration, error) {
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio422)
	return func(int) (image.Image, time.Duration, error) { return img, time.Second / time.Duration(fps), nil }
}

// input makes the camera a source of the session.
func (c *fakeCamera) input(spec source.Spec, log *slog.Logger) *media.Input {
	closeCamera := func() error { c.closed.Store(true); return nil }
	mode := choice{Format: "YUYV", Width: spec.Width, Height: spec.Height, FPS: float64(spec.FPS)}
	return &media.Input{Pictures: newCameraSource(c, closeCamera, mode, spec, log), FPS: expectedRate(mode, spec)}
}

// fakeCodecs builds encoders that note what is asked of them.
type fakeCodecs struct {
	// output returns what to make of picture n of the stream; nil: a picture of 100 bytes.
	output func(n int, keyframe bool) ([]byte, error)
	// audio is the error of building an audio encoder.
	audio error

	mu       sync.Mutex
	built    []videoParams
	closed   int
	pictures int
}

type fakeEncoder struct {
	codecs *fakeCodecs
	params videoParams
	first  bool
}

func (c *fakeCodecs) newVideoEncoder(p videoParams) (videoEncoder, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.built = append(c.built, p)
	return &fakeEncoder{codecs: c, params: p, first: true}, nil
}

func (e *fakeEncoder) Encode(f *media.Picture, keyframe bool) ([]byte, error) {
	e.codecs.mu.Lock()
	defer e.codecs.mu.Unlock()
	if f.Width != e.params.Width || f.Height != e.params.Height {
		return nil, errors.New("picture of another size than the encoder's")
	}
	n := e.codecs.pictures
	e.codecs.pictures++
	keyframe = keyframe || e.first
	e.first = false
	if e.codecs.output != nil {
		return e.codecs.output(n, keyframe)
	}
	return encodedPicture(keyframe), nil
}

func encodedPicture(keyframe bool) []byte {
	if keyframe {
		return capturetest.Unit(capturetest.NAL(h264.SPS, 12), capturetest.NAL(h264.PPS, 4), capturetest.NAL(h264.IDR, 100))
	}
	return capturetest.Unit(capturetest.NAL(1, 100))
}

func (e *fakeEncoder) Close() error {
	e.codecs.mu.Lock()
	defer e.codecs.mu.Unlock()
	e.codecs.closed++
	return nil
}

func (c *fakeCodecs) newAudioEncoder(int) (audioEncoder, error) { return fakeAudioEncoder{}, c.audio }

type fakeAudioEncoder struct{}

func (fakeAudioEncoder) Encode(samples []int16) ([]byte, error) {
	return []byte{byte(len(samples))}, nil
}
func (fakeAudioEncoder) Close() error { return nil }

// fakeTrack keeps what it is given.
type fakeTrack struct {
	codec           broadcast.Codec
	requestKeyframe func()

	mu      sync.Mutex
	packets []*rtp.Packet
	reports []senderReport
}

type senderReport struct {
	capturedAt time.Time
	rtpTime    uint32
}

func (t *fakeTrack) WriteRTP(p *rtp.Packet) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.packets = append(t.packets, p.Clone())
	return nil
}

func (t *fakeTrack) SenderReport(capturedAt time.Time, rtpTime uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reports = append(t.reports, senderReport{capturedAt, rtpTime})
}

func (t *fakeTrack) keyframes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, p := range t.packets {
		if h264.Type(p.Payload) == h264.IDR {
			n++
		}
	}
	return n
}

// fakeOutlet is a place on the air that nobody watches.
type fakeOutlet struct {
	done chan struct{}

	mu     sync.Mutex
	tracks []*fakeTrack
	reason error
}

func newFakeOutlet() *fakeOutlet { return &fakeOutlet{done: make(chan struct{})} }

func (o *fakeOutlet) addTrack(cfg broadcast.LayerConfig) (track, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := &fakeTrack{codec: cfg.Codec, requestKeyframe: cfg.RequestKeyframe}
	o.tracks = append(o.tracks, t)
	return t, nil
}

func (o *fakeOutlet) Done() <-chan struct{} { return o.done }

func (o *fakeOutlet) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.reason
}

func (o *fakeOutlet) Close(reason error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reason = reason
}

// track returns the track of a kind, or nil.
func (o *fakeOutlet) track(kind broadcast.Kind) *fakeTrack {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range o.tracks {
		if t.codec.Kind() == kind {
			return t
		}
	}
	return nil
}

// fakeOrigin is a device whose state the test says.
type fakeOrigin struct {
	openInput func() (*media.Input, error)

	mu     sync.Mutex
	absent error // what look says
	gone   error // what lost says
	was    bool
}

func (o *fakeOrigin) look() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.absent
}

func (o *fakeOrigin) lost() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gone
}

func (o *fakeOrigin) known() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.was
}

func (o *fakeOrigin) open() (*media.Input, error) {
	in, err := o.openInput()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.was = o.was || err == nil
	return in, err
}

// set says how things are from now on.
func (o *fakeOrigin) set(absent, gone error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.absent, o.gone = absent, gone
}

// fakePlace is a place in the list of streams whose audience the test says.
type fakePlace struct {
	mu      sync.Mutex
	watched bool
	taken   bool
	changed chan struct{}
	done    chan struct{}
	told    []broadcast.SourceStatus
}

func newFakePlace(watched bool) *fakePlace {
	return &fakePlace{watched: watched, changed: make(chan struct{}), done: make(chan struct{})}
}

func (p *fakePlace) Tell(s broadcast.SourceStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.told); n == 0 || p.told[n-1].Text != s.Text {
		p.told = append(p.told, s)
	}
}

func (p *fakePlace) Watched() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.watched
}

func (p *fakePlace) Taken() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

func (p *fakePlace) Changed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

func (p *fakePlace) Done() <-chan struct{} { return p.done }

func (p *fakePlace) set(watched, taken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watched, p.taken = watched, taken
	close(p.changed)
	p.changed = make(chan struct{})
}

// texts returns what was told, in order.
func (p *fakePlace) texts() (texts []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.told {
		texts = append(texts, s.Text)
	}
	return texts
}

// last returns what was told last.
func (p *fakePlace) last() broadcast.SourceStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.told) == 0 {
		return broadcast.SourceStatus{}
	}
	return p.told[len(p.told)-1]
}
