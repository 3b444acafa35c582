// Package awake has timers that count only time in which the process ran. A laptop that
// slept, a virtual machine that was paused or a process that was stopped has heard nobody
// meanwhile, which is no fault of theirs.
package awake

import (
	"sync"
	"time"
)

// part is the longest time that a timer waits at once. A part counts for what it was meant
// to last, however late its end is noticed, so a pause costs at most one part.
const part = time.Second

// Timer calls a function once. AfterFunc makes one.
type Timer struct {
	f func()

	mu      sync.Mutex
	timer   *time.Timer
	left    time.Duration // after the part that runs
	due     time.Time     // when that part should end
	lost    time.Duration
	stopped bool
}

// AfterFunc calls f in a goroutine of its own after the process has run for d.
func AfterFunc(d time.Duration, f func()) *Timer {
	t := &Timer{f: f, left: d}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := min(d, part)
	t.left -= now
	t.due = time.Now().Add(now)
	t.timer = time.AfterFunc(now, t.next)
	return t
}

// next begins the next part, or calls the function when there is none.
func (t *Timer) next() {
	t.mu.Lock()
	if t.stopped {
		t.mu.Unlock()
		return
	}
	t.lost += max(0, time.Since(t.due))
	if t.left <= 0 {
		t.stopped = true
		t.mu.Unlock()
		t.f()
		return
	}
	now := min(t.left, part)
	t.left -= now
	t.due = time.Now().Add(now)
	t.timer.Reset(now)
	t.mu.Unlock()
}

// Stop keeps the function from being called, and says whether it was in time for that.
func (t *Timer) Stop() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	inTime := !t.stopped
	t.stopped = true
	t.timer.Stop()
	return inTime
}

// Lost is for how long the process did not run while the timer did.
func (t *Timer) Lost() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lost
}
