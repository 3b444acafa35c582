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
	"time"

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

// A person gets a page at each address, a program a problem document.
func TestPathsWithoutARoute(t *testing.T) {
	s := started(t, Config{HTTP: "127.0.0.1:0", Media: ":0", TURNListen: "off"})
	client := http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, tt := range []struct {
		path, accept string
		status       int
		contentType  string
		location     string
	}{
		{"/foo", "text/html,*/*", 404, "text/html; charset=utf-8", ""},
		{"/foo", "*/*", 404, "application/problem+json", ""},
		{"/embed", "application/json", 404, "application/problem+json", ""},
		{"/api/foo", "text/html", 404, "text/html; charset=utf-8", ""},
		{"/watch", "text/html", 302, "", "./"},
		{"/publish", "text/html", 302, "", "publish/mystream"},
		{"/favicon.ico", "image/*", 200, "image/svg+xml", ""},
		{"/wall", "text/html", 200, "text/html; charset=utf-8", ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr().String()+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", tt.accept)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != tt.status || res.Header.Get("Content-Type") != tt.contentType || res.Header.Get("Location") != tt.location {
			t.Errorf("GET %s for %s: status %d, %v", tt.path, tt.accept, res.StatusCode, res.Header)
		}
	}
	client.CloseIdleConnections()
}

func TestLANURL(t *testing.T) {
	everywhere, loopback := &net.TCPAddr{IP: net.IPv4zero, Port: 8080}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	request := func(host string) *http.Request { return &http.Request{Host: host} }
	if hosts := ReachableHosts(everywhere); len(hosts) > 1 {
		if got, want := lanURL(request("localhost:8080"), everywhere), "http://"+hosts[1]+"/"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for host, listening := range map[string]net.Addr{
		"localhost:8080": loopback, "127.0.0.1:8080": loopback, "192.0.2.9:8080": everywhere, "cam.example": everywhere,
	} {
		if got := lanURL(request(host), listening); got != "" {
			t.Errorf("asked for by %s, listening on %s: %q", host, listening, got)
		}
	}
}
