package capture

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/synthetic"
	"porthole/internal/broadcast"
)

// Config says what is captured and where it goes. Broadcaster, Name and Spec are required.
type Config struct {
	Broadcaster *broadcast.Broadcaster
	Name        string // of the stream
	Spec        source.Spec
	Finder      *Viewfinder  // through which others see the pictures; nil: nobody does
	Metrics     *Metrics     // nil: not counted
	Log         *slog.Logger // nil: discard
}

// Source is one camera, or drawn picture, and the stream that it feeds.
type Source struct {
	cfg Config
	log *slog.Logger

	known chan struct{} // closed once, by told
	told  func()
}

// New makes a source. It opens nothing: see Run.
func New(cfg Config) *Source {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Source{cfg: cfg, log: cfg.Log.With("stream", cfg.Name), known: make(chan struct{})}
	s.told = sync.OnceFunc(func() { close(s.known) })
	return s
}

// Known is closed when Run has announced the stream and said how its source is, or has ended: from then on one that is on
// demand can be joined.
func (s *Source) Known() <-chan struct{} { return s.known }

// Run publishes the source under its stream's name until ctx ends, and then returns nil.
//
// When the device is lost, is not there, or is in use, Run leaves the stream, so that its viewers wait within broadcast's grace
// time, and opens the device again as soon as it is back; in any case after a growing pause of up to 2 s. While
// somebody else publishes under the name, it waits with the device closed. With Spec.OnDemand the device is open
// only while somebody watches. How it is at the moment stands in broadcast.StreamInfo.
//
// It returns an error only for what time does not heal: ErrNoCgo, broadcast.ErrClosed, or broadcast.ErrStreamBusy when the
// stream has a source already. It is called once.
func (s *Source) Run(ctx context.Context) error {
	defer s.told()
	spec, b := s.cfg.Spec, s.cfg.Broadcaster
	codecs, err := newCodecs()
	if err != nil {
		return err
	}
	announced, err := b.Announce(s.cfg.Name, spec.Kind.String())
	if err != nil {
		return err
	}
	defer announced.Close()
	origin, watch := newOrigin(spec, s.log)
	defer watch.Close()
	v := supervisor{
		spec: spec, codecs: extraCodecs(spec, codecs), log: s.log, metrics: s.cfg.Metrics, finder: s.cfg.Finder,
		origin: origin, devices: watch, place: listed{announced, b}, known: s.told,
		publish: func(kinds []broadcast.Kind) (outlet, error) {
			p, err := b.Publish(s.cfg.Name, broadcast.PublisherConfig{Source: spec.Kind.String(), Kinds: kinds, OwnClock: true})
			if err != nil {
				return nil, err
			}
			return publisherOutlet{p}, nil
		},
	}
	return v.run(ctx)
}

// listed is the source's place in the list of streams.
type listed struct {
	*broadcast.Announcement
	b *broadcast.Broadcaster
}

func (l listed) Changed() <-chan struct{} { return l.b.Changed() }

// origin is where the pictures of a source come from.
type origin interface {
	// look says, without opening anything, why the source could not be opened now; nil: perhaps it can.
	look() error
	// open opens it.
	open() (*media.Input, error)
	// lost says whether what was opened last is not there any more.
	lost() error
	// known says whether it was open before.
	known() bool
}

// newOrigin returns the origin, and what tells when looking at it again is worth while.
func newOrigin(spec source.Spec, log *slog.Logger) (origin, *deviceWatch) {
	if spec.Kind.Drawn() {
		return drawnOrigin{spec}, watchNothing()
	}
	return newDevice(spec, log)
}

// drawnOrigin is the origin of what needs no device.
type drawnOrigin struct{ spec source.Spec }

func (drawnOrigin) look() error { return nil }
func (drawnOrigin) lost() error { return nil }
func (drawnOrigin) known() bool { return true }

func (d drawnOrigin) open() (*media.Input, error) {
	start := time.Now()
	in := &media.Input{FPS: float64(d.spec.FPS), About: []any{"source", d.spec.String()}}
	if d.spec.Kind == source.Slate {
		in.Pictures = synthetic.NewSlateSource(d.spec, start)
		return in, nil
	}
	in.Pictures = synthetic.NewPatternSource(d.spec, start)
	if d.spec.Tone {
		in.Sound = synthetic.NewToneSource(start)
	}
	return in, nil
}

// cameraOrigin is the origin of what is a device. It keeps to the camera that it had first, under whatever number it comes back.
type cameraOrigin struct {
	spec     source.Spec
	openNode func(name string) (in *media.Input, node string, err error)

	camera remembered
	was    openedNode // what was opened last
}

func newCameraOrigin(spec source.Spec, dir devices, openNode func(name string) (*media.Input, string, error)) (origin, *deviceWatch) {
	return &cameraOrigin{spec: spec, openNode: openNode, camera: remember(dir, spec.Device)}, watchDevices(dir)
}

func (c *cameraOrigin) look() error { return c.camera.look() }
func (c *cameraOrigin) known() bool { return c.was.path != "" }

// lost also looks again at the names of the cameras that are there.
func (c *cameraOrigin) lost() error {
	if err := c.was.lost(); err != nil {
		return err
	}
	if c.camera.renamed(c.was.path) { // the link came late
		return fmt.Errorf("%s: %w: another camera has its place", c.was.path, source.ErrDeviceGone)
	}
	c.camera.learn(c.was.path)
	return nil
}

func (c *cameraOrigin) open() (*media.Input, error) {
	if err := c.look(); err != nil {
		return nil, err
	}
	in, node, err := c.openNode(c.camera.name())
	if err != nil {
		return nil, err
	}
	if c.camera.other(node) { // the link has moved since we looked
		_ = in.Close()
		return nil, fmt.Errorf("%s: %w: another camera has its place", node, source.ErrDeviceGone)
	}
	c.was = opened(node)
	c.camera.learn(node)
	in.About = append(in.About, "name", c.camera.String())
	return in, nil
}
