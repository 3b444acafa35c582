//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

const (
	chaosToken   = "chaos"
	chaosPlaces  = 8                      // viewers at a time
	controlPause = 500 * time.Millisecond // the longest between two pictures of the control viewer
	// gone is how long after a client's end its session may be there: the half minute of
	// RFC 7675, and the time until it is looked at.
	gone = 50 * time.Second
)

// chaos is one run: a server, what happens to it, and what must not happen.
type chaos struct {
	t        *testing.T
	s        *server
	rng      *rand.Rand // of the schedule; the test's goroutine only
	duration time.Duration

	control *viewer
	steady  *steadyPublisher
	guest   *guestPublisher
	camera  *faultyCamera
	stun    atomic.Bool // the STUN server answers
	turn    *coturn
	pulled  bool // the camera

	viewers sync.WaitGroup
	places  chan struct{} // one taken for each viewer

	mu   sync.Mutex
	left map[string]time.Time // when the client of a session left, by id
	done map[string]int       // what was done, how often
}

// TestChaos breaks what can be broken, at random, for as long as CHAOS says, around
// one healthy publisher and one healthy viewer of it. Nothing may show in that
// viewer's picture, nothing may be left behind, and the books must balance.
// CHAOS_SEED repeats a schedule.
func TestChaos(t *testing.T) {
	c := newChaos(t)
	c.warmUp()
	baseline := c.measure()
	watch := c.startSampler()
	c.guest.start()

	end := time.Now().Add(c.duration)
	for time.Now().Before(end) {
		// Those who leave without a word are waited for, so the last ones are polite.
		c.act(time.Until(end) > 25*time.Second)
		pause := time.NewTimer(time.Duration(100+c.rng.IntN(500)) * time.Millisecond) // of the schedule
		<-pause.C
	}
	c.guest.end()
	c.viewers.Wait()
	c.heal()
	c.requireLeft()
	samples := watch()

	c.t.Logf("done in %v: %v", c.duration, c.done)
	c.requireSmooth(samples)
	c.requireBooks()
	c.requireBaseline(baseline, samples)
}

func newChaos(t *testing.T) *chaos {
	t.Helper()
	c := &chaos{
		t: t, duration: time.Minute, places: make(chan struct{}, chaosPlaces),
		left: make(map[string]time.Time), done: make(map[string]int),
	}
	seed := uint64(time.Now().UnixNano())
	var err error
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("CHAOS_SEED: %v", err)
		}
	}
	if text := os.Getenv("CHAOS"); text != "" {
		if c.duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("CHAOS: %v", err)
		}
	}
	t.Logf("CHAOS_SEED=%d repeats this schedule", seed)
	c.rng = rand.New(rand.NewPCG(seed, 1))
	small, large := encodeTestVideo(t), encodeTestVideoSized(t, "480x360")

	c.stun.Store(true)
	stunURL := stunServer(t, 0, func(request *stun.Message, from *net.UDPAddr) []byte {
		if !c.stun.Load() {
			return nil
		}
		return bindingAnswer(request, from)
	})
	c.turn = c.startTURN(0)
	c.camera = newFaultyCamera(t)
	c.s = startProgram(t, c.program(),
		"--source", "webcam="+c.camera.source("ondemand=2s&mic=off"), "--source", "spare=pattern:?size=320x180&fps=15&bitrate=150k&ondemand=off",
		"--fallback", "guest=spare", "--grace", "5s", "--publish-token", chaosToken, "--rate-limit", "0",
		// What this machine does besides is none of the server's business.
		"--max-load", "0", "--max-lateness", "0",
		"--stun", stunURL, "--turn", fmt.Sprintf("turn:chaos:monkey@127.0.0.1:%d?transport=udp", c.turn.port), "--turn-listen", "off")
	c.steady = startSteady(t, c.s, small)
	c.s.waitLive(t, "steady", true, 20*time.Second)
	c.control = watch(t, c.s, "steady")
	c.control.waitPlaying(t)
	c.guest = newGuest(c, c.rng.Uint64(), small, large)
	return c
}

// program returns the server to run: with the race detector, but for long runs, which
// also look at its memory.
func (c *chaos) program() string {
	c.t.Helper()
	if c.duration <= 2*time.Minute {
		program, err := buildFaulty()
		if err != nil {
			c.t.Fatal(err)
		}
		return program
	}
	program := filepath.Join(c.t.TempDir(), "porthole")
	if out, err := exec.Command("go", "build", "-tags", "faults", "-o", program, "porthole/cmd/porthole").CombinedOutput(); err != nil {
		c.t.Fatalf("build porthole: %v\n%s", err, out)
	}
	return program
}

func (c *chaos) startTURN(port int) *coturn {
	c.t.Helper()
	args := []string{"--lt-cred-mech", "--user=chaos:monkey"}
	if port != 0 {
		args = append(args, fmt.Sprintf("--listening-port=%d", port))
	}
	started := startCoturn(c.t, args...)
	if port != 0 {
		started.port = port
	}
	return started
}

// act does the next thing of the schedule.
func (c *chaos) act(rude bool) {
	switch n := c.rng.IntN(100); {
	case n < 70:
		c.view(rude)
	case n < 85:
		c.breakCamera()
	case n < 90:
		c.stun.Store(!c.stun.Load())
		c.note("the STUN server dies or comes back")
	case n < 93:
		c.turn.kill()
		c.note("the TURN server dies")
	case n < 97:
		c.turn.kill()
		c.turn = c.startTURN(c.turn.port)
		c.note("the TURN server starts")
	default:
		c.guest.crash.Store(true)
		c.note("the publisher is told to crash")
	}
}

// breakCamera gives the camera another fault, or none.
func (c *chaos) breakCamera() {
	switch n := c.rng.IntN(8); {
	case c.pulled:
		c.camera.plug("video0")
		c.pulled = false
		c.note("the camera is plugged in")
	case n < 3:
		c.camera.unplug()
		c.pulled = true
		c.note("the camera is pulled out")
	case n < 5:
		c.camera.fault("")
		c.note("the camera works")
	default:
		fault := []string{"busy", "stall", "corrupt", "flaky"}[c.rng.IntN(4)]
		c.camera.fault(fault)
		c.note("the camera: " + fault)
	}
}

func (c *chaos) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[what]++
}

// heal makes everything right that was broken.
func (c *chaos) heal() {
	c.t.Helper()
	if c.pulled {
		c.camera.plug("video0")
	}
	c.camera.fault("")
	c.stun.Store(true)
	c.turn.kill()
	c.turn = c.startTURN(c.turn.port)
}

// warmUp brings into being what the first viewers bring into being, and stays.
func (c *chaos) warmUp() {
	c.t.Helper()
	streams := []string{"webcam", "guest", "steady"}
	for life := range lives {
		if lives[life].quick {
			c.live(streams[life%len(streams)], life, c.rng.Uint64())
		}
	}
	c.requireLeft()
}

// requireLeft waits until all but the control viewer and its publisher are forgotten.
func (c *chaos) requireLeft() {
	c.t.Helper()
	waitFor(c.t, gone+10*time.Second, "all sessions but two to be gone", func() error {
		if sessions, viewers := c.s.metric(c.t, "porthole_sessions"), c.s.metric(c.t, "porthole_viewers"); sessions != 2 || viewers != 1 {
			return fmt.Errorf("there are %v sessions and %v viewers", sessions, viewers)
		}
		return nil
	})
	waitFor(c.t, 20*time.Second, "the camera to be off", func() error {
		if info := c.s.stream(c.t, "webcam"); info.State != "standby" {
			return fmt.Errorf("it is %q", info.State)
		}
		return nil
	})
}

// level is what must be as before when everything is over.
type level struct{ goroutines, files int }

func (c *chaos) measure() level {
	c.t.Helper()
	return level{c.s.goroutineBaseline(c.t), c.s.openFiles(c.t)}
}

func (c *chaos) requireBaseline(before level, samples []sample) {
	c.t.Helper()
	const slack = 3 // an HTTP connection that closes, a source that is being looked for
	waitFor(c.t, 60*time.Second, fmt.Sprintf("%+v again", before), func() error {
		if now := c.measure(); now.goroutines > before.goroutines+slack || now.files > before.files+slack {
			return fmt.Errorf("%+v", now)
		}
		return nil
	})
	resident := make([]float64, len(samples))
	for i := range samples {
		resident[i] = samples[i].resident
	}
	c.t.Logf("before and after: %+v and %+v", before, c.measure())
	requireLevelOf(c.t, resident, c.duration > 2*time.Minute)
	if n := strings.Count(c.s.Log(), "too many open files"); n > 0 {
		c.t.Errorf("the process ran out of files %d times", n)
	}
}
