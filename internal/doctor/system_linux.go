package doctor

import (
	"golang.org/x/sys/unix"
)

// fileLimit returns how many files the process may have open.
func fileLimit() uint64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return limit.Cur // which the Go runtime has raised as far as it may
}

// clockState asks the kernel whether somebody keeps the clock right (adjtimex(2)).
func clockState() clock {
	var timex unix.Timex
	state, err := unix.Adjtimex(&timex)
	switch {
	case err != nil:
		return clockUnknown // some containers forbid to ask
	case state == unix.TIME_ERROR || timex.Status&unix.STA_UNSYNC != 0:
		return clockFree
	default:
		return clockSynced
	}
}
