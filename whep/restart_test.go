package whep_test

import (
	"strings"
	"testing"

	"porthole/internal/servertest"
)

// ICE-05, ICE-06: a viewer changes its network while media flows, and goes on with
// the same session, keys and sequence numbers.
func TestRestart(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	src := publish(t, s, vp8)
	c := servertest.NewViewer(t, vp8)
	r := s.Post("/whep/cam", c.Offer())
	session, etag := c.Accept(r), r.Header.Get("ETag")
	servertest.Wait(t, "the viewer's connection", c.Connected)
	stop := servertest.Steadily(t, func(uint16) { src.send(t) })
	tape := c.Record()
	steady := func() {
		t.Helper()
		if holes, missing := tape.Holes(t, tape.Len(), 50); holes > 0 {
			t.Errorf("%d holes of %d packets while nothing changed", holes, missing)
		}
	}
	steady()
	for range 2 { // again: what one restart leaves behind must do for the next
		before := tape.Len()
		fragment := c.RestartICE(s, session)
		holes, missing := tape.Holes(t, before, 50)
		t.Logf("the switch cost %d packets", missing)
		if holes > 1 {
			t.Errorf("the switch has %d holes of %d packets", holes, missing)
		}
		steady()
		etag = checkRestart(t, s, c, session, etag, fragment)
	}
	stop()
	if r := s.Do("DELETE", session, ""); r.Status != 200 {
		t.Errorf("DELETE: status %d", r.Status)
	}
	servertest.Wait(t, "the goodbye", c.Ended) // DTLS has the new path, too
}

// checkRestart checks the answer to a restart and what it did to the tags; it
// returns the new one.
func checkRestart(
	t *testing.T, s *servertest.Server, c *servertest.Client, session, old string, r servertest.Reply,
) (tag string) {
	t.Helper()
	for _, line := range []string{"a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates\r\n"} {
		if !strings.Contains(r.Body, line) {
			t.Errorf("the fragment lacks %s: %q", line, r.Body)
		}
	}
	if tag = r.Header.Get("ETag"); tag == "" || tag == old {
		t.Errorf("ETag %q after %q", tag, old)
	}
	trickle := servertest.FragmentOf(c.LocalDescription().SDP)
	for _, tt := range []struct {
		tag  string
		want int
	}{{old, 412}, {tag, 204}} {
		r := s.Do("PATCH", session, trickle, "Content-Type", "application/trickle-ice-sdpfrag", "If-Match", tt.tag)
		if r.Status != tt.want {
			t.Errorf("trickle with tag %q: status %d, want %d", tt.tag, r.Status, tt.want)
		}
	}
	return tag
}
