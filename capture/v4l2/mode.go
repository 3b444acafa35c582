package v4l2

import (
	"cmp"
	"math"
	"slices"

	"porthole/capture/source"
)

// Mode is one picture format and size of a camera.
type Mode struct {
	Format string `json:"format"` // as V4L2 and mediadevices name it: "YUYV", "MJPEG", ...
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

// pickMode returns the mode and rate nearest to what spec asks, and among equally near ones the cheapest to decode.
// So 640x480 at 30 is taken as YUYV, while 1280x720 at 30 from a camera whose YUYV does 10 there is taken as MJPEG.
// It reports false when there is no usable mode at all.
func pickMode(modes []Mode, spec source.Spec) (Choice, bool) {
	best, bestDistance, bestCost, found := Choice{}, 0.0, 0, false
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
		if m.Width <= 0 || m.Height <= 0 {
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
	return best, found
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
// (see BenchmarkDecode); false: a format that holds no picture, such as the depth format Z16.
func decodingCost(format string) (int, bool) {
	switch format {
	case "I420":
		return 0, true // copied
	case "YUYV", "YUY2", "UYVY":
		return 1, true
	case "NV12", "NV21":
		return 2, true
	case "MJPEG":
		return 3, true // a quarter of a core at 30 pictures a second, the others less than 0.04
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
