package signaling_test

import (
	"testing"

	"porthole/internal/negotiate"
	"porthole/internal/signaling"
)

// answeringSession takes an answer.
type answeringSession struct{ *fakeSession }

func (answeringSession) Answer([]byte) (ufrag, pwd string, err error) { return "u", "p", nil }

// A counter-offer is a session for a line of text, so that one client has few of them
// open. Those that are answered, ended or refused do not count.
func TestOpenCounterOffersAreBounded(t *testing.T) {
	const most = 16
	f := newFixture(t, negotiate.Watch, nil)
	f.make = func(s *fakeSession) signaling.Session { return answeringSession{s} }
	ask := func() reply { return f.do("POST", f.prefix()+"/cam?counter-offer", "") }
	refused := func(when string) {
		t.Helper()
		opened := f.count()
		if r := ask(); r.StatusCode != 429 || r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: status %d, Retry-After %q", when, r.StatusCode, r.Header.Get("Retry-After"))
		}
		if f.count() != opened || f.table.Len() > 2*most {
			t.Errorf("%s: something was allocated for it", when)
		}
	}
	var sessions []string
	for range most {
		r := ask()
		if r.StatusCode != 406 {
			t.Fatalf("status %d", r.StatusCode)
		}
		sessions = append(sessions, r.Header.Get("Location"))
	}
	for range 100 {
		refused("one too many")
	}
	if r := f.post(); r.StatusCode != 201 {
		t.Errorf("an ordinary offer meanwhile: status %d", r.StatusCode)
	}
	for range 2 { // the second time it is answered already
		f.do("PATCH", sessions[0], "v=0", "Content-Type", typeSDP)
	}
	if r := ask(); r.StatusCode != 406 {
		t.Errorf("after an answer: status %d", r.StatusCode)
	}
	refused("after that")
	if r := f.do("DELETE", sessions[1], ""); r.StatusCode != 200 {
		t.Errorf("DELETE: status %d", r.StatusCode)
	}
	f.do("DELETE", sessions[0], "")
	if r := ask(); r.StatusCode != 406 {
		t.Errorf("after an end: status %d", r.StatusCode)
	}
	refused("at last")
}
