package broadcast

import (
	"sync/atomic"
	"time"

	"porthole/internal/codec"
)

// rateWindow measures a layer's bit rates and picture rate over whole seconds.
type rateWindow struct {
	began  int64
	bytes  [codec.MaxTemporalID + 1]uint64 // of a temporal layer and those below
	frames uint64

	// The last whole second's.
	rates       [codec.MaxTemporalID + 1]uint64 // bits per second, likewise
	milliFrames uint64
	// typical is what the rates are as a rule: a second with a keyframe is twice one without.
	typical [codec.MaxTemporalID + 1]uint64
}

// A typical rate follows a higher one within a second or two, and a lower one within ten: who is sent more than the path carries
// suffers more than who is sent less.
const (
	typicalRise = 2
	typicalFall = 8
)

// typicalOf returns the typical rate after one more second.
func typicalOf(before, now uint64) uint64 {
	switch {
	case before == 0:
		return now
	case now > before:
		return before + (now-before)/typicalRise
	}
	return before - (before-now)/typicalFall
}

// top returns the highest temporal layer of the last second; 0 where there is nothing to thin out.
func (w *rateWindow) top() uint8 {
	top := uint8(codec.MaxTemporalID)
	for top > 0 && w.rates[top] == w.rates[top-1] {
		top--
	}
	return top
}

// bitsPerSecond is the rate of all temporal layers.
func (w *rateWindow) bitsPerSecond() uint64 { return w.rates[codec.MaxTemporalID] }

// add counts a packet and says whether a second was completed.
func (w *rateWindow) add(now int64, size int, marker bool, temporal uint8) bool {
	if w.began == 0 {
		w.began = now
	}
	for id := int(temporal); id < len(w.bytes); id++ {
		w.bytes[id] += uint64(size)
	}
	if marker {
		w.frames++
	}
	passed := now - w.began
	if passed < int64(time.Second) {
		return false
	}
	for id, bytes := range w.bytes {
		w.rates[id] = uint64(float64(bytes) * 8e9 / float64(passed))
		w.typical[id] = typicalOf(w.typical[id], w.rates[id])
	}
	w.milliFrames = uint64(float64(w.frames) * 1e12 / float64(passed))
	*w = rateWindow{began: now, rates: w.rates, milliFrames: w.milliFrames, typical: w.typical}
	return true
}

// keyframeRequests keeps fifty joining viewers from causing fifty keyframes: a
// request that comes too soon after another is sent when its time has come,
// unless a keyframe came first. It also keeps viewers who never have enough of them,
// or who come and go, from making everybody's stream larger: after keyframeBurst
// requests, there is one in keyframePause. Any goroutine may use it.
type keyframeRequests struct {
	sent    atomic.Int64 // when the last request was sent; 0 never
	paid    atomic.Int64 // until when what was sent makes up for pauses
	waiting atomic.Bool  // a request was held back
	open    atomic.Bool  // one was sent, and no keyframe came since
	total   atomic.Uint64
}

// ask sends a request now or, soon after another one, later.
func (k *keyframeRequests) ask(now int64, request func()) {
	if request == nil {
		return
	}
	last := k.sent.Load()
	paid := k.paid.Load()
	if last != 0 && now-last < int64(keyframeEvery) || paid-now > int64((keyframeBurst-1)*keyframePause) {
		k.waiting.Store(true)
		return
	}
	if k.sent.CompareAndSwap(last, now) {
		k.paid.Store(max(paid, now) + int64(keyframePause))
		k.waiting.Store(false)
		k.open.Store(true)
		k.total.Add(1)
		request()
	}
}

// retry sends what was held back, when its time has come.
func (k *keyframeRequests) retry(now int64, request func()) {
	if k.waiting.Load() && now-k.sent.Load() >= int64(keyframeEvery) {
		k.ask(now, request)
	}
}

// answered forgets what was held back: a keyframe is there.
func (k *keyframeRequests) answered() {
	k.waiting.Store(false)
	k.open.Store(false)
}

// unanswered says whether a request was sent so long ago that its keyframe should be there.
func (k *keyframeRequests) unanswered(now int64) bool {
	return k.open.Load() && now-k.sent.Load() > int64(keyframeAnswer)
}
