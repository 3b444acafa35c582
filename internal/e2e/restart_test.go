//go:build e2e

package e2e_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDrainLetsViewersLeave stops a server that lets its viewers go by themselves:
// nobody new comes in, players are told to connect again, a viewer who stays is
// served to the end, and the process ends when the last one has left.
func TestDrainLetsViewersLeave(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource, "--drain", "40s")
	s.waitLive(t, "webcam", true, 20*time.Second)
	v := watchAndPlay(t, s)
	reconnect := listenForReconnect(t, s, v)

	s.ending = true
	if err := s.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	receive(t, 5*time.Second, "the reconnect event", reconnect)
	newcomer, err := newViewer(s)
	if err != nil {
		t.Fatal(err)
	}
	defer newcomer.close()
	offer, err := newcomer.offer()
	if err != nil {
		t.Fatal(err)
	}
	r := s.call(t, http.MethodPost, "/whep/webcam", offer, "Content-Type", "application/sdp")
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Errorf("a newcomer: status %d, Retry-After %q, want 503 and a time", r.status, r.header.Get("Retry-After"))
	}
	if r := s.call(t, http.MethodGet, "/healthz", ""); r.status != http.StatusServiceUnavailable || !strings.Contains(r.body, "stopping") {
		t.Errorf("health: status %d: %s", r.status, r.body)
	}
	v.video.reset()
	v.waitFrames(t, 60)
	if c := v.video.counts(); c.missing != 0 {
		t.Errorf("the viewer who stays: %+v", c)
	}
	if err := v.delete(); err != nil {
		t.Fatal(err)
	}
	receive(t, 10*time.Second, "the process to end when the last viewer has left", s.Exited)
	if code := s.Cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// listenForReconnect reads the events of a viewer's session; the channel is closed
// by the one that asks the player to connect again.
func listenForReconnect(t testing.TB, s *server, v *viewer) <-chan struct{} {
	t.Helper()
	r := s.call(t, http.MethodPost, v.resource+"/events", `["reconnect"]`, "Content-Type", "application/json")
	if r.status != http.StatusCreated {
		t.Fatalf("POST events: status %d: %s", r.status, r.body)
	}
	feed := r.header.Get("Location")
	if strings.HasPrefix(feed, "/") {
		feed = s.url + feed
	}
	resp, err := (&http.Client{}).Get(feed) //nolint:bodyclose // by the cleanup; without a deadline: it lasts
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if lines.Text() == "event: reconnect" {
				close(asked)
				return
			}
		}
	}()
	t.Cleanup(func() {
		resp.Body.Close()
		<-read
	})
	return asked
}

// TestDrainHasAnEnd stops a server whose viewer does not leave, once patiently and
// once with a second signal.
func TestDrainHasAnEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		drain   time.Duration
		signals []syscall.Signal
		code    int
		within  time.Duration
	}{
		{"the time is over", 3 * time.Second, []syscall.Signal{syscall.SIGTERM}, 0, 12 * time.Second},
		{"a second signal", time.Minute, []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, 128 + int(syscall.SIGTERM), 10 * time.Second},
		{"Ctrl-C twice", time.Minute, []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, 128 + int(syscall.SIGINT), 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, "--source", patternSource, "--drain", tt.drain.String())
			s.waitLive(t, "webcam", true, 20*time.Second)
			v := watchAndPlay(t, s)
			s.ending = true
			if err := s.Cmd.Process.Signal(tt.signals[0]); err != nil {
				t.Fatal(err)
			}
			waitFor(t, 5*time.Second, "it to drain", func() error {
				if !strings.Contains(s.Log(), `"msg":"draining`) {
					return errNotYet
				}
				return nil
			})
			v.waitFrames(t, 15)
			began := time.Now()
			code := s.end(tt.within, tt.signals[1:]...)
			if code != tt.code {
				t.Errorf("it ended with %d, want %d", code, tt.code)
			}
			if took := time.Since(began); len(tt.signals) == 1 && took < tt.drain/2 {
				t.Errorf("it ended after %v, want %v for the viewer", took, tt.drain)
			}
			if len(tt.signals) == 1 {
				receive(t, 5*time.Second, "the server's goodbye", v.ended)
			}
		})
	}
}

// TestPageIsBackAfterARestart opens a page, ends the server, politely and not, and
// starts another one in its place: the ports are free, and the page plays again by
// itself within two seconds of the new server's being there.
func TestPageIsBackAfterARestart(t *testing.T) {
	const most = 2 * time.Second // and what a busy machine takes to connect and decode
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	page := openTab(t, startChromium(t), s.url+"/watch/webcam")
	page.tolerate("ERR_CONNECTION_REFUSED", "status of 503", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE_CHUNKED_ENCODING")
	page.waitPlaying(20 * time.Second)

	for _, tt := range []struct {
		name   string
		signal syscall.Signal
		down   time.Duration // how long nobody is there
	}{
		{"SIGTERM", syscall.SIGTERM, 3 * time.Second},
		{"SIGKILL", syscall.SIGKILL, 3 * time.Second},
	} {
		http, media := strings.TrimPrefix(s.url, "http://"), s.media.String()
		s.end(15*time.Second, tt.signal)
		waitFor(t, 30*time.Second, "the page to notice", func() error {
			if state := eval[string](page, "read the state", playerState); state != "reconnecting" {
				return fmt.Errorf("it is %s", state)
			}
			return nil
		})
		waitFor(t, 2*tt.down, "a while without a server", after(tt.down))
		s = startServer(t, "--source", patternSource, "--http", http, "--media", media)
		s.waitLive(t, "webcam", true, 20*time.Second)
		began := time.Now()
		// Three seconds are for the connection and the first pictures under the race detector.
		page.waitTrue(most+3*time.Second, "the page to play again", playerState+` === "playing"`)
		t.Logf("%s: the page played %v after the new server's stream was live", tt.name, time.Since(began).Round(10*time.Millisecond))
	}
}

// playerState is what the page's player does.
const playerState = `document.querySelector("whep-video").state.name`

// TestPageFollowsAnotherCodec changes the publisher of a stream for one with another
// codec, which the page's session did not agree to: the server says so, the session
// ends, and the page is back with a new one within a second or so.
func TestPageFollowsAnotherCodec(t *testing.T) {
	frames := encodeTestVideo(t)
	s := startServer(t, "--source", patternSource)
	first := publish(t, s, "cam", frames)
	s.waitLive(t, "cam", true, 10*time.Second)
	browser := startChromium(t)
	page := openTab(t, browser, s.url+"/watch/cam")
	page.tolerate("status of 404") // the page ends a session that the server has ended a moment before
	page.waitPlaying(20 * time.Second)
	page.waitTrue(10*time.Second, "the first publisher's picture", "__probe.video().videoWidth === 320")
	if err := first.delete(); err != nil {
		t.Fatal(err)
	}
	first.stop()
	s.waitLive(t, "cam", false, 10*time.Second)

	second := openTab(t, browser, s.url+"/")
	second.do("publish", fmt.Sprintf("(%s)(%q, %q)", publishScript, s.url+"/whip/cam", "video/VP8"))
	s.waitLive(t, "cam", true, 15*time.Second)
	began := time.Now()
	// A second for the page, and what two browsers take on a busy machine.
	page.waitTrue(4*time.Second, "the second publisher's picture", "__probe.video().videoWidth > 320")
	t.Logf("the page showed the new codec %v after the stream was live", time.Since(began).Round(10*time.Millisecond))
	requireTrack(t, s.stream(t, "cam"), "video", "VP8")
	s.waitViewers(t, "cam", 1, 10*time.Second)
	if !strings.Contains(s.Log(), "the new publisher sends a codec that this viewer did not agree to") {
		t.Error("the log does not say why the viewer's first session ended")
	}
}
