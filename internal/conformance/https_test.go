package conformance_test

import (
	"strings"
	"testing"

	"porthole/internal/certtest"
)

// HTTP-26: HTTPS, for who gives the server a certificate.
func TestHTTP26HTTPS(t *testing.T) {
	t.Parallel()
	cert, key := certtest.SelfSigned(t, t.TempDir(), 1)
	s := start(t, "--cert", cert, "--key", key)
	s.url, s.trust = "https://"+strings.TrimPrefix(s.url, "http://"), true
	r := s.created("/whip/row", whipOffer(t))
	if !strings.HasPrefix(r.session(), "https://") {
		t.Errorf("the session is at %s", r.session())
	}
	s.delete(r.session())
}
