package capture

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/pipeline"
	"porthole/capture/program"
	"porthole/capture/publish"
	"porthole/capture/retouch"
	"porthole/capture/source"
	"porthole/capture/supervisor"
	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/events"
)

// Config says what is captured and where it goes. Broadcaster, Name and Spec are required.
type Config struct {
	Broadcaster *broadcast.Broadcaster
	Name        string // of the stream
	Spec        source.Spec
	Finder      *Viewfinder  // through which others see the pictures; nil: nobody does
	Metrics     *Metrics     // nil: not counted
	Log         *slog.Logger // nil: discard

	device func(source.Spec, *slog.Logger) media.Device // of tests; nil: what the spec asks for
}

// Source is one camera, or drawn picture, and the stream that it feeds.
type Source struct {
	cfg Config
	log *slog.Logger

	device atomic.Pointer[media.Device] // set by Run
	desk   *desk                        // its sound passes here

	known     chan struct{} // closed once, by announced
	announced func()
}

// New makes a source. It opens nothing: see Run.
func New(cfg Config) *Source {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Source{cfg: cfg, log: cfg.Log.With("stream", cfg.Name), known: make(chan struct{}), desk: new(desk)}
	s.desk.gain.Store(int64(cfg.Spec.MicGain))
	s.announced = sync.OnceFunc(func() { close(s.known) })
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
	defer s.announced()
	spec, b := s.cfg.Spec, s.cfg.Broadcaster
	library, err := encode.New(s.log)
	if err != nil {
		return err
	}
	announcement, err := b.Announce(s.cfg.Name, spec.Kind.String())
	if err != nil {
		return err
	}
	defer announcement.Close()
	changes := b.Events().Listen(0, events.Changes)
	defer changes.Close()
	opened := s.newDevice()
	s.device.Store(&opened)
	device := openable{opened, s.cfg, s.desk, libraryFor(spec, library), s.log}
	defer device.Close()
	return supervisor.Run(ctx, supervisor.Config{
		Spec: spec, Device: device, Announcement: listed{announcement, changes}, Publish: publish.To(b, s.cfg.Name, spec.Kind.String()),
		Standby:   device.standby(),
		Announced: s.announced, Metrics: s.cfg.Metrics, Log: s.log,
	})
}

func (s *Source) newDevice() media.Device {
	if s.cfg.device != nil {
		return s.cfg.device(s.cfg.Spec, s.log)
	}
	return newDevice(s.cfg.Spec, s.cfg.Name, s.log)
}

// listed is the announcement with the broadcaster's changes.
type listed struct {
	*broadcast.Announcement
	changes *events.Listener
}

// Changed receives when something of any stream has changed.
func (l listed) Changed() <-chan struct{} { return l.changes.Ready() }

// openable is the device of a source, which makes a pipeline of what it opens.
type openable struct {
	media.Device
	cfg     Config
	desk    *desk
	library encode.Library
	log     *slog.Logger
}

// Open opens the device.
func (o openable) Open() (supervisor.Pipeline, error) {
	in, err := o.Device.Open()
	if err != nil {
		return nil, err
	}
	if in, err = o.retouched(in); err != nil {
		return nil, err
	}
	if in.Sound != nil {
		in.Sound = o.desk.on(in.Sound)
	}
	o.cfg.Finder.look(in)
	return pipeline.New(pipeline.Config{
		Spec: o.cfg.Spec, Input: in, Library: o.library, Log: o.log, EncoderFailed: o.cfg.Metrics.EncoderReplaced,
	}), nil
}

// errNoRaw is for what comes encoded, of which nothing can be hidden.
var errNoRaw = errors.New("it delivers no raw pictures, which can be changed")

// retouched has everybody see the pictures with the edits that are asked for, and nobody without them.
func (o openable) retouched(in *media.Input) (*media.Input, error) {
	edits := o.cfg.Spec.Edits
	if in.Pictures != nil {
		in.Pictures = retouch.Apply(in.Pictures, edits, o.cfg.Name)
	} else if edits != (source.Edits{}) {
		_ = in.Close()
		return nil, errNoRaw
	}
	return in, nil
}

// standby returns what says which codecs the source will send. An encoder is tried once; of a camera that encodes by itself, it is what was
// seen last.
func (o openable) standby() func() []codec.Codec {
	if p, ok := o.Device.(*program.Device); ok {
		return func() []codec.Codec { return []codec.Codec{p.Standby()} }
	}
	encoded := sync.OnceValue(func() []codec.Codec {
		return encode.Standby(o.cfg.Spec, hasSound(o.cfg.Spec), o.library, o.log)
	})
	return func() []codec.Codec {
		list := encoded()
		if c := controlsOf(o.Device); c != nil && len(list) > 0 {
			if own := c.OwnCodec(); own != nil {
				list = append([]codec.Codec{*own}, list[1:]...)
			}
		}
		return list
	}
}
