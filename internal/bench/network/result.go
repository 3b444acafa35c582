package main

import (
	"encoding/json"
	"math"
	"slices"
)

// result is what was seen on a path in the time that was measured. Times are seconds where nothing else is said.
type result struct {
	Row     string  `json:"row"`
	Seconds float64 `json:"seconds"` // measured

	Pictures     int     `json:"pictures"`     // decoded
	Rate         float64 `json:"rate"`         // of them, a second
	Freezes      int     `json:"freezes"`      // as the browser counts them
	Frozen       float64 `json:"frozen"`       // likewise
	LongestPause float64 `json:"longestPause"` // between two pictures on the screen
	DelayP50     float64 `json:"delayP50Ms"`   // from drawing to the screen, ms; 0: not known
	DelayP95     float64 `json:"delayP95Ms"`

	Sent        uint64  `json:"sent"`        // RTP packets of the server, each once
	Resent      uint64  `json:"resent"`      // sent again
	Skipped     uint64  `json:"skipped"`     // not sent to this viewer
	LinkDropped uint64  `json:"linkDropped"` // that found the bottleneck's queue full
	LinkRate    float64 `json:"linkRate"`    // bits a second that passed the bottleneck

	Rungs []rung  `json:"rungs"` // pictures' heights over time
	Top   float64 `json:"top"`   // share of the pictures that had the full height
	Down  float64 `json:"down"`  // from the first change of the rate to a lower picture; -1: never, or no change
	Up    float64 `json:"up"`    // from the last one to a full one; -1 likewise

	Sound      float64  `json:"sound"`      // played
	Concealed  float64  `json:"concealed"`  // made up, and heard
	Reconnects int      `json:"reconnects"` // sessions after the first
	States     []string `json:"states"`     // of the player, in order
	Words      []string `json:"words"`      // of the page about the connection
	First      float64  `json:"first"`      // from opening the page to the first picture

	// Faults are what kept a viewer from a first picture.
	Faults []string `json:"faults,omitempty"`

	House *house `json:"house,omitempty"` // of ten viewers; what stands above is then the first one's, and the server's for all

	// Waited is the share of the time in which some program of this machine waited for a processor: how far the machine
	// itself is to be blamed. -1: the kernel does not tell.
	Waited   float64         `json:"waited"`
	Viewer   json.RawMessage `json:"viewer,omitempty"` // the server's words in the end
	Verdicts []verdict       `json:"verdicts"`
}

// rung is a height that pictures had from some time on.
type rung struct {
	At     float64 `json:"at"`
	Height int     `json:"height"`
}

// addPictures sets what follows from the pictures on the screen between two times, in ms. steps are the times at which
// the bottleneck changed.
func (r *result) addPictures(pictures []picture, from, to float64, steps []float64) {
	last := from
	var delays []float64
	r.Down, r.Up = -1, -1
	shown, top := 0, 0
	for _, p := range pictures {
		if p.Shown < from || p.Shown > to {
			continue
		}
		r.LongestPause = max(r.LongestPause, (p.Shown-last)/1000)
		last = p.Shown
		shown++
		if p.Height == topHeight {
			top++
		}
		if p.Drawn != nil {
			delays = append(delays, p.Shown-*p.Drawn)
		}
		if len(r.Rungs) == 0 || r.Rungs[len(r.Rungs)-1].Height != p.Height {
			r.Rungs = append(r.Rungs, rung{round((p.Shown-from)/1000, 1), p.Height})
		}
		r.addStep(p, steps)
	}
	r.LongestPause = max(r.LongestPause, (to-last)/1000)
	if shown > 0 {
		r.Top = float64(top) / float64(shown)
	}
	slices.Sort(delays)
	r.DelayP50, r.DelayP95 = quantile(delays, 0.5), quantile(delays, 0.95)
}

// addStep looks for the first lower picture after the first step, and the first full one after the last.
func (r *result) addStep(p picture, steps []float64) {
	if len(steps) == 0 {
		return
	}
	first, last := steps[0], steps[len(steps)-1]
	if r.Down < 0 && p.Shown >= first && p.Shown < last && p.Height < topHeight {
		r.Down = (p.Shown - first) / 1000
	}
	if r.Up < 0 && len(steps) > 1 && p.Shown >= last && p.Height == topHeight {
		r.Up = (p.Shown - last) / 1000
	}
}

// addSamples sets what follows from the browser's statistics.
func (r *result) addSamples(a, b sample) {
	r.Seconds = (b.At - a.At) / 1000
	r.Pictures = b.Video.FramesDecoded - a.Video.FramesDecoded
	r.Rate = float64(r.Pictures) / r.Seconds
	r.Freezes = b.Video.FreezeCount - a.Video.FreezeCount
	r.Frozen = b.Video.TotalFreezesDuration - a.Video.TotalFreezesDuration
	const clock = 48_000 // Opus
	r.Sound = float64(b.Audio.TotalSamplesReceived-a.Audio.TotalSamplesReceived) / clock
	concealed := b.Audio.ConcealedSamples - a.Audio.ConcealedSamples
	silent := b.Audio.SilentConcealedSamples - a.Audio.SilentConcealedSamples
	r.Concealed = float64(concealed-silent) / clock
	r.Reconnects = b.Connections - 1
}

// addWords sets what the page said until a time.
func (r *result) addWords(shown shownByPage, to float64) {
	for _, s := range shown.States {
		if s.At <= to {
			r.States = append(r.States, s.Text)
		}
	}
	for _, s := range shown.Words {
		if s.At <= to && !slices.Contains(r.Words, s.Text) {
			r.Words = append(r.Words, s.Text)
		}
	}
}

// quantile of sorted values; 0 without any.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func round(x float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(x*scale) / scale
}
