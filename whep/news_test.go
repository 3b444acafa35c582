package whep_test

import (
	"path"
	"testing"
	"time"

	"porthole/internal/events"
	"porthole/internal/servertest"
)

// What becomes of a session is told on the one bus, by those who know: that it begins and
// ends by the table, the states between by its connection.
func TestNewsOfASession(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	src := publish(t, s, vp8, opus)
	l := s.Events.Listen(20, func(d events.Data) bool {
		switch d.(type) {
		case events.SessionOpened, events.SessionState, events.SessionEnded:
			return true
		default:
			return false
		}
	})
	defer l.Close()
	c := servertest.NewViewer(t, vp8, opus)
	location := c.Join(s, "/whep/cam")
	receive(t, src, c, vp8, opus)
	if r := s.Do("DELETE", location, ""); r.Status != 200 {
		t.Fatalf("DELETE: status %d", r.Status)
	}

	id := path.Base(location)
	want := []events.Data{
		events.SessionOpened{Session: id, Protocol: "whep", Stream: "cam", Client: "127.0.0.1"},
		events.SessionState{Session: id, State: "connected"},
		events.SessionEnded{Session: id, Protocol: "whep", Stream: "cam", Reason: "ended by the client", Code: "ok"},
	}
	list, missed := l.Take() // the answer to the DELETE came after the end
	if len(list) != len(want) || missed != 0 {
		t.Fatalf("got %+v, missed %d", list, missed)
	}
	for i, e := range list {
		if e.Data != want[i] || time.Since(e.At) > servertest.Patience {
			t.Errorf("got %+v, want %+v", e, want[i])
		}
	}
}
