//go:build e2e

package e2e_test

import (
	"errors"
	"testing"
	"time"
)

// waitFor asks check again and again until it returns nil. At the deadline the
// test fails with what was waited for and with what check said last.
func waitFor(t testing.TB, within time.Duration, what string, check func() error) {
	t.Helper()
	deadline := time.NewTimer(within)
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
			t.Fatalf("waited %v for %s: %v", within, what, err)
		}
	}
}

// receive waits for one value of a channel, or for its close.
func receive[T any](t testing.TB, within time.Duration, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(within):
		t.Fatalf("waited %v for %s", within, what)
		panic("not reached: Fatalf ends the goroutine")
	}
}

// errNotYet is for checks that have nothing more to say.
var errNotYet = errors.New("not yet")
