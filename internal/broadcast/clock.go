package broadcast

import (
	"sync/atomic"
	"time"
)

// maxSkew is by how much the wall clock may differ from what the monotonic one makes
// of it before it counts as set anew.
const maxSkew = 200 * time.Millisecond

// clock tells monotonic time in nanoseconds: comparing packets must not be upset
// by somebody setting the machine's clock, or by its sleeping.
type clock struct {
	began time.Time
	// skew is by how much the wall clock was set since then, in nanoseconds. The time
	// that the machine slept is part of it.
	skew *atomic.Int64
}

// newClock starts a second ago, so that now is never zero: zero means never.
func newClock() clock {
	return clock{began: time.Now().Add(-time.Second), skew: new(atomic.Int64)}
}

func (c clock) now() int64 { return int64(time.Since(c.began)) }

// wall returns the wall-clock time of a monotonic one.
func (c clock) wall(nanos int64) time.Time { return c.began.Add(time.Duration(nanos + c.skew.Load())) }

// follow notices that the wall clock was set. What is said of the past is then
// said in the new time, too.
func (c clock) follow() { c.correct(time.Now(), c.now()) }

// correct is follow for a wall-clock time and the monotonic time of the same moment.
func (c clock) correct(wall time.Time, nanos int64) {
	skew := c.skew.Load()
	if off := wall.Round(0).Sub(c.wall(nanos).Round(0)); off.Abs() > maxSkew {
		c.skew.CompareAndSwap(skew, skew+int64(off)) // another one saw it, too
	}
}
