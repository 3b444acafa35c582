// Package servertest runs the real WHIP and WHEP handlers, with a real
// broadcaster and real sockets on loopback, for the tests of packages whip and
// whep, and has a pion client for them. Nothing of it is in the program.
package servertest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/api"
	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/core"
	"porthole/internal/peer"
	"porthole/internal/sessioninfo"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// Patience is how long a test waits for what should happen at once.
const Patience = 10 * time.Second

// Config is what tests vary.
type Config struct {
	Broadcast broadcast.Config
	Timeouts  peer.Timeouts
	Tokens    auth.Config
	Sessions  int // limit of the table; 0: its default
}

// Server is a running server.
type Server struct {
	t testing.TB

	URL string // without a slash at the end
	*core.Core
}

// Start runs a server until the test's end, and then fails the test when a session,
// a stream or a viewer is left.
func Start(t testing.TB, cfg Config) *Server {
	t.Helper()
	c, err := core.New(core.Config{
		Peer:      peer.Config{Media: "127.0.0.1:0", Timeouts: cfg.Timeouts},
		Broadcast: cfg.Broadcast,
		Table:     sessions.Config{MaxSessions: cfg.Sessions},
	})
	if err != nil {
		t.Fatalf("core.New: %v", err)
	}
	s := &Server{t: t, Core: c}
	verifier := auth.New(cfg.Tokens)
	publish, watch, err := s.Handlers(signaling.Config{Auth: verifier})
	if err != nil {
		t.Fatalf("Handlers: %v", err)
	}
	router := chi.NewRouter()
	router.Route("/whip", publish.Routes)
	router.Route("/whep", watch.Routes)
	api.New(api.Config{
		Streams: s.Broadcaster, Sessions: s.told(), Auth: verifier, Gatherer: prometheus.NewRegistry(),
	}).Routes(router)
	server := httptest.NewServer(router)
	s.URL = server.URL
	t.Cleanup(func() {
		s.stop()
		server.Close()
	})
	return s
}

// told is what the API tells of the sessions.
func (s *Server) told() api.Sessions {
	return api.Sessions{
		List:       s.Table.Sessions,
		Info:       s.Table.Info,
		Diagnosis:  s.Table.Diagnosis,
		Transcript: func(id string, _ bool) (sessioninfo.Transcript, bool) { return s.Table.Transcript(id) },
	}
}

// stop closes everything in the order of the program and looks for what is left.
func (s *Server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), Patience) // the test's own is over
	defer cancel()
	lookForRest := func() error {
		if n := s.Table.Len(); n != 0 {
			s.t.Errorf("%d sessions are left", n)
		}
		for _, stream := range s.Broadcaster.Streams() {
			// Streams that the test itself publishes are its own.
			if stream.Source == "whip" || stream.Viewers > 0 {
				s.t.Errorf("stream %s is left with %d viewers, source %q", stream.Name, stream.Viewers, stream.Source)
			}
		}
		return nil
	}
	if err := s.Close(ctx, lookForRest); err != nil {
		s.t.Errorf("Close: %v", err)
	}
}

// Reply is a whole response.
type Reply struct {
	Status int
	Header http.Header
	Body   string
}

// client keeps no connections: a leak test counts idle ones.
func client() *http.Client {
	return &http.Client{Timeout: Patience, Transport: &http.Transport{DisableKeepAlives: true}}
}

// Do makes one request. Headers are name, value, name, value …
func (s *Server) Do(method, path, body string, headers ...string) Reply {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client().Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: read the body: %v", method, path, err)
	}
	return Reply{res.StatusCode, res.Header, string(content)}
}

// Post sends an offer.
func (s *Server) Post(path, offer string) Reply {
	s.t.Helper()
	return s.Do("POST", path, offer, "Content-Type", "application/sdp")
}

// Until polls for what nobody announces, or fails the test.
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", Patience, what)
		}
	}
}

// Wait waits for a channel, or fails the test.
func Wait[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(Patience):
		t.Fatalf("waited %v for %s", Patience, what)
	}
	return v
}
