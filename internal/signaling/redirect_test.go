package signaling_test

import (
	"net/url"
	"strings"
	"testing"

	"porthole/internal/auth"
	"porthole/internal/negotiate"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// HTTP-21: who comes while the server drains is sent to the other one, by 307, and
// who is there already stays.
func TestDrainRedirects(t *testing.T) {
	for name, base := range map[string]string{"a host": "https://other.example:8443", "below a path": "http://other.example/cam/"} {
		t.Run(name, func(t *testing.T) {
			to, err := url.Parse(base)
			if err != nil {
				t.Fatal(err)
			}
			f := newFixture(t, negotiate.Publish, func(cfg *signaling.Config, _ *sessions.Config) {
				cfg.RedirectTo = to
				cfg.Auth = auth.New(auth.Config{PublishToken: "secret"})
			})
			token := []string{"Authorization", "Bearer secret"}
			path, _ := f.created(token...)
			f.table.Drain()

			post := func(target string, headers ...string) reply {
				return f.do("POST", target, f.offer(), append([]string{"Content-Type", typeSDP, "Origin", "https://a.example"}, headers...)...)
			}
			for target, want := range map[string]string{
				"/whip/cam": "/whip/cam", "/whip/cam/": "/whip/cam/", "/whip/other?x=1&y": "/whip/other?x=1&y",
			} {
				r := post(target, token...)
				if r.StatusCode != 307 || r.Header.Get("Location") != strings.TrimSuffix(base, "/")+want || r.body != "" {
					t.Errorf("%s: status %d, Location %q, body %q", target, r.StatusCode, r.Header.Get("Location"), r.body)
				}
				if r.Header.Get("Access-Control-Allow-Origin") != "*" {
					t.Errorf("%s: no CORS on the redirect", target)
				}
			}
			if r := post("/whip/cam"); r.StatusCode != 401 || r.Header.Get("Location") != "" {
				t.Errorf("without a token: status %d, Location %q", r.StatusCode, r.Header.Get("Location"))
			}
			if r := f.do("OPTIONS", "/whip/cam", ""); r.StatusCode != 200 {
				t.Errorf("OPTIONS: status %d", r.StatusCode)
			}
			if r := f.do("DELETE", path, "", token...); r.StatusCode != 200 {
				t.Errorf("DELETE of a session: status %d", r.StatusCode)
			}
			if n := f.count(); n != 1 {
				t.Errorf("%d sessions were opened", n)
			}
		})
	}
}

// Players that listen to events are told the other server.
func TestDrainTellsWhereToReconnect(t *testing.T) {
	to, err := url.Parse("https://other.example/cam")
	if err != nil {
		t.Fatal(err)
	}
	f, _ := newObservable(t, func(cfg *signaling.Config, _ *sessions.Config) { cfg.RedirectTo = to })
	path, _ := f.created()
	l := f.listen(t, f.feed(path, `["reconnect"]`))
	f.table.Drain()
	l.want(`reconnect {"url":"https://other.example/cam/whep/cam"}`)
}
