package pipeline

import (
	"context"
	"fmt"
	"log/slog"

	"porthole/capture/media"
	"porthole/capture/publish"
	"porthole/internal/broadcast"
	"porthole/internal/panics"
)

// encodedTrack sends what comes encoded, pictures or sound, as it is.
//
//	read ── access units ──► track
type encodedTrack struct {
	units   media.Units
	log     *slog.Logger
	waiting media.Unit // the first, until it is sent
	sender  *sender
}

// first waits for a unit, and says what it is.
func (e *encodedTrack) first(ctx context.Context) (about []any, err error) {
	if _, err := packetizerOf(e.units.Codec()); err != nil {
		return nil, err
	}
	err = panics.AsError(e.log, "a driver", func() error { e.waiting, err = e.units.Read(ctx); return err })
	return []any{"encoded", e.units.Codec().MimeType}, err
}

func (e *encodedTrack) rids() []string { return nil }

// publish adds the track.
func (e *encodedTrack) publish(p publish.Publisher) error {
	codec := e.units.Codec()
	track, err := p.AddTrack(broadcast.LayerConfig{Codec: codec, RequestKeyframe: e.units.RequestKeyframe})
	if err != nil {
		return err
	}
	e.sender, err = newSender(codec, track)
	return err
}

// run starts what reads and sends.
func (e *encodedTrack) run(ctx context.Context, start func(func() error)) {
	start(func() error { return e.pump(ctx) })
}

// send is for sound, of which nothing is awaited.
func (e *encodedTrack) send(ctx context.Context, p publish.Publisher) error {
	if err := e.publish(p); err != nil {
		return fmt.Errorf("add audio: %w", err)
	}
	return e.pump(ctx)
}

func (e *encodedTrack) pump(ctx context.Context) (err error) {
	unit := e.waiting
	for {
		if len(unit.Data) > 0 {
			if err := e.sender.send(unit.Data, unit.CapturedAt); err != nil {
				return err
			}
		}
		if unit, err = e.units.Read(ctx); err != nil {
			return err
		}
	}
}

// sums says what was sent.
func (e *encodedTrack) sums() []any {
	if e.sender == nil {
		return nil
	}
	return e.sender.sums()
}
