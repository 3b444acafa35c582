package signaling_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"porthole/internal/negotiate"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// lockedLog may be written and read by any goroutine.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// fragileSession panics when it is given candidates.
type fragileSession struct{ *fakeSession }

func (fragileSession) Trickle(*negotiate.Fragment) error { panic("a candidate too many") }

// A panic while a request on a session is handled ends that session, with its stack
// in the log, and no other one.
func TestRequestThatPanicsEndsItsSession(t *testing.T) {
	var log lockedLog
	var panics atomic.Int32
	f := newFixture(t, negotiate.Watch, func(_ *signaling.Config, c *sessions.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		c.OnPanic = func() { panics.Add(1) }
	})
	f.created()
	other := f.last()
	f.make = func(s *fakeSession) signaling.Session { return fragileSession{s} }
	path, etag := f.created()
	fragile := f.last()
	if r := f.do("PATCH", path, f.fragment(), "Content-Type", typeFragment, "If-Match", etag); r.StatusCode != 500 {
		t.Errorf("status %d", r.StatusCode)
	}
	<-fragile.closed
	if err := fragile.endReason(); !errors.Is(err, sessions.ErrPanic) {
		t.Errorf("it ended with %v", err)
	}
	waitFor(t, "its place to be free", func() bool { return f.table.Len() == 1 })
	if other.endReason() != nil {
		t.Errorf("another session ended: %v", other.endReason())
	}
	if panics.Load() != 1 || !strings.Contains(log.String(), "a candidate too many") || !strings.Contains(log.String(), "panic_test.go") ||
		!strings.Contains(log.String(), "session="+path[strings.LastIndex(path, "/")+1:]) {
		t.Errorf("%d panics counted; the log: %s", panics.Load(), log.String())
	}
	if r := f.do("PATCH", path, f.fragment(), "Content-Type", typeFragment, "If-Match", etag); r.StatusCode != 404 {
		t.Errorf("afterwards: status %d", r.StatusCode)
	}
}

// A viewer can be refused because of the load; a publisher, whose viewers are there
// already, is not.
func TestOverloadRefusesViewers(t *testing.T) {
	for role, want := range map[negotiate.Role]int{negotiate.Watch: 503, negotiate.Publish: 201} {
		refusing := true
		f := newFixture(t, role, func(c *signaling.Config, _ *sessions.Config) {
			c.Admit = func() error {
				if refusing {
					return errors.New("pictures are late")
				}
				return nil
			}
		})
		r := f.post()
		if r.StatusCode != want {
			t.Errorf("role %v: status %d, want %d", role, r.StatusCode, want)
		}
		if want == 503 {
			if r.Header.Get("Retry-After") == "" || !strings.Contains(r.problem(t).Detail, "pictures are late") {
				t.Errorf("Retry-After %q, %s", r.Header.Get("Retry-After"), r.body)
			}
			if f.count() != 0 || f.table.Len() != 0 {
				t.Errorf("%d offers were looked at, %d places are taken", f.count(), f.table.Len())
			}
			refusing = false
			if r := f.post(); r.StatusCode != 201 {
				t.Errorf("when there is room again: status %d", r.StatusCode)
			}
		}
	}
}

// A server that drains takes nobody in, lets the sessions that there are go on, and
// says when they have left.
func TestDrainingTable(t *testing.T) {
	f := newFixture(t, negotiate.Watch, nil)
	path, etag := f.created()
	f.table.Drain()
	f.table.Drain()
	r := f.post()
	if r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" {
		t.Errorf("an offer: status %d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
	if r := f.do("PATCH", path, f.fragment(), "Content-Type", typeFragment, "If-Match", etag); r.StatusCode != 204 {
		t.Errorf("candidates of a session that goes on: status %d", r.StatusCode)
	}
	select {
	case <-f.table.Idle():
		t.Error("idle with a session")
	default:
	}
	if r := f.do("DELETE", path, ""); r.StatusCode != 200 {
		t.Errorf("DELETE: status %d", r.StatusCode)
	}
	<-f.table.Idle()
}
