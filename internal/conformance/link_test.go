package conformance_test

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var turnFlags = []string{
	"--turn", "turn:alice:s3cret@turn.example.org:3478?transport=udp",
	"--turn", "turn:bob:pa+ss/w0rd=@192.0.2.1:443?transport=tcp",
	"--publish-token", "secret", "--view-token", "secret",
}

// turnLinks are what clients with simple parsers understand.
var turnLinks = []string{
	`<turn:turn.example.org:3478?transport=udp>; rel="ice-server"; username="alice"; credential="s3cret"; credential-type="password"`,
	`<turn:192.0.2.1:443?transport=tcp>; rel="ice-server"; username="bob"; credential="pa+ss/w0rd="; credential-type="password"`,
}

// iceLinks returns the Link lines for ICE servers, and fails the test if one line
// has several, or if there are others and strict is set.
func (r reply) iceLinks(strict bool) (links []string) {
	r.t.Helper()
	for _, line := range r.header.Values("Link") {
		if strings.Contains(line, `rel="ice-server"`) {
			links = append(links, line)
		} else if strict {
			r.t.Errorf("%s: Link: %s", r.what, line)
		}
		if strings.Count(line, "<") != 1 {
			r.t.Errorf("%s: several links in one line: %s", r.what, line)
		}
	}
	return links
}

// HTTP-27: the 201 names the TURN servers, one line each, in the usual form.
func TestHTTP27ICEServers(t *testing.T) {
	t.Parallel()
	s := start(t, turnFlags...)
	token := []string{"Authorization", "Bearer secret"}
	publish(t, s, "live", role{headers: token})
	for _, r := range []reply{s.created("/whip/row", whipOffer(t), token...), s.created("/whep/live", whepOffer(t), token...)} {
		if links := r.iceLinks(false); !slices.Equal(links, turnLinks) {
			t.Errorf("%s: Link: %q", r.what, links)
		}
	}
}

// Our own server is named with credentials of each session, in words that the simplest
// parsers read: no comma and no semicolon, which OBS splits at.
func TestHTTP27OwnServer(t *testing.T) {
	t.Parallel()
	s := start(t, "--turn-listen", "127.0.0.1:0")
	simple := regexp.MustCompile(`^<turn:127\.0\.0\.1:\d+\?transport=(udp|tcp)>; rel="ice-server"; ` +
		`username="\d+:([A-Za-z0-9_-]{22})"; credential="([A-Za-z0-9+/=]+)"; credential-type="password"$`)
	seen := make(map[string]bool)
	users := make(map[string]bool)
	for range 2 {
		r := s.created("/whip/row", whipOffer(t))
		links := r.iceLinks(false)
		if len(links) != 3 || !regexp.MustCompile(`^<stun:127\.0\.0\.1:\d+>; rel="ice-server"$`).MatchString(links[0]) {
			t.Fatalf("Link: %q", links)
		}
		for _, link := range links[1:] {
			part := simple.FindStringSubmatch(link)
			if part == nil || seen[part[3]+part[1]] {
				t.Errorf("Link: %s; want credentials of this session %s", link, r.session())
				continue
			}
			seen[part[3]+part[1]], users[part[2]] = true, true
			// Who hears the user name on the network can do nothing to the session.
			resource := strings.TrimSuffix(r.session(), path.Base(r.session())) + part[2]
			if r := s.do(http.MethodDelete, resource, ""); r.status != http.StatusNotFound {
				t.Errorf("DELETE %s: %d, want 404", resource, r.status)
			}
		}
		s.delete(r.session())
	}
	if len(users) != 2 {
		t.Errorf("two sessions are %d users", len(users))
	}
}

// HTTP-28: ICE servers in a plain OPTIONS, never in a preflight.
func TestHTTP28ICEServersInOptions(t *testing.T) {
	t.Parallel()
	s := start(t, turnFlags...)
	for _, endpoint := range []string{"/whip/row", "/whep/row"} {
		r := s.do(http.MethodOptions, endpoint, "", "Authorization", "Bearer secret")
		if links := r.iceLinks(true); !slices.Equal(links, turnLinks) {
			t.Errorf("%s: Link: %q", r.what, links)
		}
		r = s.do(http.MethodOptions, endpoint, "", "Authorization", "Bearer secret", "Origin", origin, "Access-Control-Request-Method", "POST")
		if links := r.header.Values("Link"); len(links) > 0 {
			t.Errorf("a preflight names %q", links)
		}
	}
}

// HTTP-29: credentials of TURN servers are for those with a token.
func TestHTTP29ICEServersNeedTheToken(t *testing.T) {
	t.Parallel()
	s := start(t, turnFlags...)
	for _, token := range []string{"", "Bearer wrong"} {
		for _, method := range []string{http.MethodOptions, http.MethodPost, http.MethodGet, http.MethodHead} {
			r := s.do(method, "/whep/row", "", "Authorization", token)
			if links := r.header.Values("Link"); len(links) > 0 {
				t.Errorf("%s: Link: %q", r.what, links)
			}
		}
	}
}

// HTTP-30: OPTIONS has no Link but for ICE servers.
func TestHTTP30NoOtherLinksInOptions(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		session := s.created(endpoint, offer).session()
		for _, target := range []string{endpoint, session} {
			if links := s.do(http.MethodOptions, target, "").header.Values("Link"); len(links) > 0 {
				t.Errorf("OPTIONS %s: Link: %q", target, links)
			}
			if links := preflight(s, target, "POST", "").header.Values("Link"); len(links) > 0 {
				t.Errorf("preflight of %s: Link: %q", target, links)
			}
		}
	})
}
