package signaling_test

import (
	"testing"
	"time"

	"porthole/internal/negotiate"
	"porthole/internal/signaling"
)

// While as many offers are read as can be at a time, others wait, and not for ever; one
// that cannot be read gives its turn and its place back.
func TestOffersAreReadInTurn(t *testing.T) {
	f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *signaling.TableConfig) {
		c.ConnectTimeout = 50 * time.Millisecond
	})
	release := f.table.HoldTurns()
	if r := f.post(); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || f.count() != 0 {
		t.Errorf("status %d, Retry-After %q, %d sessions were opened", r.StatusCode, r.Header.Get("Retry-After"), f.count())
	}
	release()
	for range 100 {
		if r := f.do("POST", "/whep/webcam", "v=0\r\n", "Content-Type", typeSDP); r.StatusCode != 400 {
			t.Fatalf("a malformed offer: status %d", r.StatusCode)
		}
	}
	if f.table.Len() != 0 {
		t.Errorf("%d places are taken", f.table.Len())
	}
	f.table.HoldTurns()() // all of them are there
}

// An answer to a counter-offer is read in turn like an offer. One that has to wait for too
// long may come again.
func TestAnswersAreReadInTurn(t *testing.T) {
	f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *signaling.TableConfig) {
		c.ConnectTimeout = 50 * time.Millisecond
	})
	f.make = func(s *fakeSession) signaling.Session { return answeringSession{s} }
	session := f.do("POST", f.prefix()+"/cam?counter-offer", "").Header.Get("Location")
	release := f.table.HoldTurns()
	if r := f.do("PATCH", session, "v=0", "Content-Type", typeSDP); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
	release()
	if r := f.do("PATCH", session, "v=0", "Content-Type", typeSDP); r.StatusCode != 204 {
		t.Errorf("again: status %d", r.StatusCode)
	}
}
