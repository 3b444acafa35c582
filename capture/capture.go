// Package capture turns a camera and a microphone, or a drawn test pattern, into one publisher of a stream.
//
//	camera ─► read ─► mailbox ─► openh264 ─► RTP packets ─┐
//	microphone ────────────────► Opus ─────► RTP packets ─┴─► broadcast.Publisher
//
// It owns the devices, the encoders and the clock of what it sends. Everything is captured, encoded and packetized
// once, however many watch: viewers are broadcast's business, and capture never sees one. It opens devices through
// pion/mediadevices, but none of its tracks, which would encode once for every viewer.
//
// It is the only package that needs cgo. Without cgo it builds, and every function that would need a device or an
// encoder returns ErrNoCgo; DecodeStamp and ParseSpec always work.
package capture

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"porthole/internal/broadcast"
)

// Devices lists the cameras and microphones that the machine has now. Cameras are looked for anew at every call;
// microphones are those that were there when the process started. The error is ErrNoCgo.
func Devices() (Inventory, error) { return listDevices() }

// Check tries whether the source can be opened, so that a mistyped device is told before anything listens. It opens
// and closes the camera, without waiting for a picture. The error names the device and says what is wrong with it: that there
// is none (ErrNoCamera, or fs.ErrNotExist in the chain), that it may not be opened (fs.ErrPermission), that it is none
// (ErrNoMode), or that it is in use and by whom (ErrDeviceBusy). A pattern only needs cgo (ErrNoCgo).
func Check(spec Spec) error {
	if _, err := newCodecs(); err != nil {
		return err
	}
	if spec.Kind == Pattern {
		return nil
	}
	return checkCamera(spec)
}

const (
	firstRetry   = 250 * time.Millisecond
	lastRetry    = 2 * time.Second
	steadyAfter  = 10 * time.Second // a session this long starts over with firstRetry
	repeatLogged = time.Minute      // the same failure is told again after this long
)

// Run publishes the source under a stream's name until ctx ends, and then returns nil. When the device is lost, is
// not there, or is in use, Run leaves the stream, so that its viewers wait within broadcast's grace time, and tries again with a
// growing pause of up to 2 s; so it does while somebody else publishes under the name. It returns an error only for
// what time does not heal: ErrNoCgo, or broadcast.ErrClosed. Through finder, unless it is nil, others see the pictures.
func Run(ctx context.Context, b *broadcast.Broadcaster, name string, spec Spec, finder *Viewfinder, log *slog.Logger) error {
	codecs, err := newCodecs()
	if err != nil {
		return err
	}
	log = log.With("stream", name)
	s := supervisor{
		spec: spec, codecs: codecs, log: log,
		open: func() (*input, error) {
			in, err := openInput(spec, log)
			if err != nil {
				return nil, err
			}
			in.video = finder.on(in.video)
			return in, nil
		},
		publish: func(kinds []broadcast.Kind) (outlet, error) {
			p, err := b.Publish(name, broadcast.PublisherConfig{Source: spec.Kind.String(), Kinds: kinds, OwnClock: true})
			if err != nil {
				return nil, err
			}
			return publisherOutlet{p}, nil
		},
	}
	return s.run(ctx)
}

func openInput(spec Spec, log *slog.Logger) (*input, error) {
	if spec.Kind == Camera {
		return openCamera(spec, log)
	}
	start := time.Now()
	in := &input{video: newPatternSource(spec, start), fps: float64(spec.FPS), about: []any{"source", spec.String()}}
	if spec.Tone {
		in.audio = newToneSource(start)
	}
	return in, nil
}

// supervisor keeps a source alive: one session after the other.
type supervisor struct {
	spec    Spec
	codecs  codecs
	log     *slog.Logger
	open    func() (*input, error)
	publish func([]broadcast.Kind) (outlet, error)

	told   string // the failure logged last
	toldAt time.Time
}

func (s *supervisor) run(ctx context.Context) error {
	retry := firstRetry
	for ctx.Err() == nil {
		started := time.Now()
		err := s.session(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, broadcast.ErrClosed), errors.Is(err, ErrNoCgo):
			return err
		}
		if time.Since(started) >= steadyAfter {
			retry = firstRetry
		}
		s.tell(err)
		pause(ctx, retry)
		retry = min(2*retry, lastRetry)
	}
	return nil
}

// session opens the source, sends until it fails, and closes it.
func (s *supervisor) session(ctx context.Context) error {
	in, err := s.open()
	if err != nil {
		return err
	}
	err = newSession(s.spec, in, s.codecs, s.log).run(ctx, s.publish)
	if closeErr := in.Close(); closeErr != nil {
		s.log.Debug("closing the device failed", "error", closeErr) // usual after it was unplugged
	}
	return err
}

// tell logs a failure, once for all the times that it comes in a row.
func (s *supervisor) tell(err error) {
	if err.Error() == s.told && time.Since(s.toldAt) < repeatLogged {
		return
	}
	s.told, s.toldAt = err.Error(), time.Now()
	s.log.Warn("source is not available, trying again", "error", err)
}
