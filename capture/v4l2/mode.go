package v4l2

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"porthole/capture/source"
)

// Mode is one picture format and size of a camera.
type Mode struct {
	Format string `json:"format"` // "YUYV", "MJPEG", "H264", ...
	Width  int    `json:"width"`
	Height int    `json:"height"`
	// FPS are the rates that the driver says it can be set to, highest first; empty: it does not tell.
	// They come from VIDIOC_ENUM_FRAMEINTERVALS and are promises: a camera in the dark, or behind a full USB bus, gives fewer.
	FPS []float64 `json:"fps"`
}

// CameraInfo is one video device that can be captured, or that could not be asked.
// A device that answers but has no readable mode, such as the metadata node beside every USB camera, is not listed.
type CameraInfo struct {
	Device  string `json:"device"`            // path of its node, for camera:PATH
	ID      string `json:"id,omitempty"`      // its lasting name, for camera:ID: "by-id/…", or "by-path/…" for what has no name of its own
	Name    string `json:"name,omitempty"`    // as the driver calls it
	Bus     string `json:"bus,omitempty"`     // where it is plugged in
	Problem string `json:"problem,omitempty"` // why its modes are not known: permissions, gone meanwhile
	Modes   []Mode `json:"modes"`             // cheapest format first, then largest size first
}

// Choice is the mode that a camera is opened in.
type Choice struct {
	Format        string
	Width, Height int
	FPS           float64 // the rate to set, 0 when the driver does not tell its rates
}

// Weights of pickMode, per factor of two away from what was asked. Too few pictures is worse than a picture of
// another size, because motion breaks up; too many only costs, because surplus pictures are left out.
const (
	weightTooSlow   = 1.5
	weightTooFast   = 0.3
	weightSize      = 1.0
	weightAspect    = 0.5
	distanceNoRates = 0.25 // of a mode that does not tell its rates
	rateTolerance   = 0.95 // 29.97 for 30 is what was asked
)

// Why there is no mode.
var (
	errNoH264    = errors.New("it does not encode H.264 itself; codec=raw encodes here")
	errNotRaw    = errors.New("it delivers H.264 only, and no raw pictures; codec=h264 sends it as it is")
	errNeedsRaw  = errors.New("it delivers H.264 only, and raw pictures are asked for")
	errNoneKnown = errors.New("none of its formats is known")
)

// pickMode returns the mode and rate nearest to what spec asks, and among equally near ones the cheapest to decode.
// So 640x480 at 30 is taken as YUYV, while 1280x720 at 30 from a camera whose YUYV does 10 there is taken as MJPEG. Between the camera's own
// H.264 and raw pictures, which are encoded here, it weighs what both mean: see burden. The error wraps ErrNoMode.
func pickMode(modes []Mode, spec source.Spec) (Choice, error) {
	raw, rawDistance, hasRaw := nearest(modes, spec, func(format string) bool { return format != formatH264 })
	own, ownDistance, hasOwn := nearest(modes, spec, func(format string) bool { return format == formatH264 })
	needsRaw := spec.NeedsRaw() != ""
	var why error
	switch {
	case spec.Codec == source.CodecH264 && hasOwn:
		return own, nil
	case spec.Codec == source.CodecH264 && hasRaw:
		why = errNoH264
	case spec.Codec == source.CodecAuto && !needsRaw && hasOwn &&
		(!hasRaw || ownDistance+burden(own, spec) < rawDistance+burden(raw, spec)):
		return own, nil
	case hasRaw:
		return raw, nil
	case hasOwn && needsRaw:
		why = fmt.Errorf("%w, by %s", errNeedsRaw, spec.NeedsRaw())
	case hasOwn:
		why = errNotRaw
	default:
		why = errNoneKnown
	}
	return Choice{}, fmt.Errorf("%w: %w", source.ErrNoMode, why)
}

// nearest is the mode nearest to what spec asks, of some formats, and how far it is from that.
func nearest(modes []Mode, spec source.Spec, of func(format string) bool) (best Choice, bestDistance float64, found bool) {
	bestCost := 0
	consider := func(m Mode, fps, distance float64) {
		distance += sizeDistance(m, spec)
		cost, ok := decodingCost(m.Format)
		if !ok {
			return
		}
		if !found || distance < bestDistance || distance == bestDistance && cost < bestCost {
			best, bestDistance, bestCost, found = Choice{m.Format, m.Width, m.Height, fps}, distance, cost, true
		}
	}
	for _, m := range modes {
		if m.Width <= 0 || m.Height <= 0 || !of(m.Format) {
			continue
		}
		if len(m.FPS) == 0 {
			consider(m, 0, distanceNoRates)
		}
		for _, fps := range m.FPS {
			if fps > 0 {
				consider(m, fps, rateDistance(fps, float64(spec.FPS)))
			}
		}
	}
	return best, bestDistance, found
}

// What a mode means besides its size and rate, in the same measure: one is as bad as a picture of half the pixels.
const (
	weightCore  = 2.0  // a core that is busy all the time: on a small computer the same work takes several
	weightDelay = 2.0  // a second of delay
	twiceLossy  = 0.05 // JPEG, which is then encoded as H.264
	// Of H.264 that comes from the camera: viewers with a narrow connection get it as it is, and not with fewer pictures, and many cameras
	// cannot be asked for a keyframe; nor do they get smaller sizes, where the spec would have them.
	oneRate = 0.05
	oneSize = 0.05
)

// What work takes of a core of a server, for a million pixels a second; measured (docs/PERFORMANCE.md).
const (
	encodingShare = 0.0035
	decodingShare = 0.007 // of JPEG; what is not compressed takes next to nothing
	sendingShare  = 0.0001
)

// burden weighs cost, delay and quality of a mode. Raw pictures cost a core's time for decoding and encoding, and are late by it. The camera's
// own H.264 costs next to nothing, is late by the picture that its encoder holds, and comes in one size.
func burden(mode Choice, spec source.Spec) float64 {
	fps := ExpectedRate(mode, spec)
	load := float64(mode.Width*mode.Height) * fps / 1e6
	if mode.Format == formatH264 {
		quality := oneRate
		if spec.Ladder.Auto {
			quality += oneSize
		}
		return weightCore*sendingShare*load + weightDelay/fps + quality
	}
	share, quality := encodingShare, 0.0
	if mode.Format == "MJPEG" || mode.Format == "JPEG" {
		share, quality = share+decodingShare, twiceLossy
	}
	cores := share * load
	return weightCore*cores + weightDelay*cores/fps + quality
}

func rateDistance(fps, want float64) float64 {
	switch {
	case fps < want*rateTolerance:
		return weightTooSlow * math.Log2(want/fps)
	case fps > want/rateTolerance:
		return weightTooFast * math.Log2(fps/want)
	}
	return 0
}

func sizeDistance(m Mode, spec source.Spec) float64 {
	if m.Width == spec.Width && m.Height == spec.Height {
		return 0
	}
	width := math.Log2(float64(m.Width) / float64(spec.Width))
	height := math.Log2(float64(m.Height) / float64(spec.Height))
	return weightSize*math.Abs(width+height) + weightAspect*math.Abs(width-height)
}

// decodingCost orders the formats by what a picture costs before it can be encoded, measured at 1280x720
// (see BenchmarkUnpack); false: a format that holds no picture, such as the depth format Z16.
func decodingCost(format string) (int, bool) {
	switch format {
	case "I420":
		return 0, true // copied
	case "YUYV", "UYVY":
		return 1, true
	case "NV12", "NV21":
		return 2, true
	case "MJPEG", "JPEG":
		return 3, true // a quarter of a core at 30 pictures a second, the others less than 0.04
	case formatH264:
		return 4, true // not decoded; it is listed last
	}
	return 0, false
}

// sortModes orders for people: cheapest format first, then the largest picture, then the highest rate.
func sortModes(modes []Mode) {
	for _, m := range modes {
		slices.SortFunc(m.FPS, func(a, b float64) int { return cmp.Compare(b, a) })
	}
	slices.SortStableFunc(modes, func(a, b Mode) int {
		costA, _ := decodingCost(a.Format)
		costB, _ := decodingCost(b.Format)
		return cmp.Or(cmp.Compare(costA, costB), cmp.Compare(a.Format, b.Format),
			cmp.Compare(b.Width*b.Height, a.Width*a.Height), cmp.Compare(b.Width, a.Width))
	})
}
