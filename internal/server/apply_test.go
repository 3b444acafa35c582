package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"porthole/internal/certtest"
)

// started is a server that runs until the test ends.
func started(t *testing.T, cfg Config) *Server {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := New(ctx, cfg)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// get asks the server, with a token, and returns status and body.
func get(t *testing.T, s *Server, path, token string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

func TestApplyChangesWhoMayDoWhat(t *testing.T) {
	cfg := loopback()
	cfg.ViewToken, cfg.PublishToken = "old", "pub"
	s := started(t, cfg)
	next := cfg
	next.ViewToken, next.FrameAncestors, next.HTTP = "new", []string{"https://a.example"}, "127.0.0.1:1"
	for range 3 { // as often as one likes
		if err := s.Apply(next); err != nil {
			t.Fatal(err)
		}
	}
	for token, want := range map[string]int{"old": http.StatusUnauthorized, "new": http.StatusOK, "pub": http.StatusOK} {
		if status, _, _ := get(t, s, "/api/streams", token); status != want {
			t.Errorf("token %s: status %d, want %d", token, status, want)
		}
	}
	if _, header, _ := get(t, s, "/embed/x", ""); !strings.Contains(header.Get("Content-Security-Policy"), "frame-ancestors https://a.example") {
		t.Errorf("policy %q", header.Get("Content-Security-Policy"))
	}
	if got := s.config(); got.HTTP != cfg.HTTP {
		t.Errorf("--http is now %s, which needs a restart", got.HTTP)
	}
}

// Event streams, which the old tokens opened, end; healthz does not say that the server stops.
func TestApplyEndsEventStreams(t *testing.T) {
	cfg := loopback()
	cfg.ViewToken = "old"
	s := started(t, cfg)
	ended := make(chan error, 1)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr().String()+"/api/events?token=old", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	res, err := client.Do(req) //nolint:bodyclose // it is, when the test ends
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	go func() {
		_, err := io.Copy(io.Discard, res.Body)
		ended <- err
	}()
	cfg.ViewToken = "new"
	if err := s.Apply(cfg); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil { // the client's deadline, at the latest
		t.Errorf("the event stream: %v", err)
	}
	if status, _, body := get(t, s, "/healthz", ""); status != http.StatusOK {
		t.Errorf("healthz: %d %s", status, body)
	}
}

// What cannot be done changes nothing.
func TestApplyFails(t *testing.T) {
	cfg := loopback()
	cfg.ViewToken = "old"
	s := started(t, cfg)
	broken := cfg
	broken.ViewToken = "new"
	s.mu.Lock()
	s.cfg.Cert, s.cfg.Key = "/nowhere/cert.pem", "/nowhere/key.pem" // that were there at the start
	s.mu.Unlock()
	if err := s.Apply(broken); err == nil || !strings.Contains(err.Error(), "--cert /nowhere/cert.pem") {
		t.Errorf("got %v", err)
	}
	if status, _, _ := get(t, s, "/api/streams", "old"); status != http.StatusOK {
		t.Errorf("the token that was in force: status %d", status)
	}
	s.endEvents()
	if err := s.Apply(cfg); !errors.Is(err, ErrStopping) {
		t.Errorf("while it stops: %v", err)
	}
}

// Requests, and changes of everything that can change, at the same time.
func TestApplyWhileRequestsRun(t *testing.T) {
	cfg := loopback()
	cfg.RateLimit = 0
	s := started(t, cfg)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 50 {
			next := cfg
			next.MaxViewers, next.StreamViewers, next.MaxSessions, next.MaxLoad, next.TURNHost = i, i, i, i, "turn.example"
			if err := s.Apply(next); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 20 {
		if status, _, body := get(t, s, "/api/streams", ""); status != http.StatusOK {
			t.Errorf("status %d: %s", status, body)
		}
	}
	<-done
}

// A certificate that was renewed is what new connections get, and a broken one changes nothing.
func TestApplyReadsTheCertificateAgain(t *testing.T) {
	cfg := loopback()
	dir := t.TempDir()
	cfg.Cert, cfg.Key = certtest.SelfSigned(t, dir, 1)
	s := started(t, cfg)
	serial := func() int64 {
		t.Helper()
		conn, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test's own certificate
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	certtest.SelfSigned(t, dir, 2)
	if got := serial(); got != 1 {
		t.Errorf("before: certificate %d", got)
	}
	if err := s.Apply(cfg); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("after: certificate %d, want 2", got)
	}
	if err := os.WriteFile(cfg.Key, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(cfg); err == nil {
		t.Error("a broken key is taken on")
	}
	if got := serial(); got != 2 {
		t.Errorf("after a broken key: certificate %d, want 2", got)
	}
}
