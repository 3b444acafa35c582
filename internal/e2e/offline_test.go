//go:build e2e

package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestPageWaitsForThePublisher opens the page of a stream that nobody sends
// yet. It must say so, and play by itself when somebody does.
func TestPageWaitsForThePublisher(t *testing.T) {
	frames := encodeTestVideo(t)
	s := startServer(t, "--source", patternSource)

	viewer, err := newViewer(s)
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.close()
	offer, err := viewer.offer()
	if err != nil {
		t.Fatal(err)
	}
	r := s.call(t, http.MethodPost, "/whep/later", offer, "Content-Type", "application/sdp")
	if r.status != http.StatusConflict || r.header.Get("Retry-After") == "" {
		t.Errorf("a WHEP offer before anybody publishes: status %d, Retry-After %q, want 409 and a time",
			r.status, r.header.Get("Retry-After"))
	}

	p := openTab(t, startChromium(t), s.url+"/watch/later")
	p.waitTrue(10*time.Second, "the page to say something", "document.body.innerText.trim().length > 0")
	p.screenshot("waiting")
	publish(t, s, "later", frames)
	p.waitPlaying(20 * time.Second)
	p.do("observe", "__probe.observe(false)")
	p.collect(30)
	p.screenshot("playing")
}

// TestViewersStayWhenThePublisherComesBack ends a publisher in several ways and
// brings another within the grace time: the viewer's connection carries on, with
// pictures that decode and numbers without a gap.
func TestViewersStayWhenThePublisherComesBack(t *testing.T) {
	t.Parallel()
	frames := encodeTestVideo(t)
	s := startServer(t, "--source", patternSource)

	sender := publish(t, s, "cam", frames)
	s.waitLive(t, "cam", true, 5*time.Second)
	v := watch(t, s, "cam")
	v.video.startRecording()
	v.waitPlaying(t)

	ways := []struct {
		name string
		end  func(*publisher) error
	}{
		{"DELETE", func(p *publisher) error { return p.delete() }},
		{"a closed peer connection", func(p *publisher) error { return p.close() }},
		{"a crash", func(p *publisher) error { p.vanish(); return nil }},
	}
	for _, way := range ways {
		if err := way.end(sender); err != nil {
			t.Fatalf("end the publisher by %s: %v", way.name, err)
		}
		sender.stop()
		// Of a crash only the silence tells: the stream is stalled first, and free after 15 s.
		waitFor(t, 25*time.Second, "the publisher to be gone", func() error {
			if info := s.stream(t, "cam"); info.State != "waiting" {
				return fmt.Errorf("the API says %+v", info)
			}
			return nil
		})
		if n := s.stream(t, "cam").Viewers; n != 1 {
			t.Errorf("after %s the stream has %d viewers, want the one to stay", way.name, n)
		}
		sender = publish(t, s, "cam", frames)
		s.waitLive(t, "cam", true, 10*time.Second)
		v.waitFrames(t, 40)
	}

	select {
	case <-v.ended:
		t.Error("the viewer's connection ended")
	default:
	}
	if c := v.video.counts(); c.missing != 0 {
		t.Errorf("the viewer saw gaps between sequence numbers: %+v", c)
	}
	requireDecodable(t, v.video.recorded())
}

// requireDecodable checks that a decoder takes every picture without an error.
func requireDecodable(t testing.TB, pictures []picture) {
	t.Helper()
	var stream bytes.Buffer
	for _, p := range pictures {
		stream.Write(p.annexB)
	}
	sums := runFFmpeg(t, stream.Bytes(), "-xerror", "-err_detect", "explode",
		"-f", "h264", "-i", "-", "-vsync", "passthrough", "-f", "framecrc", "-")
	decoded := 0
	for line := range strings.Lines(string(sums)) {
		if !strings.HasPrefix(line, "#") {
			decoded++
		}
	}
	if decoded != len(pictures) {
		t.Errorf("%d of %d pictures decoded", decoded, len(pictures))
	}
}
