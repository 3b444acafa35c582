package sse_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"porthole/internal/sse"
)

func TestStream(t *testing.T) {
	w := httptest.NewRecorder()
	s, err := sse.Begin(w)
	if err != nil {
		t.Fatal(err)
	}
	if err = s.Send("active", struct{}{}); err != nil {
		t.Fatal(err)
	}
	// One line, whatever is in it: a bare line end would end the data.
	if err = s.Send("note", "a\nb"); err != nil {
		t.Fatal(err)
	}
	if err = s.Beat(); err != nil {
		t.Fatal(err)
	}
	const want = "event: active\ndata: {}\n\nevent: note\ndata: \"a\\nb\"\n\n: still here\n\n"
	if got := w.Body.String(); got != want || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Errorf("got %q as %q", got, w.Header().Get("Content-Type"))
	}
	if err = s.Send("bad", func() {}); err == nil {
		t.Error("a function is marshalled")
	}
}

// unflushable is a writer that some middleware has wrapped too tightly.
type unflushable struct{ http.ResponseWriter }

func TestBeginNeedsFlush(t *testing.T) {
	if _, err := sse.Begin(unflushable{httptest.NewRecorder()}); err == nil {
		t.Error("a writer that cannot flush is accepted")
	}
}
