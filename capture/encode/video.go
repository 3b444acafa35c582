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
	Temporal int           // layers: see Params
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
	keyed    time.Time   // when the last keyframe was captured
	lately   []time.Time // when encoders have failed
	failures int         // in all
}

// NewVideo makes a Video; its first encoder is built for the first picture.
func NewVideo(cfg VideoConfig) *Video {
	return &Video{cfg: cfg, params: Params{FPS: cfg.FPS, Bitrate: cfg.Bitrate, TemporalLayers: cfg.Temporal}, meter: clock.RateMeter{Window: rateWindow}}
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
		unit, err = v.encode(f)
		return err
	})
	if err != nil {
		return nil, v.failed(err)
	}
	return unit, nil
}

// encode encodes a picture, as a keyframe when one is asked for or due. One that was left out is asked for again.
func (v *Video) encode(f *media.Picture) ([]byte, error) {
	half := time.Duration(float64(time.Second) / v.params.FPS / 2)
	due := !v.keyed.IsZero() && f.CapturedAt.Sub(v.keyed) >= v.cfg.Keyframe-half
	keyframe := v.keyframe.Swap(false) || due || v.keyed.IsZero()
	unit, err := v.encoder.Encode(f, keyframe)
	switch {
	case !keyframe || err != nil:
	case len(unit) == 0:
		v.keyframe.Store(true)
	default:
		v.keyed = f.CapturedAt
	}
	return unit, err
}

// Close closes the encoder, if there is one. What it says about that is of no use to anybody.
func (v *Video) Close() {
	if v.encoder == nil {
		return
	}
	if err := panics.AsError(v.cfg.Log, "an encoder", v.encoder.Close); err != nil {
		v.cfg.Log.Debug("closing the encoder failed", "error", err)
	}
	v.encoder, v.keyed = nil, time.Time{}
}

// Rest closes the encoder, until there is a picture again: that is a keyframe then, and how long it has taken to come says nothing.
func (v *Video) Rest() {
	if v.encoder == nil {
		return
	}
	v.Close()
	v.meter = clock.RateMeter{Window: rateWindow}
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
	v.cfg.Log.Warn("the encoder failed; starting another", "error", err)
	return nil
}

// rateCure says what to do about another frame rate than the expected one.
func rateCure(expected, measured float64) string {
	asIs := fmt.Sprintf("fps=%.0f in --source expects what comes", math.Max(measured, 1))
	if measured > expected {
		return "none is needed; " + asIs
	}
	return "more light, as cameras send fewer pictures in the dark; or a smaller size= in --source, if this machine is too slow; " + asIs
}

// fit sees to it that there is an encoder, and that it knows the size and the rate of what really comes: its
// rate control spends a share of the bitrate on every picture, so half the rate would give half the quality.
// Another size takes another encoder, which starts with a keyframe.
func (v *Video) fit(f *media.Picture) error {
	want := v.params
	want.Width, want.Height = f.Width, f.Height
	if fps, changed := v.meter.Observe(f.CapturedAt, want.FPS); changed {
		v.cfg.Log.Info("frame rate is not as expected", "expected", roundTo(want.FPS, 10), "measured", roundTo(fps, 10), "cure", rateCure(want.FPS, fps))
		want.FPS = max(fps, minRate)
	}
	switch {
	case v.encoder == nil || want.Width != v.params.Width || want.Height != v.params.Height:
		return v.build(want)
	case want != v.params:
		v.params = want
		return v.encoder.SetRate(want.Bitrate, want.FPS)
	}
	return nil
}

// build puts an encoder in the place of the one that there is.
func (v *Video) build(want Params) error {
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
