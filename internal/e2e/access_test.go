//go:build e2e

package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestTokens checks who may publish and who may watch, and that the log of a
// server that was asked in every way shows neither secret.
func TestTokens(t *testing.T) {
	t.Parallel()
	const (
		publishToken = "Pub-5up3r-s3cret"
		viewToken    = "View-5up3r-s3cret"
		wrongToken   = "Wrong-5up3r-s3cret"
	)
	s := startServer(t, "--source", patternSource, "--publish-token", publishToken, "--view-token", viewToken)
	waitFor(t, 20*time.Second, "the pattern to be live", func() error {
		if !s.stream(t, "webcam", "Authorization", "Bearer "+viewToken).Live {
			return errNotYet
		}
		return nil
	})

	for _, c := range []struct {
		name, path, token string
		want              int
	}{
		{"publish without a token", "/whip/cam", "", http.StatusUnauthorized},
		{"publish with a wrong token", "/whip/cam", wrongToken, http.StatusUnauthorized},
		{"publish with the token for viewing", "/whip/cam", viewToken, http.StatusForbidden},
		{"publish", "/whip/cam", publishToken, http.StatusCreated},
		{"view without a token", "/whep/webcam", "", http.StatusUnauthorized},
		{"view with a wrong token", "/whep/webcam", wrongToken, http.StatusUnauthorized},
		{"view", "/whep/webcam", viewToken, http.StatusCreated},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{"Content-Type", "application/sdp"}
			if c.token != "" {
				headers = append(headers, "Authorization", "Bearer "+c.token)
			}
			r := s.call(t, http.MethodPost, c.path, offerFor(t, s, c.path), headers...)
			if r.status != c.want {
				t.Fatalf("status %d, want %d: %s", r.status, c.want, r.body)
			}
			challenge := r.header.Get("WWW-Authenticate")
			if c.want == http.StatusUnauthorized && !strings.HasPrefix(challenge, "Bearer") {
				t.Errorf("WWW-Authenticate is %q, want a Bearer challenge", challenge)
			}
			if invalid := strings.Contains(challenge, "invalid_token"); invalid != (c.token == wrongToken) {
				t.Errorf("WWW-Authenticate is %q: invalid_token is for a wrong token only", challenge)
			}
			if c.want == http.StatusCreated {
				requireGuardedDelete(t, s, r.header.Get("Location"), c.token)
			}
		})
	}

	// In the query is where a page's own scripts may put it; it must not be logged from there either.
	s.call(t, http.MethodGet, "/watch/webcam?token="+viewToken, "")
	s.call(t, http.MethodGet, "/api/streams?token="+wrongToken, "")
	for _, token := range []string{publishToken, viewToken, wrongToken} {
		if strings.Contains(s.Log(), token) {
			t.Errorf("the log shows %s", token)
		}
	}
}

// requireGuardedDelete checks that a session is ended by whoever has the token
// and by nobody else, and ends it.
func requireGuardedDelete(t *testing.T, s *server, location, token string) {
	t.Helper()
	if r := s.call(t, http.MethodDelete, location, ""); r.status != http.StatusUnauthorized {
		t.Errorf("DELETE without a token: status %d, want 401", r.status)
	}
	if r := s.call(t, http.MethodDelete, location, "", "Authorization", "Bearer "+token); r.status != http.StatusOK {
		t.Errorf("DELETE: status %d, want 200", r.status)
	}
}

// offerFor makes an offer that fits the endpoint.
func offerFor(t testing.TB, s *server, path string) string {
	t.Helper()
	var client *peer
	if strings.HasPrefix(path, "/whip/") {
		p, err := newPublisher(s)
		if err != nil {
			t.Fatal(err)
		}
		client = p.peer
	} else {
		v, err := newViewer(s)
		if err != nil {
			t.Fatal(err)
		}
		client = v.peer
	}
	t.Cleanup(func() { client.close() })
	offer, err := client.offer()
	if err != nil {
		t.Fatal(err)
	}
	return offer
}
