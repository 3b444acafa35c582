//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// buildFaulty builds, once, a porthole that has the source faulty: (see
// capture/faulty.go), with the race detector.
var buildFaulty = sync.OnceValues(func() (program string, err error) {
	dir := filepath.Dir(binary)
	if os.Getenv("E2E_BINARY") != "" {
		if dir, err = os.MkdirTemp("", "porthole-e2e-"); err != nil { // left to the system: it is only for runs by hand
			return "", err
		}
	}
	program = filepath.Join(dir, "porthole-faults")
	build := exec.Command("go", "build", "-race", "-tags", "faults", "-o", program, "porthole/cmd/porthole")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build porthole with faults: %w\n%s", err, out)
	}
	return program, nil
})

// faultyCamera is a camera of the test's, and the directory that stands for /dev.
type faultyCamera struct {
	t    testing.TB
	dir  string
	node string // where it is now, or was last
}

const faultyID = "v4l/by-id/usb-fake"

// newFaultyCamera plugs one in as video0.
func newFaultyCamera(t testing.TB) *faultyCamera {
	t.Helper()
	c := &faultyCamera{t: t, dir: t.TempDir()}
	c.must(os.MkdirAll(filepath.Join(c.dir, filepath.Dir(faultyID)), 0o755))
	c.plug("video0")
	return c
}

func (c *faultyCamera) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// source is the source's URI, for the camera's first node.
func (c *faultyCamera) source(query string) string {
	return "faulty:" + filepath.Join(c.dir, "video0") + "?size=320x180&fps=30&bitrate=300k&" + query
}

// plug plugs it in under a name that begins with "video".
func (c *faultyCamera) plug(node string) {
	c.t.Helper()
	c.node = filepath.Join(c.dir, node)
	c.must(os.WriteFile(c.node, nil, 0o600))
	c.must(os.Symlink("../../"+node, filepath.Join(c.dir, faultyID)))
}

// unplug pulls it out.
func (c *faultyCamera) unplug() {
	c.t.Helper()
	c.must(os.Remove(c.node))
	c.must(os.Remove(filepath.Join(c.dir, faultyID)))
}

// fault says what is wrong with it; "" for nothing.
func (c *faultyCamera) fault(what string) {
	c.t.Helper()
	c.must(os.WriteFile(c.node, []byte(what), 0o600))
	c.must(os.Chmod(c.node, 0o600)) // is noticed, as when an operator allows what was not allowed
}

// startFaulty runs a porthole that has the camera for a stream "webcam".
func startFaulty(t testing.TB, c *faultyCamera, query string, args ...string) *server {
	t.Helper()
	program, err := buildFaulty()
	if err != nil {
		t.Fatal(err)
	}
	return startProgram(t, program, append([]string{"--source", "webcam=" + c.source(query)}, args...)...)
}

// waitSource waits until the API says so of the stream's source.
func (s *server) waitSource(t testing.TB, state, sourceState string) {
	t.Helper()
	waitFor(t, 10*time.Second, fmt.Sprintf("state %q, source state %q", state, sourceState), func() error {
		if info := s.stream(t, "webcam"); info.State != state || info.SourceState != sourceState {
			return fmt.Errorf("the API says %+v", info)
		}
		return nil
	})
}

// TestViewersOutliveEveryFaultOfTheCamera has one viewer, who sees pictures again
// after each, on the same connection.
func TestViewersOutliveEveryFaultOfTheCamera(t *testing.T) {
	t.Parallel()
	c := newFaultyCamera(t)
	s := startFaulty(t, c, "mic=off&ondemand=off")
	s.waitSource(t, "live", "")
	v := watch(t, s, "webcam")
	v.video.startRecording()
	v.waitPlaying(t)

	heal := func() { c.fault("") }
	for _, f := range []struct {
		name      string
		do, undo  func()
		told      string
		mayRemain bool // the stream has a picture at times
	}{
		{"unplugged and back under another number", c.unplug, func() { c.plug("video3") }, "camera unplugged", false},
		{"and back where it was", c.unplug, func() { c.plug("video0") }, "camera unplugged", false},
		{"gone in the driver only", func() { c.fault("gone") }, heal, "camera unplugged", false},
		{"silent", func() { c.fault("stall") }, heal, "camera stalled, reopening", false},
		{"encoder panics", func() { c.fault("encoder-panic") }, heal, "encoder failed, starting again", false},
		{"in use", func() { c.fault("gone"); s.waitSource(t, "waiting", "camera unplugged"); c.fault("busy") }, heal,
			"camera in use by another (pid 1)", false},
		{"not allowed", func() { c.fault("gone"); s.waitSource(t, "waiting", "camera unplugged"); c.fault("permission") }, heal,
			"no permission for " + c.node, false},
		{"another size", func() {
			c.unplug()
			s.waitSource(t, "waiting", "camera unplugged")
			c.plug("video0")
			c.fault("size 640x360")
		},
			func() {}, "", true},
	} {
		began := time.Now()
		f.do()
		if f.mayRemain {
			s.waitSource(t, "live", f.told)
		} else {
			s.waitSource(t, "waiting", f.told)
		}
		told := time.Since(began)
		began = time.Now()
		f.undo()
		s.waitSource(t, "live", "")
		v.waitFrames(t, 15)
		t.Logf("%s: told after %v, half a second of pictures %v after it was over", f.name, told.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	}
	c.fault("flaky") // hardly worth mentioning
	v.waitFrames(t, 15)
	if info := s.stream(t, "webcam"); info.State != "live" {
		t.Errorf("some broken pictures end the stream: %+v", info)
	}

	select {
	case <-v.ended:
		t.Error("the viewer's connection ended")
	default:
	}
	if counts := v.video.counts(); counts.missing != 0 {
		t.Errorf("the viewer saw gaps between sequence numbers: %+v", counts)
	}
	requireDecodable(t, v.video.recorded())
	if n := s.metric(t, "porthole_source_failures_total"); n < 7 {
		t.Errorf("%v failures counted", n)
	}
	if n := s.metric(t, "porthole_encoder_restarts_total"); n < 5 {
		t.Errorf("%v failed encoders counted, want five at least", n)
	}
}

// TestCameraIsOnOnlyWhileSomebodyWatches joins a camera that is off.
func TestCameraIsOnOnlyWhileSomebodyWatches(t *testing.T) {
	t.Parallel()
	c := newFaultyCamera(t)
	s := startFaulty(t, c, "ondemand=1s")
	const off = "camera off while nobody watches"
	s.waitSource(t, "standby", off)
	goroutines := 0
	for cycle := range 3 {
		if n := s.metric(t, "porthole_sources_capturing"); n != 0 {
			t.Errorf("%v sources capture while nobody watches", n)
		}
		began := time.Now()
		v := watch(t, s, "webcam")
		v.waitConnected(t)
		receive(t, 10*time.Second, "a keyframe", v.video.keyframe)
		t.Logf("a keyframe %v after the POST", time.Since(began).Round(time.Millisecond))
		waitFor(t, 10*time.Second, "sound", func() error {
			if v.audio.counts().packets == 0 {
				return errNotYet
			}
			return nil
		})
		s.waitSource(t, "live", "")
		if err := v.delete(); err != nil {
			t.Error(err)
		}
		s.waitSource(t, "standby", off)
		if cycle == 0 {
			goroutines = s.goroutineBaseline(t)
		}
	}
	s.waitGoroutines(t, goroutines, 10*time.Second)

	// One that is away cannot be joined, and can again when it is back.
	c.unplug()
	s.waitSource(t, "waiting", "camera unplugged")
	if err := func() error {
		v, err := newViewer(s)
		if err != nil {
			return err
		}
		defer v.close()
		return v.signal("/whep/webcam")
	}(); err == nil || !strings.Contains(err.Error(), "404") && !strings.Contains(err.Error(), "409") && !strings.Contains(err.Error(), "503") {
		t.Errorf("joining a camera that is away: %v", err)
	}
	c.plug("video7")
	s.waitSource(t, "standby", off)
	watch(t, s, "webcam").waitPlaying(t)
}
