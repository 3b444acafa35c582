package encode

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"porthole/capture/clock"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/panics"
)

const (
	rateWindow = 2 * time.Second // over which the real frame rate is measured
	minRate    = 1.0             // what an encoder is told at least
)

// An encoder that fails is replaced at the next picture. So many failures within so long are the end.
const (
	maxFailures   = 5
	failureWindow = 10 * time.Second
)

// VideoConfig says what a Video encodes for. All but Failed are required.
type VideoConfig struct {
	Library  Library
	FPS      float64       // that the source says it delivers
	Bitrate  int           // bits per second
	Keyframe time.Duration // at least this often
	Failed   func()        // called when an encoder has failed and another one takes over; nil: nobody asks
	Log      *slog.Logger
}

// Video is an encoder that fits the size and the rate of what really comes, and is replaced when it fails. One goroutine uses it;
// RequestKeyframe is for any.
type Video struct {
	cfg      VideoConfig
	keyframe atomic.Bool // somebody needs one

	encoder  VideoEncoder // nil: to be built
	params   Params       // of encoder, or of the one to be built
	meter    clock.RateMeter
	lately   []time.Time // when encoders have failed
	failures int         // in all
}

// NewVideo makes a Video; its first encoder is built for the first picture.
func NewVideo(cfg VideoConfig) *Video {
	return &Video{cfg: cfg, params: Params{FPS: cfg.FPS, Bitrate: cfg.Bitrate}, meter: clock.RateMeter{Window: rateWindow}}
}

// RequestKeyframe makes the next picture one that stands alone. It does not block.
func (v *Video) RequestKeyframe() { v.keyframe.Store(true) }

// Failures is how many encoders have failed.
func (v *Video) Failures() int { return v.failures }

// Encode makes an access unit of a picture, which it does not keep: see VideoEncoder. It is empty also where the encoder has
// failed, by an error or a panic. The error is ErrEncoder: too many have failed in a row.
func (v *Video) Encode(f *media.Picture) (unit []byte, err error) {
	err = panics.AsError(v.cfg.Log, "an encoder", func() error {
		if err := v.fit(f); err != nil {
			return err
		}
		unit, err = v.encoder.Encode(f, v.keyframe.Swap(false))
		return err
	})
	if err != nil {
		return nil, v.failed(err)
	}
	return unit, nil
}

// Close closes the encoder, if there is one. What it says about that is of no use to anybody.
func (v *Video) Close() {
	if v.encoder == nil {
		return
	}
	if err := panics.AsError(v.cfg.Log, "an encoder", v.encoder.Close); err != nil {
		v.cfg.Log.Debug("closing the encoder failed", "error", err)
	}
	v.encoder = nil
}

// failed drops the encoder, and says whether it is the end.
func (v *Video) failed(err error) error {
	v.Close()
	v.failures++
	if v.cfg.Failed != nil {
		v.cfg.Failed()
	}
	now := time.Now()
	v.lately = slices.DeleteFunc(v.lately, func(at time.Time) bool { return now.Sub(at) > failureWindow })
	v.lately = append(v.lately, now)
	if len(v.lately) >= maxFailures {
		return fmt.Errorf("%w %d times within %v: %w", source.ErrEncoder, len(v.lately), failureWindow, err)
	}
	v.cfg.Log.Warn("the encoder has failed, another one takes over", "error", err)
	return nil
}

// fit sees to it that there is an encoder, and that it knows the size and the rate of what really comes: its
// rate control spends a share of the bitrate on every picture, so half the rate would give half the quality.
// A new encoder starts with a keyframe.
func (v *Video) fit(f *media.Picture) error {
	want := v.params
	want.Width, want.Height = f.Width, f.Height
	if fps, changed := v.meter.Observe(f.CapturedAt, want.FPS); changed {
		v.cfg.Log.Info("frame rate is not as expected", "expected", roundTo(want.FPS, 10), "measured", roundTo(fps, 10))
		want.FPS = max(fps, minRate)
	}
	want.KeyframeEvery = max(int(math.Round(want.FPS*v.cfg.Keyframe.Seconds())), 1)
	if v.encoder != nil && want == v.params {
		return nil
	}
	v.Close()
	encoder, err := v.cfg.Library.NewVideo(want)
	if err != nil {
		return err
	}
	v.encoder, v.params = encoder, want
	return nil
}

// roundTo keeps 1/parts of a whole.
func roundTo(v, parts float64) float64 { return math.Round(v*parts) / parts }
