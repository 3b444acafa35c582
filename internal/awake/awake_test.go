package awake_test

import (
	"testing"
	"testing/synctest"
	"time"

	"porthole/internal/awake"
)

func TestTimerIsExact(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, time.Second, 2500 * time.Millisecond, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			called := make(chan time.Time, 2)
			timer := awake.AfterFunc(d, func() { called <- time.Now() })
			if took := (<-called).Sub(began); took != d {
				t.Errorf("a timer of %v took %v", d, took)
			}
			if timer.Lost() != 0 {
				t.Errorf("a timer of %v lost %v", d, timer.Lost())
			}
			if timer.Stop() {
				t.Errorf("a timer of %v could be stopped after its end", d)
			}
			time.Sleep(10 * time.Second)
			if len(called) > 0 {
				t.Errorf("a timer of %v called twice", d)
			}
		})
	}
}

func TestStoppedTimerCallsNobody(t *testing.T) {
	for _, after := range []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			timer := awake.AfterFunc(2*time.Second, func() { t.Errorf("called, though stopped after %v", after) })
			time.Sleep(after)
			if !timer.Stop() {
				t.Errorf("could not be stopped after %v", after)
			}
			if timer.Stop() {
				t.Error("could be stopped twice")
			}
			time.Sleep(10 * time.Second)
		})
	}
}
