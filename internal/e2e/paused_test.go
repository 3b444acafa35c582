//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPublisherOutlivesAPauseOfTheServer stops the server for longer than a publisher may
// be silent, as a laptop does that sleeps: nobody was silent but the server itself.
func TestPublisherOutlivesAPauseOfTheServer(t *testing.T) {
	t.Parallel()
	const pause = 20 * time.Second // a publisher is given 15 s
	s := startServer(t)
	p := publish(t, s, "cam", encodeTestVideo(t))
	s.waitLive(t, "cam", true, 20*time.Second)
	v := watch(t, s, "cam")
	v.waitPlaying(t)

	s.pause(t, pause)
	v.video.reset()
	v.waitFrames(t, 150) // five seconds of pictures
	r := s.call(t, http.MethodGet, "/api/sessions/"+path.Base(p.resource), "")
	if r.status != http.StatusOK || strings.Contains(r.body, `"ended":`) {
		t.Errorf("the publisher's session: status %d: %s", r.status, r.body)
	}
	s.waitLive(t, "cam", true, 10*time.Second)
}

// pause stops the server's process for d.
func (s *server) pause(t *testing.T, d time.Duration) {
	t.Helper()
	if err := s.Cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(d) // the pause is the test
	if err := s.Cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// TestViewersOutliveAPauseOfTheServer stops the server while viewers wait for the
// publisher to come back, for longer than they may wait.
func TestViewersOutliveAPauseOfTheServer(t *testing.T) {
	t.Parallel()
	const grace = 8 * time.Second
	s := startServer(t, "--grace", grace.String())
	frames := encodeTestVideo(t)
	p := publish(t, s, "cam", frames)
	s.waitLive(t, "cam", true, 20*time.Second)
	v := watch(t, s, "cam")
	v.waitPlaying(t)
	if err := p.delete(); err != nil {
		t.Fatal(err)
	}
	p.stop()
	s.waitLive(t, "cam", false, 10*time.Second)

	s.pause(t, grace+2*time.Second)
	publish(t, s, "cam", frames)
	v.video.reset()
	v.waitFrames(t, 60)
	select {
	case <-v.ended:
		t.Error("the viewer's connection ended")
	default:
	}
}

// TestKilledPublisherIsStalledAtOnce has a publisher vanish without a goodbye.
func TestKilledPublisherIsStalledAtOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := publish(t, s, "cam", encodeTestVideo(t))
	s.waitLive(t, "cam", true, 20*time.Second)
	p.vanish()
	gone := time.Now()
	waitFor(t, 10*time.Second, "the stream to be stalled", func() error {
		if info := s.stream(t, "cam"); info.State != "stalled" || info.Live || info.SourceState != "the publisher has stopped sending" {
			return fmt.Errorf("the API says %+v", info)
		}
		return nil
	})
	t.Logf("stalled %v after the last packet", time.Since(gone).Round(10*time.Millisecond))
	waitFor(t, 25*time.Second, "the publisher's session to end", func() error {
		if state := s.stream(t, "cam").State; state != "" {
			return fmt.Errorf("the stream is still there, %s", state)
		}
		return nil
	})
	t.Logf("ended %v after the last packet", time.Since(gone).Round(100*time.Millisecond))
}
