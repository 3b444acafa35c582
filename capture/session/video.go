package session

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"porthole/capture/clock"
	"porthole/capture/encode"
	"porthole/capture/h264"
	"porthole/capture/media"
	"porthole/capture/publish"
	"porthole/capture/source"
	"porthole/internal/panics"
)

const (
	rateWindow = 2 * time.Second // over which the real frame rate is measured
	minRate    = 1.0             // what an encoder is told at least
)

// videoPump encodes the pictures of a mailbox and writes them to a track.
type videoPump struct {
	spec    source.Spec
	library encode.Library
	box     *mailbox
	track   publish.Track
	log     *slog.Logger

	keyframe atomic.Bool // somebody needs one; set by any goroutine
	replaced func()      // called when an encoder has failed

	// Owned by run.
	encoder   encode.VideoEncoder // nil: to be built
	faults    []time.Time         // when encoders have failed lately
	params    encode.Params       // of encoder, or of the one to be built
	meter     clock.RateMeter
	clock     clock.RTP
	packets   h264.Packetizer
	report    reporter
	encoded   int // pictures
	keyframes int
	bytes     int64 // of encoded video
	restarts  int   // encoders that failed
}

// newVideoPump makes a pump for a source that says it delivers fps pictures a second.
func newVideoPump(spec source.Spec, fps float64, library encode.Library, box *mailbox, log *slog.Logger) *videoPump {
	return &videoPump{
		spec: spec, library: library, box: box, log: log, replaced: func() {},
		params:  encode.Params{FPS: fps, Bitrate: spec.Bitrate},
		meter:   clock.RateMeter{Window: rateWindow},
		packets: h264.Packetizer{Sequence: uint16(rand.Uint32())},
	}
}

// requestKeyframe makes the next picture one that stands alone. It does not block.
func (p *videoPump) requestKeyframe() { p.keyframe.Store(true) }

// run ends with the error of whatever failed, or ctx's cause. It owns the encoder.
func (p *videoPump) run(ctx context.Context, t publish.Track) (err error) {
	p.track, p.report = t, reporter{track: t}
	defer p.dropEncoder()
	for {
		f, err := p.box.take(ctx)
		if err != nil {
			return err
		}
		err = p.push(f)
		p.box.release(f)
		if err != nil {
			return err
		}
	}
}

// push encodes and sends one picture.
func (p *videoPump) push(f *media.Picture) error {
	if p.clock.Epoch.IsZero() {
		p.clock = clock.RTP{Epoch: f.CapturedAt, Base: rand.Uint32(), Rate: encode.VideoRate}
	}
	unit, err := p.encode(f)
	if err != nil {
		return p.encoderFailed(err)
	}
	timestamp := p.clock.At(f.CapturedAt)
	p.report.at(f.CapturedAt, timestamp)
	if len(unit) == 0 {
		return nil // left out by the rate control
	}
	write := func(packet *rtp.Packet) error { return p.track.WriteRTP(packet) }
	keyframe, err := p.packets.Packetize(unit, timestamp, write)
	if err != nil {
		return err
	}
	p.encoded++
	p.bytes += int64(len(unit))
	if keyframe {
		p.keyframes++
	}
	return nil
}

// encode makes an access unit of a picture. It fails where the encoder panics.
func (p *videoPump) encode(f *media.Picture) (unit []byte, err error) {
	err = panics.AsError(p.log, "an encoder", func() error {
		if err := p.fitEncoder(f); err != nil {
			return err
		}
		unit, err = p.encoder.Encode(f, p.keyframe.Swap(false))
		return err
	})
	return unit, err
}

// An encoder that fails is replaced at the next picture. So many failures within so long are for the supervisor: it opens
// everything anew, with pauses.
const (
	encoderFaults      = 5
	encoderFaultWindow = 10 * time.Second
)

// encoderFailed drops the encoder, and says whether it is the end.
func (p *videoPump) encoderFailed(err error) error {
	p.dropEncoder()
	p.restarts++
	p.replaced()
	now := time.Now()
	p.faults = slices.DeleteFunc(p.faults, func(at time.Time) bool { return now.Sub(at) > encoderFaultWindow })
	p.faults = append(p.faults, now)
	if len(p.faults) >= encoderFaults {
		return fmt.Errorf("%w %d times within %v: %w", source.ErrEncoder, len(p.faults), encoderFaultWindow, err)
	}
	p.log.Warn("the encoder has failed, another one takes over", "error", err)
	return nil
}

// dropEncoder closes the encoder, if there is one. What it says about that is of no use to anybody.
func (p *videoPump) dropEncoder() {
	if p.encoder == nil {
		return
	}
	if err := panics.AsError(p.log, "an encoder", p.encoder.Close); err != nil {
		p.log.Debug("closing the encoder failed", "error", err)
	}
	p.encoder = nil
}

// fitEncoder sees to it that there is an encoder, and that it knows the size and the rate of what really comes: its
// rate control spends a share of the bitrate on every picture, so half the rate would give half the quality.
// A new encoder starts with a keyframe.
func (p *videoPump) fitEncoder(f *media.Picture) error {
	want := p.params
	want.Width, want.Height = f.Width, f.Height
	if fps, changed := p.meter.Observe(f.CapturedAt, want.FPS); changed {
		p.log.Info("frame rate is not as expected", "expected", roundTo(want.FPS, 10), "measured", roundTo(fps, 10))
		want.FPS = max(fps, minRate)
	}
	want.KeyframeEvery = max(int(math.Round(want.FPS*p.spec.Keyframe.Seconds())), 1)
	if p.encoder != nil && want == p.params {
		return nil
	}
	p.dropEncoder()
	encoder, err := p.library.NewVideo(want)
	if err != nil {
		return err
	}
	p.encoder, p.params = encoder, want
	return nil
}

// roundTo keeps 1/parts of a whole.
func roundTo(v, parts float64) float64 { return math.Round(v*parts) / parts }
