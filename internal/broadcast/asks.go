package broadcast

import (
	"time"

	"porthole/internal/broadcast/pace"
)

const (
	// askBurst is for how many keyframes a viewer may have the publisher asked in a row,
	// askEvery how long it takes until it may once more. A keyframe is for all viewers:
	// who asks without end makes everybody's stream larger.
	askBurst = 4
	askEvery = 4 * time.Second
)

// keyframeAsks is what a track has asked for, by PLI or because it cannot go on
// without.
type keyframeAsks struct {
	budget pace.Budget
	layer  *Layer // that was asked last
	at     int64  // when
	had    uint64 // how many keyframes had come of it then
}

// ask has the layer's publisher asked for a keyframe, unless that has been done for
// this track and is not answered yet, or was done too often.
func (a *keyframeAsks) ask(l *Layer, now int64) {
	had := l.keyframes.Load()
	if a.layer == l && a.had == had && now-a.at < int64(keyframeEvery) {
		return
	}
	if !a.budget.Take(now, 1, 1/askEvery.Seconds(), askBurst) {
		return
	}
	a.layer, a.at, a.had = l, now, had
	l.requestKeyframe(now)
}
