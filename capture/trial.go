package capture

import (
	"context"
	"fmt"
	"time"

	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/synthetic"
	"porthole/capture/v4l2"
)

// TrialResult is how long an encoder took.
type TrialResult struct {
	Pictures int           // that were encoded
	Mean     time.Duration // for one picture
	Longest  time.Duration
	// Spared says that the camera encodes by itself, so that none of this is needed, unless its H.264 turns out to be nothing for browsers.
	Spared bool
}

// Trial encodes some pictures of the test pattern with what the source asks for, as fast as it goes, to see whether
// this machine keeps up. The pattern is harder than most cameras' pictures. It ends early with ctx. The error is
// ErrNoCgo, or the encoder's.
func Trial(ctx context.Context, spec source.Spec, pictures int) (TrialResult, error) {
	library, err := encode.New(nil)
	if err != nil {
		return TrialResult{}, err
	}
	encoder, err := library.NewVideo(encode.Params{
		Width: spec.Width, Height: spec.Height, FPS: float64(spec.FPS), Bitrate: spec.Bitrate, TemporalLayers: 3,
	})
	if err != nil {
		return TrialResult{}, err
	}
	defer encoder.Close()
	r := TrialResult{Spared: spec.Kind == source.Camera && v4l2.ThisMachine().EncodesItself(spec)}
	var total time.Duration
	pattern, frame, at := synthetic.NewPattern(spec), media.Picture{}, time.Now()
	for r.Pictures < pictures && ctx.Err() == nil {
		pattern.Draw(&frame, at)
		at = at.Add(time.Second / time.Duration(spec.FPS))
		begin := time.Now()
		if _, err := encoder.Encode(&frame, r.Pictures == 0); err != nil {
			return r, fmt.Errorf("encode a test picture: %w", err)
		}
		took := time.Since(begin)
		total += took
		r.Longest = max(r.Longest, took)
		r.Pictures++
		r.Mean = total / time.Duration(r.Pictures)
	}
	return r, nil
}
