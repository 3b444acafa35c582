package conformance_test

import (
	"net/http"
	"strings"
	"testing"
)

const origin = "https://a.example"

// HTTP-09: a plain OPTIONS works for everybody and names what a POST takes.
func TestHTTP09Options(t *testing.T) {
	t.Parallel()
	s := start(t, "--publish-token", "secret", "--view-token", "secret")
	for _, endpoint := range []string{"/whip/row", "/whep/row"} {
		r := s.do(http.MethodOptions, endpoint, "")
		r.is(http.StatusOK)
		r.has("Accept-Post", typeSDP)
		r.empty()
		preflight(s, endpoint, "POST", "authorization,content-type").has("Accept-Post", typeSDP)
	}
}

// preflight asks as a browser does before the request that it announces.
func preflight(s *server, target, method, headers string) reply {
	s.t.Helper()
	return s.do(http.MethodOptions, target, "", "Origin", origin,
		"Access-Control-Request-Method", method, "Access-Control-Request-Headers", headers)
}

// HTTP-10: preflights (Fetch standard), without a token and without a redirect.
func TestHTTP10Preflight(t *testing.T) {
	t.Parallel()
	s := start(t, "--publish-token", "secret", "--view-token", "secret")
	for _, c := range []struct{ target, method, headers string }{
		{"/whip/row", "POST", "authorization,content-type"},
		{"/whep/row", "POST", "authorization,content-type"},
		{"/whep/row", "OPTIONS", "authorization"}, // some players ask for OPTIONS with a token
		{"/whip/row/session", "PATCH", "authorization,content-type,if-match"},
		{"/whep/row/session", "DELETE", "authorization"},
		{"/whep/row/session", "DELETE", ""},
	} {
		r := preflight(s, c.target, c.method, c.headers)
		r.is(http.StatusOK, http.StatusNoContent)
		if got := r.header.Get("Access-Control-Allow-Origin"); got != "*" && got != origin {
			t.Errorf("%s: Access-Control-Allow-Origin is %q", r.what, got)
		}
		r.lists("Access-Control-Allow-Methods", "GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS")
		r.lists("Access-Control-Allow-Headers", "Authorization", "Content-Type", "If-Match")
	}
}

// exposed are the headers that scripts have to be able to read.
var exposed = []string{"Location", "Link", "ETag", "Accept-Patch", "Accept-Post", "Retry-After", "WWW-Authenticate", "Allow"}

// HTTP-11: pages of other origins can read the answers, errors included.
func TestHTTP11ExposedHeaders(t *testing.T) {
	t.Parallel()
	s := start(t, "--publish-token", "secret", "--allow-origin", origin) // nothing else opens watching on loopback
	token := []string{"Authorization", "Bearer secret", "Origin", origin}
	for status, r := range map[int]reply{
		201: s.post("/whip/row", whipOffer(t), token...),
		200: s.do("GET", "/whip/row", "", "Origin", origin),
		400: s.post("/whip/x", "hello", token...),
		401: s.post("/whip/x", "hello", "Origin", origin),
		404: s.do("DELETE", "/whip/x/y", "", token...),
		405: s.do("PUT", "/whip/x", "", "Origin", origin),
		409: s.post("/whep/nobody", whepOffer(t), "Origin", origin),
		413: s.post("/whip/x", strings.Repeat("x", 1<<20), token...),
		415: s.do("POST", "/whip/x", "x", token...),
		422: s.post("/whip/x", whipOffer(t, "sendonly", "recvonly"), token...),
	} {
		r.is(status)
		r.lists("Access-Control-Expose-Headers", exposed...)
		if got := r.header.Get("Access-Control-Allow-Origin"); got != "*" && got != origin {
			t.Errorf("%s: Access-Control-Allow-Origin is %q", r.what, got)
		}
	}
	r := s.do("GET", "/whip/no/such/path", "", "Origin", origin)
	r.is(http.StatusNotFound)
	r.lists("Access-Control-Expose-Headers", exposed...)
}

// HTTP-12: PATCH among the methods of a plain OPTIONS means that PATCH works.
func TestHTTP12PatchInOptions(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		r := s.do(http.MethodOptions, endpoint, "")
		r.lists("Access-Control-Allow-Methods", "PATCH")
		r.lists("Access-Control-Expose-Headers", "Access-Control-Allow-Methods")
		created := s.created(endpoint, offer)
		if created.header.Get("ETag") == "" {
			t.Error("there is no ETag")
		}
		s.patch(created.session(), trickle(plainUfrag, plainPwd, goodCandidate), created.header.Get("ETag")).is(http.StatusNoContent)
	})
}

// HTTP-11: on loopback, where no token protects, pages of other origins are refused,
// and so are names that are none of the server's. The text says what opens it.
func TestHTTP11ForeignPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	for _, r := range []reply{
		s.post("/whip/other", whipOffer(t), "Origin", origin),
		s.post("/whep/row", whepOffer(t), "Origin", origin),
		s.do("GET", "/api/sessions", "", "Origin", origin),
	} {
		r.is(http.StatusForbidden)
		r.has("Access-Control-Allow-Origin", "*") // for the player to show it
		if !strings.Contains(r.body, "--allow-origin "+origin) {
			t.Errorf("%s: %q does not name the flag", r.what, r.body)
		}
	}
	if n := s.sessions(); n != 1 {
		t.Errorf("%d sessions, want the publisher's only", n)
	}
	open := start(t, "--allow-origin", origin)
	open.post("/whip/row", whipOffer(t), "Origin", origin).is(http.StatusCreated)
}
