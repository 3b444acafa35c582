//go:build e2e && linux

package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"runtime"
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
	disturbs   = 0.1       // of the machine's processor time, when others use it
)

// mayUse is how many processors an attack may occupy: half of them, or one.
func mayUse() float64 { return max(1, float64(runtime.NumCPU())/2) }

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

// withstands attacks, and watches meanwhile. What the server spends is its own, however
// busy the machine is. What the viewer gets is not: it is judged where nobody else uses the
// processors, and a miss counts if it lasts.
func (c *control) withstands(t *testing.T, a attack) {
	run := a.begin(t, c.s)
	resident, used, began := c.s.residentMiB(t), c.s.processorTime(t), time.Now()
	answers := &tallies{}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan struct{})
	watch := startStopwatch()
	go func() { defer close(ended); run(ctx, answers) }()
	since := spentWith(t, c.s)
	during := c.watch(t)
	if !reached(during) {
		since = spentWith(t, c.s)
		during = c.watch(t) // a moment of others' work does not last, an attack does
	}
	others := spentWith(t, c.s).ofOthers(since)
	kept := c.s.residentMiB(t) - resident
	processors := (c.s.processorTime(t) - used).Seconds() / time.Since(began).Seconds()
	stop()
	<-ended
	slowdown := watch.slowdown() // of the attacker, too
	t.Logf("%v; before: %v; %.1f MiB more, %.2f processors, others %.0f %%; answers: %v",
		picturesOf(during), picturesOf(c.before), kept, processors, 100*others, answers.all())
	for what, n := range a.want {
		if got := answers.all()[what]; float64(got)*slowdown < float64(n) {
			t.Errorf("the server answered %q %d times, want %.0f: the attack does not do what it is for", what, got, float64(n)/slowdown)
		}
	}
	if kept > mayKeep {
		t.Errorf("the attack makes the server keep %.1f MiB, want at most %d", kept, mayKeep)
	}
	if processors > mayUse() {
		t.Errorf("the attack makes the server use %.2f processors, want at most %.1f", processors, mayUse())
	}
	if !reached(during) {
		c.judge(t, during, others)
	}
}

// judge compares a viewer that missed the goal with itself without an attack.
func (c *control) judge(t *testing.T, during loadReport, others float64) {
	t.Helper()
	before := c.before
	since := spentWith(t, c.s)
	c.before = c.watch(t)
	others = max(others, spentWith(t, c.s).ofOthers(since))
	t.Logf("after it: %v", picturesOf(c.before))
	switch {
	case others > disturbs:
		t.Logf("others use %.0f %% of this machine: the pictures say nothing about the attack", 100*others)
	case reached(before) && reached(c.before):
		t.Errorf("the viewer had %v; want 30 pictures a second and 95 %% of them within %d ms, as before and after", picturesOf(during), wholeDelay)
	default:
		t.Logf("this machine is too slow for the goal, also without an attack")
	}
}
