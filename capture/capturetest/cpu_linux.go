package capturetest

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the processor time that this thread has used, on which the caller stays (runtime.LockOSThread): unlike
// a clock, it says the same on a busy machine.
func CPUTime(tb testing.TB) time.Duration {
	tb.Helper()
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(t.Nano())
}
