//go:build e2e

package e2e_test

import (
	"errors"
	"testing"
	"time"
)

// waitFor asks check again and again until it returns nil. At the deadline, which is
// later on a busy machine, the test fails with what was waited for and with what check said last.
func waitFor(t testing.TB, within time.Duration, what string, check func() error) {
	t.Helper()
	deadline := startDeadline(within)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			if !deadline.again() {
				t.Fatalf("waited %v for %s: %v", within, what, err)
			}
		}
	}
}

// receive waits for one value of a channel, or for its close.
func receive[T any](t testing.TB, within time.Duration, what string, from <-chan T) T {
	t.Helper()
	deadline := startDeadline(within)
	defer deadline.Stop()
	for {
		select {
		case v := <-from:
			return v
		case <-deadline.C:
			if !deadline.again() {
				t.Fatalf("waited %v for %s", within, what)
			}
		}
	}
}

// deadline is a timer that does not count what other programs take of the machine.
type deadline struct {
	*time.Timer
	watch  stopwatch
	within time.Duration
}

func startDeadline(within time.Duration) deadline {
	return deadline{time.NewTimer(within), startStopwatch(), within}
}

// again sets the timer again when that much was lost, which has an end.
func (d deadline) again() bool {
	const most = 10 // times as long
	left := d.watch.left(d.within)
	if left <= 0 || time.Since(d.watch.began) > most*d.within {
		return false
	}
	d.Reset(left)
	return true
}

// errNotYet is for checks that have nothing more to say.
var errNotYet = errors.New("not yet")
