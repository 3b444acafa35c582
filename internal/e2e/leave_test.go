//go:build e2e

package e2e_test

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// TestLeavingViewersDisturbNobody ends viewers in every way that they end in,
// while one viewer watches on, and then looks for what they left behind.
func TestLeavingViewersDisturbNobody(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	warm := watchAndPlay(t, s)
	if err := warm.delete(); err != nil {
		t.Fatalf("DELETE: %v", err)
	}
	s.waitViewers(t, "webcam", 0, 5*time.Second)
	// Whatever starts with the first viewer has started; the rest is what must be left at the end.
	waitFor(t, 10*time.Second, "the server to come to rest", func() error {
		before := s.goroutineBaseline(t)
		if after := s.goroutineBaseline(t); after != before {
			return fmt.Errorf("%d goroutines, then %d", before, after)
		}
		return nil
	})
	baseline := s.goroutineBaseline(t)

	control := watchAndPlay(t, s)
	withControl := s.goroutineBaseline(t)
	control.video.reset()
	watch := startStopwatch()
	var resources []string
	var left []time.Time
	for _, way := range waysToLeave {
		resources, left = append(resources, way.leave(t, s)), append(left, time.Now())
		control.waitFrames(t, 10)
		if c := control.video.counts(); c.missing != 0 || c.pause > time.Second+watch.gone() {
			t.Errorf("a viewer that %s disturbed another: %+v", way.name, c)
		}
		control.video.reset()
		watch = startStopwatch()
	}

	for i, way := range waysToLeave {
		within := max(time.Until(left[i].Add(way.freed)), time.Second)
		waitFor(t, within, fmt.Sprintf("the session of the viewer that %s to be gone %v after that", way.name, way.freed), func() error {
			if r := s.call(t, http.MethodGet, "/api/sessions/"+path.Base(resources[i]), ""); r.status != http.StatusOK || !strings.Contains(r.body, `"ended":`) {
				return fmt.Errorf("GET /api/sessions/…, which remembers the ended ones: status %d: %s", r.status, r.body)
			}
			return nil
		})
	}
	s.waitViewers(t, "webcam", 1, 5*time.Second)
	s.waitGoroutines(t, withControl, 10*time.Second)
	if c := control.video.counts(); c.missing != 0 || c.pause > time.Second+watch.gone() {
		t.Errorf("giving up the others disturbed the viewer that stayed: %+v", c)
	}
	if err := control.close(); err != nil {
		t.Errorf("close: %v", err)
	}
	s.waitViewers(t, "webcam", 0, 10*time.Second)
	s.waitGoroutines(t, baseline, 10*time.Second)
}

// waysToLeave are the ends that viewers come to, those that are noticed soonest first.
var waysToLeave = []struct {
	name  string
	freed time.Duration // within which the server must have let go of it
	leave func(testing.TB, *server) (resource string)
}{
	{"ends its session with DELETE", 2 * time.Second, func(t testing.TB, s *server) string {
		v := watchAndPlay(t, s)
		if err := v.delete(); err != nil {
			t.Errorf("DELETE: %v", err)
		}
		receive(t, 5*time.Second, "the server's goodbye after DELETE", v.ended)
		return v.resource
	}},
	{"closes its peer connection", 2 * time.Second, func(t testing.TB, s *server) string {
		v := watchAndPlay(t, s)
		if err := v.close(); err != nil {
			t.Errorf("close: %v", err)
		}
		return v.resource
	}},
	{"posts an offer and is never heard of again", 18 * time.Second, func(t testing.TB, s *server) string {
		v, err := newViewer(s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.close() })
		offer, err := v.offer()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.post("/whep/webcam", offer); err != nil {
			t.Fatal(err)
		}
		return v.resource
	}},
	{"connects by ICE and never finishes DTLS", 18 * time.Second, func(t testing.TB, s *server) string {
		v, err := newViewer(s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.close() })
		v.conn.noDTLS.Store(true)
		if err := v.signal("/whep/webcam"); err != nil {
			t.Fatal(err)
		}
		waitFor(t, 10*time.Second, "ICE to be connected", func() error {
			if state := v.pc.ICEConnectionState(); state != webrtc.ICEConnectionStateConnected {
				return fmt.Errorf("it is %v", state)
			}
			return nil
		})
		return v.resource
	}},
	{"loses its socket without a goodbye", deafFreed, func(t testing.TB, s *server) string {
		v := watchAndPlay(t, s)
		v.vanish()
		return v.resource
	}},
	// These two go on with their own checks, but answer none of ours.
	{"stops reading", deafFreed, func(t testing.TB, s *server) string {
		v := watchAndPlay(t, s)
		v.conn.deaf.Store(true)
		return v.resource
	}},
	{"stops reading from TCP", deafFreed, func(t testing.TB, s *server) string {
		v, stall := newTCPViewer(t, s)
		if err := v.signal("/whep/webcam"); err != nil {
			t.Fatal(err)
		}
		v.waitPlaying(t)
		stall()
		return v.resource
	}},
}

// deafFreed is the half minute of RFC 7675, and what a busy machine adds.
const deafFreed = 32 * time.Second

func watchAndPlay(t testing.TB, s *server) *viewer {
	t.Helper()
	v := watch(t, s, "webcam")
	v.waitPlaying(t)
	return v
}
