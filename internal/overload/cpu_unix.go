//go:build unix

package overload

import (
	"syscall"
	"time"
)

// processorTime is how much the process has used since its start.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil { // cannot fail for the process itself
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// fileLimit is how many files the process may have open; 0: not known. The runtime
// has raised the soft limit to the hard one by the time that anybody asks.
func fileLimit() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(uint64(limit.Cur), 1<<30)) //nolint:gosec,unconvert // signed on some systems
}
