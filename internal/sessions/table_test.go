package sessions_test

import (
	"context"
	"errors"
	"testing"

	"porthole/internal/events"
	"porthole/internal/sessions"
)

// A session is found by all that names it, until somebody takes it or it ends.
func TestSessionIsFoundWhileItLives(t *testing.T) {
	table := sessions.New(sessions.Config{})
	release := make(chan struct{})
	id := start(t, table, &fakeSession{serve: func(context.Context) error { <-release; return errTimeout }})
	e, err := table.Find(sessions.WHEP, "cam", id)
	if err != nil || e.ID != id || e.Since.IsZero() {
		t.Fatalf("%+v, %v", e, err)
	}
	for name, find := range map[string]func() (*sessions.Entry, error){
		"another protocol": func() (*sessions.Entry, error) { return table.Find(sessions.WHIP, "cam", id) },
		"another stream":   func() (*sessions.Entry, error) { return table.Find(sessions.WHEP, "other", id) },
		"another id":       func() (*sessions.Entry, error) { return table.Find(sessions.WHEP, "cam", "x") },
	} {
		if _, err := find(); !errors.Is(err, sessions.ErrNoSession) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if taken, err := table.Take(sessions.WHEP, "cam", id); taken != e || err != nil {
		t.Errorf("%v, %v", taken, err)
	}
	if _, err := table.Find(sessions.WHEP, "cam", id); !errors.Is(err, sessions.ErrNoSession) {
		t.Errorf("after Take: %v", err)
	}
	close(release)
	<-e.Done()
	if !errors.Is(e.Reason(), errTimeout) || table.Len() != 0 {
		t.Errorf("reason %v, %d places are taken", e.Reason(), table.Len())
	}
}

// Places are bounded, and given back.
func TestPlaces(t *testing.T) {
	table := sessions.New(sessions.Config{MaxSessions: 1})
	if err := table.Reserve(); err != nil {
		t.Fatal(err)
	}
	if err := table.Reserve(); !errors.Is(err, sessions.ErrTooManySessions) {
		t.Errorf("a second place: %v", err)
	}
	table.Release()
	id := start(t, table, &fakeSession{serve: untilEnd})
	e, err := table.Find(sessions.WHEP, "cam", id)
	if err != nil {
		t.Fatal(err)
	}
	table.Drain()
	if err := table.Reserve(); !errors.Is(err, sessions.ErrStopping) || !table.IsDraining() {
		t.Errorf("a place while the server stops: %v", err)
	}
	if err := table.Close(t.Context()); err != nil {
		t.Error(err)
	}
	<-table.Idle()
	<-e.Done()
	if !errors.Is(e.Reason(), sessions.ErrStopping) {
		t.Errorf("reason %v", e.Reason())
	}
	if _, err := table.Start(sessions.Opened{ID: "late", Session: &fakeSession{serve: untilEnd}}); !errors.Is(err, sessions.ErrStopping) {
		t.Errorf("a session after Close: %v", err)
	}
}

// A panic in Serve, and even in Close, ends the session and gives its place back.
func TestPanicEndsTheSession(t *testing.T) {
	panics := 0
	table := sessions.New(sessions.Config{OnPanic: func() { panics++ }})
	if err := table.Reserve(); err != nil {
		t.Fatal(err)
	}
	var reason error
	e, err := table.Start(sessions.Opened{ID: "one", Protocol: sessions.WHIP, Stream: "cam", Session: &fakeSession{
		serve:  func(context.Context) error { panic("boom") },
		closed: func(why error) { reason = why; panic("again") },
	}})
	if err != nil {
		t.Fatal(err)
	}
	<-e.Done()
	if !errors.Is(e.Reason(), sessions.ErrPanic) || !errors.Is(reason, sessions.ErrPanic) || panics != 2 || table.Len() != 0 {
		t.Errorf("ended by %v, closed by %v, %d panics, %d places", e.Reason(), reason, panics, table.Len())
	}
}

// That a session begins and ends is told, with what its id leads to.
func TestSessionsAreTold(t *testing.T) {
	bus := events.NewBus()
	l := bus.Listen(10, nil)
	defer l.Close()
	table := sessions.New(sessions.Config{Events: bus})
	id := start(t, table, deadSession())
	if err := table.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, missed := l.Take()
	if len(list) != 2 || missed != 0 {
		t.Fatalf("got %+v, missed %d", list, missed)
	}
	if want := (events.SessionOpened{Session: id, Protocol: "whep", Stream: "cam"}); list[0].Data != want {
		t.Errorf("got %+v, want %+v", list[0].Data, want)
	}
	want := events.SessionEnded{Session: id, Protocol: "whep", Stream: "cam", Reason: errTimeout.Error(), Code: "no_addresses"}
	if list[1].Data != want {
		t.Errorf("got %+v, want %+v", list[1].Data, want)
	}
}
