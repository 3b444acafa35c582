//go:build e2e && linux

package e2e_test

import (
	"os"
	"sync"
	"testing"
	"time"

	"porthole/internal/processtest"
)

// sample is how the server and the test were at a moment.
type sample struct {
	at       time.Time
	resident float64 // MiB
	// starved is how long, since the sample before, that thread of the two processes
	// waited for a processor which waited longest: what other programs took.
	starved time.Duration
}

// startSampler looks at the server until the function is called that it returns,
// which returns what it saw. No session may outlive its deadlines meanwhile.
func (c *chaos) startSampler() (stop func() []sample) {
	done := make(chan struct{})
	var running sync.WaitGroup
	var samples []sample
	running.Go(func() {
		var waited map[string]time.Duration
		each(100*time.Millisecond, done, func(i int) {
			s := sample{at: time.Now(), starved: starvation(&waited, c.s.Cmd.Process.Pid, os.Getpid())}
			if i%10 == 0 {
				s.resident = c.s.residentMiB(c.t)
				c.requireDeadlines()
			} else if len(samples) > 0 {
				s.resident = samples[len(samples)-1].resident
			}
			samples = append(samples, s)
		})
	})
	return func() []sample {
		close(done)
		running.Wait()
		return samples
	}
}

// starvation returns for how long, since the last look at the same threads, one of
// the processes' threads waited for a processor; waited holds the last look.
func starvation(waited *map[string]time.Duration, pids ...int) (longest time.Duration) {
	now := processtest.Waited(pids...)
	for thread, w := range now {
		if before, ok := (*waited)[thread]; ok {
			longest = max(longest, w-before)
		}
	}
	*waited = now
	return longest
}

// requireSmooth checks that the control viewer saw no pause that its publisher did
// not make, or that other programs on this machine did not.
func (c *chaos) requireSmooth(samples []sample) {
	c.t.Helper()
	select {
	case <-c.control.ended:
		c.t.Error("the control viewer's connection ended")
		return
	default:
	}
	pictures := c.control.video.arrivals()
	var longest time.Duration
	excused := 0
	for i := 1; i < len(pictures); i++ {
		from, to := pictures[i-1], pictures[i]
		pause := to.Sub(from)
		longest = max(longest, pause)
		if pause <= controlPause {
			continue
		}
		const around = 200 * time.Millisecond
		own := c.steady.longestPause(from.Add(-around), to)
		var starved time.Duration
		for _, s := range samples {
			if s.at.After(from.Add(-around)) && s.at.Before(to.Add(around)) {
				starved += s.starved
			}
		}
		if pause-own-starved <= controlPause { // they come one after the other
			excused++
			c.t.Logf("a pause of %v, while the publisher paused for %v and the machine let us wait for %v", pause, own, starved)
			continue
		}
		c.t.Errorf("at %v the control viewer saw no picture for %v; its publisher paused for %v, the machine let us wait for %v",
			from.Format(time.TimeOnly), pause, own, starved)
	}
	lost := c.control.video.counts().missing // sent again or not, which on loopback is for want of room in a buffer
	c.t.Logf("the control viewer: %d pictures, %d packets lost for good, the longest pause %v; %d pauses above %v were the publisher's or the machine's",
		len(pictures), lost, longest.Round(time.Millisecond), excused, controlPause)
	if lost > len(pictures)/1000 {
		c.t.Errorf("the control viewer lost %d packets", lost)
	}
	if want := int(c.duration.Seconds()) * 15; len(pictures) < want {
		c.t.Errorf("the control viewer saw %d pictures in %v", len(pictures), c.duration)
	}
}

// requireLevelOf checks that the memory of the process does not go on growing. In the
// first minutes it does, and with the race detector always: strict is for neither.
func requireLevelOf(t testing.TB, resident []float64, strict bool) {
	t.Helper()
	third := len(resident) / 3
	middle, last := maxOf(resident[third:2*third]), maxOf(resident[2*third:])
	t.Logf("the process had %.1f MiB at first, at most %.1f in the second and %.1f in the last third of the time", resident[0], middle, last)
	if strict && last > 1.15*middle+8 {
		t.Errorf("the process still grew from %.1f to %.1f MiB", middle, last)
	}
}

func maxOf(values []float64) (most float64) {
	for _, v := range values {
		most = max(most, v)
	}
	return most
}
