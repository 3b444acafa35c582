// Package pipeline sends what an opened source delivers to a publisher, from the first picture until something fails. It knows
// neither devices nor who watches.
package pipeline

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
	"porthole/internal/codec"
	"porthole/internal/panics"
)

// Config says what is sent and how. Spec, Input, Library and Log are required.
type Config struct {
	Spec    source.Spec
	Input   *media.Input // the pipeline's from here on
	Library encode.Library
	Log     *slog.Logger
	// EncoderFailed is called when an encoder has failed and another one takes over; nil: nobody asks.
	EncoderFailed func()
}

// video is what a pipeline does with pictures, raw or encoded.
type video interface {
	// first waits for a picture, which run sends, and says what it is, as slog attributes.
	first(ctx context.Context) ([]any, error)
	// rids names its encodings; none where it has one.
	rids() []string
	// publish adds the tracks.
	publish(publish.Publisher) error
	// run starts what reads and sends until something fails, or ctx ends.
	run(ctx context.Context, start func(func() error))
	// sums says, as slog attributes, what was sent.
	sums() []any
}

// sound is what it does with sound.
type sound interface {
	// send adds a track and sends until something fails, or ctx ends.
	send(ctx context.Context, p publish.Publisher) error
}

// Pipeline is one life of a source: from the first picture until the device, the encoder or the publisher is lost.
// Its goroutines live within Run.
type Pipeline struct {
	in    *media.Input
	log   *slog.Logger
	video video
	sound sound // nil: none
}

// New makes a pipeline of what was opened.
func New(cfg Config) *Pipeline {
	s := &Pipeline{in: cfg.Input, log: cfg.Log}
	if cfg.Input.Pictures != nil {
		s.video = newRawVideo(cfg)
	} else {
		s.video = &encodedTrack{units: cfg.Input.Encoded, log: cfg.Log}
	}
	switch {
	case cfg.Input.Sound != nil:
		s.sound = rawSound{cfg.Input.Sound, cfg.Input.SoundLater, cfg.Library}
	case cfg.Input.EncodedSound != nil:
		s.sound = &encodedTrack{units: cfg.Input.EncodedSound, log: cfg.Log}
	}
	return s
}

// Close closes the devices, when Run has returned.
func (s *Pipeline) Close() error { return s.in.Close() }

// Run publishes once the first picture is there, so that a dead camera never looks live, and sends until something
// fails. It returns that failure, or ctx's cause.
func (s *Pipeline) Run(ctx context.Context, take publish.Func) error {
	picture, err := s.video.first(ctx)
	if err != nil {
		return fmt.Errorf("first picture: %w", err)
	}
	tracks := publish.Tracks{Kinds: []codec.Kind{codec.Video}, RIDs: s.video.rids()}
	switch {
	case s.in.SoundLater:
		tracks.Later = []codec.Kind{codec.Audio}
	case s.sound != nil:
		tracks.Kinds = append(tracks.Kinds, codec.Audio)
	}
	publisher, err := take(tracks)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	started := time.Now()
	s.log.Info("source is live", append(s.in.About, picture...)...)
	err = s.serve(ctx, publisher)
	reason := "told to stop"
	if !errors.Is(err, context.Canceled) {
		reason = err.Error()
	}
	s.log.Info("source has ended", append([]any{"reason", reason, "seconds", int(time.Since(started).Seconds())}, s.video.sums()...)...)
	return err
}

func (s *Pipeline) serve(ctx context.Context, publisher publish.Publisher) error {
	if err := s.video.publish(publisher); err != nil {
		publisher.Close(err)
		return fmt.Errorf("add video: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	start := func(f func() error) { g.Go(func() error { return panics.AsError(s.log, "a driver or an encoder", f) }) }
	s.video.run(ctx, start)
	start(func() error {
		select {
		case <-publisher.Done():
			return fmt.Errorf("unpublished: %w", publisher.Err())
		case <-ctx.Done():
			// At once: reading from a device that is gone may take until the driver's timeout.
			publisher.Close(context.Cause(ctx))
			return context.Cause(ctx)
		}
	})
	if s.sound != nil {
		start(func() error { return s.serveSound(ctx, publisher) })
	}
	return g.Wait()
}

// serveSound never ends the pipeline: pictures without sound are better than nothing.
func (s *Pipeline) serveSound(ctx context.Context, publisher publish.Publisher) error {
	err := panics.AsError(s.log, "a driver or an encoder", func() error { return s.sound.send(ctx, publisher) })
	if ctx.Err() == nil {
		s.log.Warn("sound failed; video continues", "error", err)
	}
	return nil
}
