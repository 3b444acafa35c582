package server

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"porthole/internal/overload"
)

func TestPanicCostsOneRequest(t *testing.T) {
	var log strings.Builder
	panics := 0
	r := chi.NewRouter()
	r.Use(observe(slog.New(slog.NewTextHandler(&log, nil)), func() { panics++ }))
	r.Get("/early", func(http.ResponseWriter, *http.Request) { panic("oh") })
	r.Get("/late", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		panic("oh")
	})
	r.Get("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	r.Get("/well", func(http.ResponseWriter, *http.Request) {})

	for path, want := range map[string]int{
		"/early": http.StatusInternalServerError,
		"/late":  http.StatusAccepted, // what was sent cannot be taken back
		"/well":  http.StatusOK,
	} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path+"?token=s3cret", nil))
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", path, w.Code, want)
		}
	}
	if got := strings.Count(log.String(), "panic in a request"); got != 2 {
		t.Errorf("%d panics are logged, want 2: %s", got, &log)
	}
	if panics != 2 {
		t.Errorf("%d panics are counted, want 2", panics)
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("a query string is logged: %s", &log)
	}

	defer func() {
		if fault := recover(); fault != http.ErrAbortHandler { //nolint:errorlint // a panic's value, not an error chain
			t.Errorf("got %v: net/http must see its own panic", fault)
		}
	}()
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/abort", nil))
}

// Who is in the way is named, with the flag that asks for another port.
func TestPortInUseNamesTheProgram(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = listenHTTP(t.Context(), Config{HTTP: taken.Addr().String()}, new(certificate), overload.NewFiles())
	if err == nil {
		t.Fatal("two listen on one port")
	}
	for _, part := range []string{"--http " + taken.Addr().String(), fmt.Sprintf("(pid %d)", os.Getpid()), "another port: --http 127.0.0.1:"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}
