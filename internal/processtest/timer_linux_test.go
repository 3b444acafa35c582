package processtest

import (
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// start runs a command until the end of the test.
func start(t *testing.T, name string, args ...string) *Timer {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	timer := (&Server{Cmd: cmd}).StartTimer()
	timer.pids = timer.pids[:1] // not what this test waits
	return timer
}

func TestTimerCountsSleep(t *testing.T) {
	timer := start(t, "sleep", "60")
	begin := time.Now()
	time.Sleep(50 * time.Millisecond)
	slept := time.Since(begin)
	if took, lost := timer.Took(), timer.Lost(); took+lost < slept {
		t.Errorf("took %v of %v asleep, lost %v", took, slept, lost)
	}
}

// Two that want one processor all the time wait for half of it.
func TestTimerLeavesOutWhatOthersTook(t *testing.T) {
	var allowed, first unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		t.Fatal(err)
	}
	for i := 0; first.Count() == 0; i++ {
		if allowed.IsSet(i) {
			first.Set(i)
		}
	}
	spin := func() *Timer {
		timer := start(t, "sh", "-c", "while :; do :; done")
		if err := unix.SchedSetaffinity(timer.pids[0], &first); err != nil {
			t.Fatal(err)
		}
		return timer
	}
	begin, one, two := time.Now(), spin(), spin()
	for deadline := begin.Add(20 * time.Second); one.Lost()+two.Lost() < 500*time.Millisecond; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("they waited for %v in 20 s", one.Lost()+two.Lost())
		}
	}
	if took, passed := one.Took()+two.Took(), 2*time.Since(begin); took > passed*9/10 {
		t.Errorf("took %v of %v", took, passed)
	}
}
