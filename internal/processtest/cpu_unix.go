//go:build unix

package processtest

import (
	"syscall"
	"testing"
	"time"
)

// ProcessorTime returns the processor time that this process has had. Unlike a clock, it says the same while others
// load the machine.
func ProcessorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
