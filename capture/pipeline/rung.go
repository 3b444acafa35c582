package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"porthole/capture/media"
	"porthole/capture/scale"
	"porthole/capture/source"
	"porthole/internal/broadcast"
)

// rung is an encoding in a smaller size, with fewer pictures. While some viewer needs it, or one below it, it makes the pictures of the rung above it smaller,
// hands them on to the rung below, and encodes them:
//
//	exchange of the rung above ─► mailbox ─► scaler ─► exchange ─┬─► mailbox ─► encoder ── H.264 ──► track
//	                                                             └─► mailbox of the rung below
//
// While nobody does, it costs a look at each picture.
type rung struct {
	encodedLayer
	above  *mailbox // of the rung above; encodedLayer's is of its own exchange
	own    exchange
	below  *rung // nil: none
	scaler scale.Scaler
	log    *slog.Logger
	broken atomic.Int64      // until when encoders are not tried, as Unix time in nanoseconds; the rung above asks, too
	every  time.Duration     // the least time between two of its pictures
	last   time.Time         // when the last one was captured
	of     broadcast.Nominal // the size of the rung above, for which the nominal size was made
	rests  bool              // the rung below was told that nothing comes
}

// brokenFor is how long a rung whose encoders fail rests.
const brokenFor = 30 * time.Second

// run scales and encodes, until the track ends or ctx does. Where encoders fail for good, the others go on, and it is tried again later.
func (r *rung) run(ctx context.Context) error {
	for {
		f, err := r.above.take(ctx)
		if err != nil {
			return err
		}
		if f.none() || !r.needed() {
			r.above.release(f)
			if err := r.rest(ctx); err != nil {
				return err
			}
			continue
		}
		if f.CapturedAt.Sub(r.last) < r.every {
			r.above.release(f)
			continue
		}
		r.rests, r.last = false, f.CapturedAt
		small := r.own.blank()
		width, height := r.size(&f.Picture)
		r.scaler.Down(&small.Picture, &f.Picture, width, height)
		r.above.release(f)
		r.own.put(small)
		if r.wanted() {
			err = r.encodeNext(ctx)
		} else {
			r.encoder.Rest()
			err = r.box.discard(ctx) // it is for the rung below
		}
		if errors.Is(err, source.ErrEncoder) {
			r.log.Warn("cannot encode this size of the ladder; trying again later", "rid", r.rid, "after", brokenFor, "error", err)
			r.broken.Store(time.Now().Add(brokenFor).UnixNano())
		} else if err != nil {
			return err
		}
	}
}

// rest closes the encoder, and lets the rungs below do the same.
func (r *rung) rest(ctx context.Context) error {
	r.encoder.Rest()
	if r.rests || r.below == nil {
		return nil
	}
	r.rests = true
	none := r.own.blank()
	none.Resize(0, 0)
	r.own.put(none)
	return r.box.discard(ctx)
}

// needed says whether somebody needs this rung, or one below it.
func (r *rung) needed() bool { return r.wanted() || r.below != nil && r.below.needed() }

// wanted says whether the rung is to be encoded.
func (r *rung) wanted() bool { return r.track.Wanted() && time.Now().UnixNano() >= r.broken.Load() }

// size is what a picture becomes: the nominal size, unless the source has changed its own since.
func (r *rung) size(f *media.Picture) (width, height int) {
	if f.Width == r.of.Width && f.Height == r.of.Height {
		return r.nominal.Width, r.nominal.Height
	}
	fit := func(n int) int { return max(n*r.nominal.Height/r.of.Height&^1, 16) }
	return min(fit(f.Width), f.Width), min(fit(f.Height), f.Height)
}
