package capture

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/broadcast"
	"porthole/internal/panics"
)

// session is one life of a source: from the first picture until the device, the encoder or the publisher is lost.
// Its goroutines live within run:
//
//	read ── raw pictures ──► mailbox ──► videoPump ── H.264 packets ──► track
//	audioPump ── sound, Opus packets ──► track
type session struct {
	spec   source.Spec
	in     *media.Input
	codecs codecs
	log    *slog.Logger

	box   *mailbox
	video *videoPump
}

func newSession(spec source.Spec, in *media.Input, codecs codecs, log *slog.Logger) *session {
	box := newMailbox()
	return &session{spec: spec, in: in, codecs: codecs, log: log, box: box, video: newVideoPump(spec, in.FPS, codecs, box, log)}
}

// run publishes once the first picture is there, so that a dead camera never looks live, and sends until something
// fails. It returns that failure, or ctx's cause.
func (s *session) run(ctx context.Context, publish func([]broadcast.Kind) (outlet, error)) error {
	first := s.box.blank()
	if err := panics.AsError(s.log, "a driver or an encoder", func() error { return s.in.Pictures.Read(ctx, first) }); err != nil {
		return fmt.Errorf("first picture: %w", err)
	}
	kinds := []broadcast.Kind{broadcast.Video}
	if s.in.Sound != nil {
		kinds = append(kinds, broadcast.Audio)
	}
	out, err := publish(kinds)
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

func (s *session) serve(ctx context.Context, out outlet) error {
	video, err := out.addTrack(broadcast.LayerConfig{Codec: videoCodec(), RequestKeyframe: s.video.requestKeyframe})
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
func (s *session) read(ctx context.Context) error {
	for {
		f := s.box.blank()
		if err := s.in.Pictures.Read(ctx, f); err != nil {
			return err
		}
		s.box.put(f)
	}
}

// serveAudio never ends the session: pictures without sound are better than nothing.
func (s *session) serveAudio(ctx context.Context, out outlet) error {
	err := panics.AsError(s.log, "a driver or an encoder", func() error {
		t, err := out.addTrack(broadcast.LayerConfig{Codec: audioCodec()})
		if err != nil {
			return fmt.Errorf("add audio: %w", err)
		}
		encoder, err := s.codecs.newAudioEncoder(s.in.Sound.Channels())
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
