package api_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"porthole/internal/api"
)

// TestTime asks as the player does: the answer lies between the question and its
// arrival, and no cache and no origin stands in the way.
func TestTime(t *testing.T) {
	h, _ := newHandler(t, &fakeStreams{})
	before := time.Now().UnixMicro()
	w := call(h, http.MethodGet, "/api/time", "")
	after := time.Now().UnixMicro()
	var got api.Time
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%q: %v", w.Body, err)
	}
	if got.Micros < before || got.Micros > after {
		t.Errorf("the time is %d, want %d to %d", got.Micros, before, after)
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*", "Content-Type": "application/json",
	} {
		if value := w.Header().Get(name); value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
}
