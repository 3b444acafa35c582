package signaling_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// WHIP-10, ICE-16: a session that ends by itself is gone.
func TestSessionThatEnds(t *testing.T) {
	f := newFixture(t, negotiate.Watch, nil)
	path, _ := f.created()
	f.last().Close(peer.ErrICETimeout)
	waitFor(t, "404", func() bool { return f.do("GET", path, "").StatusCode == 404 })
	waitFor(t, "the place", func() bool { return f.table.Len() == 0 })
}

// A panic ends the session that it happened in, and no other.
func TestSessionThatPanics(t *testing.T) {
	var lines lockedLog // the server may still write to it
	f := newFixture(t, negotiate.Watch, func(_ *signaling.Config, c *sessions.Config) {
		c.Log = slog.New(slog.NewTextHandler(&lines, nil))
	})
	other, _ := f.created()
	panicking := make(chan struct{})
	f.setup = func(s *fakeSession) { s.serve = func() error { <-panicking; panic("boom") } }
	path, _ := f.created()
	close(panicking)
	waitFor(t, "404", func() bool { return f.do("GET", path, "").StatusCode == 404 })
	waitFor(t, "the place", func() bool { return f.table.Len() == 1 })
	if !errors.Is(f.last().endReason(), sessions.ErrPanic) || !strings.Contains(lines.String(), "boom") {
		t.Errorf("reason %v, log:\n%s", f.last().endReason(), lines.String())
	}
	if r := f.do("GET", other, ""); r.StatusCode != 200 {
		t.Errorf("the other session: status %d", r.StatusCode)
	}
}

func TestTableClose(t *testing.T) {
	f := newFixture(t, negotiate.Watch, nil)
	f.created()
	first := f.last()
	f.created()
	for range 2 { // twice is harmless
		if err := f.table.Close(t.Context()); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	if f.table.Len() != 0 || !errors.Is(first.endReason(), sessions.ErrStopping) {
		t.Errorf("%d sessions, reason %v", f.table.Len(), first.endReason())
	}
	if r := f.post(); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("an offer afterwards: status %d", r.StatusCode)
	}
}

// An offer that is being answered when the table closes becomes no session.
func TestTableClosesDuringAnswer(t *testing.T) {
	f := newFixture(t, negotiate.Watch, nil)
	f.setup = func(s *fakeSession) {
		s.onConnect = func(context.Context) {
			if err := f.table.Close(t.Context()); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
	}
	if r := f.post(); r.StatusCode != 503 {
		t.Errorf("status %d", r.StatusCode)
	}
	<-f.last().closed
}

// Close does not wait longer than it is told to.
func TestTableCloseGivesUp(t *testing.T) {
	f := newFixture(t, negotiate.Watch, nil)
	release := make(chan struct{})
	f.setup = func(s *fakeSession) { s.serve = func() error { <-release; return peer.ErrClosed } }
	f.created()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := f.table.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close = %v", err)
	}
	close(release)
	if err := f.table.Close(t.Context()); err != nil {
		t.Errorf("Close afterwards = %v", err)
	}
}
