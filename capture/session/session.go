// Package session sends what an opened source delivers to a publisher, from the first picture until something fails. It knows
// neither devices nor who watches.
package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/publish"
	"porthole/capture/source"
	"porthole/internal/broadcast"
	"porthole/internal/panics"
)

// Config says what is sent and how. Spec, Input and Library are required.
type Config struct {
	Spec    source.Spec
	Input   *media.Input // the session's from here on
	Library encode.Library
	Log     *slog.Logger
	// EncoderFailed is called when an encoder has failed and another one takes over; nil: nobody asks.
	EncoderFailed func()
}

// Session is one life of a source: from the first picture until the device, the encoder or the publisher is lost.
// Its goroutines live within Run:
//
//	read ── raw pictures ──► mailbox ──► videoPump ── H.264 packets ──► track
//	audioPump ── sound, Opus packets ──► track
type Session struct {
	cfg   Config
	in    *media.Input
	log   *slog.Logger
	box   *mailbox
	video *videoPump
}

// New makes a session of what was opened.
func New(cfg Config) *Session {
	box := newMailbox()
	video := newVideoPump(cfg.Spec, cfg.Input.FPS, cfg.Library, box, cfg.Log)
	if cfg.EncoderFailed != nil {
		video.replaced = cfg.EncoderFailed
	}
	return &Session{cfg: cfg, in: cfg.Input, log: cfg.Log, box: box, video: video}
}

// Close closes the devices, when Run has returned.
func (s *Session) Close() error { return s.in.Close() }

// Run publishes once the first picture is there, so that a dead camera never looks live, and sends until something
// fails. It returns that failure, or ctx's cause.
func (s *Session) Run(ctx context.Context, take publish.Func) error {
	first := s.box.blank()
	if err := panics.AsError(s.log, "a driver or an encoder", func() error { return s.in.Pictures.Read(ctx, first) }); err != nil {
		return fmt.Errorf("first picture: %w", err)
	}
	kinds := []broadcast.Kind{broadcast.Video}
	if s.in.Sound != nil {
		kinds = append(kinds, broadcast.Audio)
	}
	out, err := take(kinds)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	started := time.Now()
	s.log.Info("source is live", append(s.in.About, "picture", fmt.Sprintf("%dx%d", first.Width, first.Height))...)
	s.box.put(first)
	err = s.serve(ctx, out)
	reason := "told to stop"
	if !errors.Is(err, context.Canceled) {
		reason = err.Error()
	}
	s.log.Info("source has ended", "reason", reason, "seconds", int(time.Since(started).Seconds()),
		"pictures", s.video.encoded, "keyframes", s.video.keyframes, "bytes", s.video.bytes, "dropped", s.box.drops(),
		"encoder_restarts", s.video.restarts)
	return err
}

func (s *Session) serve(ctx context.Context, out publish.Publisher) error {
	video, err := out.AddTrack(broadcast.LayerConfig{Codec: encode.H264(), RequestKeyframe: s.video.requestKeyframe})
	if err != nil {
		out.Close(err)
		return fmt.Errorf("add video: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	goSafely := func(f func() error) { g.Go(func() error { return panics.AsError(s.log, "a driver or an encoder", f) }) }
	goSafely(func() error { return s.read(ctx) })
	goSafely(func() error { return s.video.run(ctx, video) })
	goSafely(func() error {
		select {
		case <-out.Done():
			return fmt.Errorf("unpublished: %w", out.Err())
		case <-ctx.Done():
			// At once: reading from a device that is gone may take until the driver's timeout.
			out.Close(context.Cause(ctx))
			return context.Cause(ctx)
		}
	})
	if s.in.Sound != nil {
		goSafely(func() error { return s.serveAudio(ctx, out) })
	}
	return g.Wait()
}

// read moves pictures from the source to the mailbox.
func (s *Session) read(ctx context.Context) error {
	for {
		f := s.box.blank()
		if err := s.in.Pictures.Read(ctx, f); err != nil {
			return err
		}
		s.box.put(f)
	}
}

// serveAudio never ends the session: pictures without sound are better than nothing.
func (s *Session) serveAudio(ctx context.Context, out publish.Publisher) error {
	err := panics.AsError(s.log, "a driver or an encoder", func() error {
		t, err := out.AddTrack(broadcast.LayerConfig{Codec: encode.Opus()})
		if err != nil {
			return fmt.Errorf("add audio: %w", err)
		}
		encoder, err := s.cfg.Library.NewAudio(s.in.Sound.Channels())
		if err != nil {
			return err
		}
		defer func() { _ = encoder.Close() }()
		return newAudioPump(s.in.Sound, encoder, t).run(ctx)
	})
	if ctx.Err() == nil {
		s.log.Warn("sound has failed, pictures go on", "error", err)
	}
	return nil
}
