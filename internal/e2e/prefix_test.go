//go:build e2e

package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestSiteBelowAPrefix puts a reverse proxy before the server that shows it below a
// path, as many do: pages, pictures, redirects and descriptions lead to there.
func TestSiteBelowAPrefix(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource, "--trusted-proxy", "127.0.0.1")
	s.waitLive(t, "webcam", true, 20*time.Second)
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix("/cams/hall", &httputil.ReverseProxy{
		FlushInterval: -1, // events are passed on at once
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target) // and the host with it, as proxies do
			r.SetXForwarded()
			r.Out.Header.Set("X-Forwarded-Prefix", "/cams/hall")
		},
	}))
	t.Cleanup(proxy.Close)
	direct := s.url
	s.url = proxy.URL + "/cams/hall"

	r := s.call(t, http.MethodGet, "/watch/webcam", "")
	if want := `href="` + s.url + `/oembed?format=json&amp;url=`; !strings.Contains(r.body, want) {
		t.Errorf("the watch page has no %s: %.900s", want, r.body)
	}
	description := s.call(t, http.MethodGet, "/oembed?url="+url.QueryEscape(s.url+"/watch/webcam"), "")
	for _, want := range []string{s.url + "/embed/webcam", s.url + "/snapshot/webcam.jpg?width=640"} {
		if !strings.Contains(description.body, want) {
			t.Errorf("the description names no %s: status %d, %s", want, description.status, description.body)
		}
	}

	browser := startChromium(t)
	home := openTab(t, browser, s.url+"/")
	home.waitTrue(20*time.Second, "a picture", `document.querySelector(".stream .shot")?.naturalWidth > 0`)
	visitor := openTab(t, browser, s.url+"/whep/webcam")
	visitor.waitPlaying(20 * time.Second)
	if got := eval[string](visitor, "read the address", "location.href"); got != s.url+"/watch/webcam" {
		t.Errorf("a browser that opens the WHEP URL is at %s", got)
	}
	s.url = direct
}
