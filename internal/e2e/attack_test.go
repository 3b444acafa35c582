//go:build e2e && linux

package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"testing"
	"time"
)

// attack is what one client address does to a server with its default limits.
type attack struct {
	name string
	// begin makes ready. What it returns attacks until ctx ends, and notes what the
	// server answered.
	begin func(t testing.TB, s *server) func(ctx context.Context, answers *tallies)
	// want is what the server answers, and how often at least: an attack that is turned
	// away at the door would say nothing about what is behind it.
	want map[string]int
}

// tallies count by name. Safe for concurrent use.
type tallies struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *tallies) add(name string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[string]int)
	}
	c.n[name] += n
}

func (c *tallies) status(code int) { c.add(strconv.Itoa(code), 1) }

func (c *tallies) all() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.n)
}

// TestAttacksCostTheAttacker attacks a server with its default limits from one address,
// in every way in turn, while a viewer at another address watches. The viewer shall get
// 30 pictures a second, 95 % of them within 100 ms, and the process shall not grow.
func TestAttacksCostTheAttacker(t *testing.T) {
	s := startProgram(t, plainBinary(t), "--source", patternSource, "--log-level", "info")
	s.waitLive(t, "webcam", true, 20*time.Second)
	control := newControl(t, s)
	for _, attacks := range [][]attack{connectionAttacks(), requestAttacks(), offerAttacks(), feedbackAttacks(), publishAttacks()} {
		for _, a := range attacks {
			t.Run(a.name, func(t *testing.T) { control.withstands(t, a) })
		}
	}
}

// TestResetStreamsCostTheAttacker is the same for what takes HTTP/2, and so HTTPS.
func TestResetStreamsCostTheAttacker(t *testing.T) {
	s := startSecure(t, plainBinary(t), "--source", patternSource, "--log-level", "info")
	s.waitLive(t, "webcam", true, 20*time.Second)
	control := newControl(t, s)
	for _, a := range resetAttacks() {
		t.Run(a.name, func(t *testing.T) { control.withstands(t, a) })
	}
}

const (
	watched    = 4 * time.Second
	wholeRate  = 30 * 0.95 // pictures a second that count as all of them
	wholeDelay = 100       // ms
	mayKeep    = 64        // MiB that an attack may make the process keep
	worseRate  = 0.8       // of what the viewer had on a machine that cannot do better
	worseDelay = 100       // ms beyond what it had on such a machine
)

// control is the viewer who is there while others attack.
type control struct {
	s      *server
	before loadReport // without an attack, the newest
}

func newControl(t testing.TB, s *server) *control {
	c := &control{s: s}
	c.watch(t) // what the first viewer brings into being
	c.before = c.watch(t)
	return c
}

func (c *control) watch(t testing.TB) loadReport {
	report, err := beginLoad(t, c.s, "webcam", 1, time.Millisecond, watched)()
	if err != nil {
		t.Log(err) // the report has it, too
	}
	return report
}

// picturesOf says what a viewer saw.
func picturesOf(r loadReport) string {
	return fmt.Sprintf("%.1f pictures a second, delay %v", r.FrameRate.P50, r.FrameDelay)
}

// reached says whether a viewer had all that it shall have.
func reached(r loadReport) bool {
	return r.Keyframe == 1 && r.FrameRate.P50 >= wholeRate && r.FrameDelay.P95 < wholeDelay
}

// withstands attacks, and watches meanwhile. Where the machine is too busy for the goal,
// with others' work, the viewer is compared with what it has without the attack: a miss
// counts if it lasts, and the viewer is well just before and just after.
func (c *control) withstands(t *testing.T, a attack) {
	run := a.begin(t, c.s)
	resident, used, began := c.s.residentMiB(t), c.s.processorTime(t), time.Now()
	answers := &tallies{}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan struct{})
	go func() { defer close(ended); run(ctx, answers) }()
	during := c.watch(t)
	if !reached(during) {
		during = c.watch(t) // a moment of others' work does not last, an attack does
	}
	kept := c.s.residentMiB(t) - resident
	share := (c.s.processorTime(t) - used).Seconds() / time.Since(began).Seconds()
	stop()
	<-ended
	t.Logf("%v; before: %v; %.1f MiB more, %.2f processors; answers: %v", picturesOf(during), picturesOf(c.before), kept, share, answers.all())
	for what, n := range a.want {
		if got := answers.all()[what]; got < n {
			t.Errorf("the server answered %q %d times, want %d: the attack does not do what it is for", what, got, n)
		}
	}
	if kept > mayKeep {
		t.Errorf("the attack makes the server keep %.1f MiB, want at most %d", kept, mayKeep)
	}
	if !reached(during) {
		c.judge(t, during)
	}
}

// judge compares a viewer that missed the goal with itself without an attack.
func (c *control) judge(t *testing.T, during loadReport) {
	t.Helper()
	before, after := c.before, c.watch(t)
	c.before = after
	t.Logf("after it: %v", picturesOf(after))
	if reached(before) && reached(after) {
		t.Errorf("the viewer had %v; want 30 pictures a second and 95 %% of them within %d ms", picturesOf(during), wholeDelay)
		return
	}
	rate, delay := min(before.FrameRate.P50, after.FrameRate.P50), max(before.FrameDelay.P95, after.FrameDelay.P95)
	t.Logf("this machine is too busy for the goal: %.1f pictures a second, 95 %% of them within %.0f ms, without an attack", rate, delay)
	if during.FrameRate.P50 < worseRate*rate {
		t.Errorf("%.1f pictures a second, and %.1f without an attack", during.FrameRate.P50, rate)
	}
	if during.FrameDelay.P95 > delay+worseDelay {
		t.Errorf("95 %% of the pictures are up to %.0f ms old, and %.0f ms without an attack", during.FrameDelay.P95, delay)
	}
}
