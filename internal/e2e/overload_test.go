//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOverloadRefusesNewcomersOnly has a server that counts as overloaded as soon as
// anybody watches. The second viewer is told to come again, the first one is served
// as before, and when it has left the server takes viewers again.
func TestOverloadRefusesNewcomersOnly(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource, "--max-lateness", "1us")
	s.waitLive(t, "webcam", true, 20*time.Second)
	first := watchAndPlay(t, s)
	waitFor(t, 15*time.Second, "the overload to be noticed", func() error {
		if s.metric(t, "porthole_overloaded") != 1 {
			return errNotYet
		}
		return nil
	})
	first.video.reset()
	watch := startStopwatch()
	for range 3 {
		requireRefused(t, s, "pictures are sent")
		first.waitFrames(t, 15)
	}
	if c := first.video.counts(); c.missing != 0 || c.pause > time.Second+watch.gone() {
		t.Errorf("the viewer who was there: %+v", c)
	}
	if r := s.call(t, http.MethodGet, "/healthz", ""); r.status != http.StatusOK || !strings.Contains(r.body, `"overload":"pictures are sent`) {
		t.Errorf("health: status %d: %s", r.status, r.body)
	}
	if n := s.metric(t, "porthole_overload_refusals_total"); n < 3 {
		t.Errorf("%v refusals are counted", n)
	}
	if err := first.delete(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, 15*time.Second, "the overload to be over", func() error {
		if s.metric(t, "porthole_overloaded") != 0 {
			return errNotYet
		}
		return nil
	})
	watchAndPlay(t, s)
}

// requireRefused offers to watch and checks that there is no room, and why.
func requireRefused(t testing.TB, s *server, why string) {
	t.Helper()
	v, err := newViewer(s)
	if err != nil {
		t.Fatal(err)
	}
	defer v.close()
	offer, err := v.offer()
	if err != nil {
		t.Fatal(err)
	}
	r := s.call(t, http.MethodPost, "/whep/webcam", offer, "Content-Type", "application/sdp")
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || !strings.Contains(r.body, why) {
		t.Errorf("status %d, Retry-After %q: %s; want 503 because %s", r.status, r.header.Get("Retry-After"), r.body, why)
	}
}

// TestNoFilesLeft takes all the connections that a server with few file descriptors
// can have, over HTTP and over the media port. Whoever comes then is told to come
// again, or closed; the viewer who is there sees nothing of it; and afterwards all is well.
func TestNoFilesLeft(t *testing.T) {
	t.Parallel()
	const hard = 200 // of which 80 are not for connections
	script := filepath.Join(t.TempDir(), "few-files")
	text := fmt.Sprintf("#!/bin/sh\nulimit -Sn 100\nulimit -Hn %d\nexec %s \"$@\"\n", hard, binary)
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	s := startProgram(t, script, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", s.Cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if f := strings.Fields(line); strings.HasPrefix(line, "Max open files") && f[3] != fmt.Sprint(hard) && f[3] != fmt.Sprint(hard-1) { // Go stays one below
			t.Errorf("it may have %s files open, want the hard limit of %d", f[3], hard)
		}
	}
	v := watchAndPlay(t, s)
	v.video.reset()
	watch := startStopwatch()

	for _, address := range []string{strings.TrimPrefix(s.url, "http://"), s.media.String()} {
		var held []net.Conn
		for range 2 * hard {
			c, err := net.DialTimeout("tcp", address, 5*time.Second)
			if err != nil {
				t.Fatalf("connect to %s: %v", address, err)
			}
			held = append(held, c)
		}
		waitFor(t, 10*time.Second, "no room", func() error {
			resp, err := httpClient.Get(s.url + "/healthz")
			if err != nil {
				return nil // closed at once
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
				return fmt.Errorf("status %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
			}
			return nil
		})
		if n := s.openFiles(t); n >= hard {
			t.Errorf("%d files are open", n)
		}
		v.waitFrames(t, 15)
		for _, c := range held {
			c.Close()
		}
		waitFor(t, 20*time.Second, "room again", func() error {
			resp, err := httpClient.Get(s.url + "/healthz")
			if err != nil {
				return err
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("status %d", resp.StatusCode)
			}
			return nil
		})
	}
	if c := v.video.counts(); c.missing != 0 || c.pause > time.Second+watch.gone() {
		t.Errorf("the viewer who was there: %+v", c)
	}
	if strings.Contains(s.Log(), "too many open files") {
		t.Error("the process ran out of files")
	}
	if s.metric(t, "porthole_connections_refused_total") == 0 {
		t.Error("nothing is counted as refused")
	}
}
