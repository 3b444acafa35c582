package signaling_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"porthole/internal/negotiate"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// While as many offers are read as can be at a time, others wait, and not for ever; one
// that cannot be read gives its turn and its place back.
func TestOffersAreReadInTurn(t *testing.T) {
	f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *sessions.Config) {
		c.ConnectTimeout = 50 * time.Millisecond
	})
	release := holdTurns(t, f.table)
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
	holdTurns(t, f.table)() // all of them are there
}

// An answer to a counter-offer is read in turn like an offer. One that has to wait for too
// long may come again.
func TestAnswersAreReadInTurn(t *testing.T) {
	f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *sessions.Config) {
		c.ConnectTimeout = 50 * time.Millisecond
	})
	f.make = func(s *fakeSession) signaling.Session { return answeringSession{s} }
	session := f.do("POST", f.prefix()+"/cam?counter-offer", "").Header.Get("Location")
	release := holdTurns(t, f.table)
	if r := f.do("PATCH", session, "v=0", "Content-Type", typeSDP); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
	release()
	if r := f.do("PATCH", session, "v=0", "Content-Type", typeSDP); r.StatusCode != 204 {
		t.Errorf("again: status %d", r.StatusCode)
	}
}

// holdTurns takes all turns to read descriptions, half of the processors' number, until
// release is called.
func holdTurns(t *testing.T, table *sessions.Table) (release func()) {
	t.Helper()
	over := make(chan struct{})
	var holders sync.WaitGroup
	for range max(1, runtime.GOMAXPROCS(0)/2) {
		taken := make(chan struct{})
		holders.Go(func() {
			err := table.InTurn(t.Context(), func() error { close(taken); <-over; return nil })
			if err != nil {
				t.Errorf("hold a turn: %v", err)
			}
		})
		<-taken
	}
	return func() { close(over); holders.Wait() }
}
