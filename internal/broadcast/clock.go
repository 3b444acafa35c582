package broadcast

import "time"

// clock tells monotonic time in nanoseconds: comparing packets must not be upset
// by somebody setting the machine's clock.
type clock struct{ began time.Time }

// newClock starts a second ago, so that now is never zero: zero means never.
func newClock() clock { return clock{began: time.Now().Add(-time.Second)} }

func (c clock) now() int64 { return int64(time.Since(c.began)) }

// wall returns the wall-clock time of a monotonic one.
func (c clock) wall(nanos int64) time.Time { return c.began.Add(time.Duration(nanos)) }
