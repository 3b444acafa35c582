package signaling_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"porthole/internal/auth"
	"porthole/internal/negotiate"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

func viewers(t *testing.T, mutate func(*signaling.Config)) *signaling.Handler {
	t.Helper()
	cfg := signaling.Config{Table: sessions.New(sessions.Config{}), Auth: auth.New(auth.Config{})}
	mutate(&cfg)
	h, err := signaling.New(negotiate.Watch, func(signaling.Request) (signaling.Session, error) { return nil, http.ErrNotSupported }, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestPublicURL(t *testing.T) {
	proxy := func(c *signaling.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }
	for name, tt := range map[string]struct {
		config  func(*signaling.Config)
		tls     bool
		headers map[string]string
		want    string
	}{
		"plain":            {func(*signaling.Config) {}, false, nil, "http://example.com/"},
		"TLS":              {func(*signaling.Config) {}, true, nil, "https://example.com/"},
		"a prefix of ours": {func(c *signaling.Config) { c.BasePath = "/cam" }, false, nil, "http://example.com/cam/"},
		"a trusted proxy": {proxy, false, map[string]string{
			"X-Forwarded-Proto": "https", "X-Forwarded-Host": "cam.example:8443", "X-Forwarded-Prefix": "/a/b/",
		}, "https://cam.example:8443/a/b/"},
		"a stranger": {func(*signaling.Config) {}, false, map[string]string{
			"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil",
		}, "http://example.com/"},
		"a proxy that passes nonsense on": {proxy, false, map[string]string{
			"X-Forwarded-Proto": "javascript", "X-Forwarded-Host": "evil.example/x?", "X-Forwarded-Prefix": "evil",
		}, "http://example.com/"},
		"a user in the host": {proxy, false, map[string]string{"X-Forwarded-Host": "example.com@evil.example"}, "http://example.com/"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/watch/cam", nil)
		for k, v := range tt.headers {
			r.Header.Set(k, v)
		}
		if tt.tls {
			r.TLS = new(tls.ConnectionState)
		}
		if got := viewers(t, tt.config).PublicURL(r).String(); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// A browser that somebody sends to a WHEP endpoint goes to the page; nobody else does.
func TestBrowsersGoToTheWatchPage(t *testing.T) {
	const chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
	f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *sessions.Config) { c.BasePath = "/video" })
	none := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, tt := range []struct {
		method, path, accept string
		want                 string // Location; "": no redirect
	}{
		{"GET", "/whep/cam", chromium, "/video/watch/cam"},
		{"GET", "/whep/cam/", "text/html", "/video/watch/cam"},
		{"GET", "/whep/cam?token=a%20b", chromium, "/video/watch/cam?token=a%20b"},
		{"GET", "/whep/cam", "application/sdp, TEXT/HTML;level=1", "/video/watch/cam"},
		{"GET", "/whep/cam", "", ""},
		{"GET", "/whep/cam", "*/*", ""},
		{"GET", "/whep/cam", "application/sdp", ""},
		{"GET", "/whep/cam", "text/html;q=0", ""},
		{"GET", "/whep/cam", "text/html; q=0.000, application/sdp", ""},
		{"HEAD", "/whep/cam", chromium, ""},
		{"OPTIONS", "/whep/cam", chromium, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, f.url+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.accept != "" {
			r.Header.Set("Accept", tt.accept)
		}
		res, err := none.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		status := http.StatusOK
		if tt.want != "" {
			status = http.StatusSeeOther
		}
		if res.StatusCode != status || res.Header.Get("Location") != tt.want {
			t.Errorf("%s %s, Accept %q: status %d, Location %q; want %d, %q",
				tt.method, tt.path, tt.accept, res.StatusCode, res.Header.Get("Location"), status, tt.want)
		}
		if tt.method == "GET" && res.Header.Get("Vary") != "Accept" {
			t.Errorf("GET %s: Vary %q: a cache would mix the two up", tt.path, res.Header.Get("Vary"))
		}
	}
	if r := f.do("POST", "/whep/cam", "v=0", "Accept", chromium, "Content-Type", "application/sdp"); r.StatusCode/100 == 3 {
		t.Errorf("a POST is redirected: status %d", r.StatusCode)
	}
	whip := newFixture(t, negotiate.Publish, nil)
	if r := whip.do("GET", "/whip/cam", "", "Accept", chromium); r.StatusCode != 200 {
		t.Errorf("WHIP: status %d", r.StatusCode)
	}
}

func TestLimitedCountsWithTheEndpoints(t *testing.T) {
	h := viewers(t, func(c *signaling.Config) { c.Limiter = signaling.NewLimiter(1, 2) })
	limited := h.Limited(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for i, want := range []int{204, 204, 429} {
		w := httptest.NewRecorder()
		limited.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/snapshot/cam.jpg", nil))
		if w.Code != want || (want == 429) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("request %d: status %d, Retry-After %q; want %d", i, w.Code, w.Header().Get("Retry-After"), want)
		}
	}
}
