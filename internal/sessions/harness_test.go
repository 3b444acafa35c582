package sessions_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"porthole/internal/sessioninfo"
	"porthole/internal/sessions"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errTimeout = errors.New("no ICE connection in time")

// fakeSession is a session without a connection.
type fakeSession struct {
	serve  func(ctx context.Context) error
	closed func(reason error) // nil: nobody wants to know
	info   sessioninfo.Connection
}

func (s *fakeSession) Serve(ctx context.Context) error { return s.serve(ctx) }

func (s *fakeSession) Close(reason error) {
	if s.closed != nil {
		s.closed(reason)
	}
}

func (s *fakeSession) Detail() sessioninfo.Detail {
	return sessioninfo.Detail{State: s.info.State, Peer: s.info}
}

func (s *fakeSession) Summary() []slog.Attr { return []slog.Attr{slog.Uint64("packets", 7)} }

// untilEnd serves until the table ends it.
func untilEnd(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// deadSession ends at once, as if ICE had found no path after some time.
func deadSession() *fakeSession {
	return &fakeSession{serve: func(context.Context) error { return errTimeout }, info: sessioninfo.Connection{
		Role: "viewer", State: sessioninfo.StateClosed, End: "ice_timeout", Reason: errTimeout.Error(),
		Answered: time.Now().Add(-15 * time.Second), Timeline: []sessioninfo.Event{{At: time.Now(), Event: "closed"}},
		Local: []sessioninfo.Candidate{{Type: "host", Protocol: "udp", Address: "192.168.1.5:8081"}},
	}}
}

// start makes s a session of the table, and returns its id.
func start(t *testing.T, table *sessions.Table, s sessions.Session) string {
	t.Helper()
	if err := table.Reserve(); err != nil {
		t.Fatal(err)
	}
	e, err := table.Start(sessions.Opened{ID: sessions.NewID(), Protocol: sessions.WHEP, Stream: "cam", Session: s})
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}
