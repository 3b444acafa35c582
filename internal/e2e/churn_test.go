//go:build e2e && linux

package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestChurnLeavesNothingBehind lets viewers come and go, politely and not, for
// as long as E2E_CHURN says, and then looks for what has grown.
func TestChurnLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	const (
		freed = 60 * time.Second // within which those must be forgotten who left without a word
		// MiB of live heap. The publisher's ring fills up meanwhile, with 5 of them; a
		// viewer costs a quarter of one while it is there.
		growth = 12
	)
	duration := 30 * time.Second
	if text := os.Getenv("E2E_CHURN"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("E2E_CHURN: %v", err)
		}
	}
	s := startServer(t, "--source", patternSource, "--rate-limit", "0", "--max-lateness", "0") // a busy machine is not what this is about
	s.waitLive(t, "webcam", true, 20*time.Second)
	s.churn(t, 5*time.Second, politeLives) // what the first ones bring into being stays
	s.waitEmpty(t, freed)
	goroutines, files, heap := s.goroutineBaseline(t), s.openFiles(t), s.liveHeapMiB(t)

	resident := []float64{s.residentMiB(t)} // every second
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		each(time.Second, stop, func(int) { resident = append(resident, s.residentMiB(t)) })
	})
	came := s.churn(t, duration, append(rudeLives, politeLives...))
	close(stop)
	watching.Wait()
	s.waitEmpty(t, freed)
	s.waitGoroutines(t, goroutines, 20*time.Second)
	waitFor(t, 10*time.Second, fmt.Sprintf("no more than %d open files", files), func() error {
		if got := s.openFiles(t); got > files {
			return fmt.Errorf("there are %d", got)
		}
		return nil
	})
	left := s.liveHeapMiB(t)
	t.Logf("%d viewers came and went in %v; before and after: %d and at most %d goroutines, %d and at most %d open files, %.1f and %.1f MiB of live heap",
		came, duration, goroutines, goroutines, files, files, heap, left)
	if left > heap+growth {
		t.Errorf("the live heap grew from %.1f to %.1f MiB", heap, left)
	}
	requireLevel(t, resident)
}

// requireLevel checks that the memory of the process does not go on growing. In
// the first minutes it does, and with the race detector always.
func requireLevel(t testing.TB, resident []float64) {
	t.Helper()
	third := len(resident) / 3
	middle, last := slices.Max(resident[third:2*third+1]), slices.Max(resident[2*third:])
	t.Logf("the process had %.1f MiB at first, at most %.1f in the second and %.1f in the last third of the time", resident[0], middle, last)
	if len(resident) > 240 && !raceEnabled(t, binary) && last > 1.1*middle+8 {
		t.Errorf("the process still grew from %.1f to %.1f MiB", middle, last)
	}
}

// liveHeapMiB is the heap that was in use after a garbage collection that the
// server's own work has brought about.
func (s *server) liveHeapMiB(t testing.TB) float64 {
	t.Helper()
	const collections = 3 // what is in pools survives two
	first := s.metric(t, "go_gc_duration_seconds_count")
	waitFor(t, 150*time.Second, "garbage collections", func() error { // one comes every two minutes at least
		for range 20 { // requests are work, too
			if s.metric(t, "go_gc_duration_seconds_count") >= first+collections {
				return nil
			}
		}
		return errNotYet
	})
	return s.metric(t, "go_memstats_next_gc_bytes") / 2 / (1 << 20) // it is due when the heap has doubled
}

// waitEmpty waits until the server has forgotten all viewers.
func (s *server) waitEmpty(t testing.TB, within time.Duration) {
	t.Helper()
	waitFor(t, within, "all sessions to be gone", func() error {
		if sessions, viewers := s.metric(t, "porthole_sessions"), s.metric(t, "porthole_viewers"); sessions+viewers > 0 {
			return fmt.Errorf("%v sessions and %v viewers are left", sessions, viewers)
		}
		return nil
	})
}

// churn lets viewers come and go, some at a time, and returns how many there were.
func (s *server) churn(t testing.TB, duration time.Duration, lives []life) int64 {
	t.Helper()
	const workers, aSecond = 3, 15
	begin := time.NewTicker(time.Second / aSecond)
	defer begin.Stop()
	end := time.After(duration)
	over := make(chan struct{})
	var came atomic.Int64
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-begin.C:
				}
				n := came.Add(1)
				if err := lives[int(n)%len(lives)](s); err != nil {
					t.Errorf("viewer %d: %v", n, err)
					return
				}
			}
		})
	}
	<-end
	close(over)
	working.Wait()
	return came.Load()
}

// life is all that one viewer does.
type life func(*server) error

// politeLives end with a word to the server.
var politeLives = []life{
	func(s *server) error { // over HTTP
		return watchAndLeave(s, func(v *viewer) error { return v.delete() })
	},
	func(s *server) error { // over DTLS
		return watchAndLeave(s, func(*viewer) error { return nil })
	},
	func(s *server) error { // before it is connected
		v, err := newViewer(s)
		if err != nil {
			return err
		}
		defer v.close()
		if err := v.signal("/whep/webcam"); err != nil {
			return err
		}
		return v.delete()
	},
}

// rudeLives end without.
var rudeLives = []life{
	func(s *server) error {
		return watchAndLeave(s, func(v *viewer) error {
			v.vanish()
			return nil
		})
	},
	func(s *server) error { // takes the answer and is never heard of again
		v, err := newViewer(s)
		if err != nil {
			return err
		}
		defer v.close()
		offer, err := v.offer()
		if err != nil {
			return err
		}
		_, err = v.post("/whep/webcam", offer)
		return err
	},
}

// watchAndLeave is the life of a viewer that stays until it has a keyframe.
func watchAndLeave(s *server, leave func(*viewer) error) error {
	v, err := newViewer(s)
	if err != nil {
		return err
	}
	defer v.close()
	if err := v.signal("/whep/webcam"); err != nil {
		return err
	}
	select {
	case <-v.video.keyframe:
	case <-time.After(20 * time.Second):
		return errors.New("waited 20s for a keyframe")
	}
	return leave(v)
}
