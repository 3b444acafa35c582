//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMemoryPerViewer looks at the whole process from outside, without and with
// many viewers.
func TestMemoryPerViewer(t *testing.T) {
	const (
		viewers = 300
		ramp    = 6 * time.Second
		watched = 12 * time.Second
		most    = 0.5 // MiB
		routine = 20  // goroutines
	)
	s := startProgram(t, plainBinary(t), "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	// What the first viewers bring into being is there for all.
	startLoad(t, s, "webcam", 5, time.Millisecond, time.Second)()
	s.waitViewers(t, "webcam", 0, 10*time.Second)
	before, goroutines := s.residentMiB(t), s.goroutineBaseline(t)

	wait := startLoad(t, s, "webcam", viewers, ramp, watched)
	s.waitViewers(t, "webcam", viewers, ramp+20*time.Second)
	with := before
	var withGoroutines int
	for since := time.Now(); time.Since(since) < watched-4*time.Second; {
		waitFor(t, 5*time.Second, "a second to pass", after(time.Second))
		with = max(with, s.residentMiB(t))
		withGoroutines = int(s.metric(t, "go_goroutines"))
	}
	if got := s.stream(t, "webcam").Viewers; got != viewers {
		t.Fatalf("%d viewers are left of %d", got, viewers)
	}
	report := wait()

	per := (with - before) / viewers
	t.Logf("%.1f MiB without viewers, at most %.1f MiB with %d: %.3f MiB per viewer; %.2f goroutines per viewer",
		before, with, viewers, per, float64(withGoroutines-goroutines)/viewers)
	t.Logf("%s; first whole keyframe: %v; frame delay: %v", report.Verdict.Text, report.FirstKeyframe, report.FrameDelay)
	if per > most {
		t.Errorf("%.3f MiB per viewer, want at most %v", per, most)
	}
	if n := float64(withGoroutines-goroutines) / viewers; n > routine {
		t.Errorf("%.2f goroutines per viewer, want at most %d", n, routine)
	}
	s.waitViewers(t, "webcam", 0, 10*time.Second)
	s.waitGoroutines(t, goroutines, 10*time.Second)
}

// after returns a check that is true when a time has passed.
func after(d time.Duration) func() error {
	began := time.Now()
	return func() error {
		if time.Since(began) < d {
			return errNotYet
		}
		return nil
	}
}

// residentMiB is how much memory the server's process occupies.
func (s *server) residentMiB(t testing.TB) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Cmd.Process.Pid))
	if err != nil {
		t.Fatalf("read the server's memory: %v", err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kibibytes, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatalf("read the server's memory: %v", err)
	}
	return float64(kibibytes) / 1024
}

// openFiles is how many file descriptors the server's process has.
func (s *server) openFiles(t testing.TB) int {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.Cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// processorTime is how much of the processors the server's process has used.
func (s *server) processorTime(t testing.TB) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Cmd.Process.Pid))
	if err != nil {
		t.Fatalf("read the server's processor time: %v", err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before may have spaces
	fields := strings.Fields(rest)
	var ticks int
	for _, field := range fields[11:13] { // user and system, of a hundredth of a second
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatalf("read the server's processor time: %v", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
