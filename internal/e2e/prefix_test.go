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

// belowPrefix puts a reverse proxy before a server that shows it below a path, and
// returns the site's URL. edit changes what goes to the server.
func belowPrefix(t *testing.T, s *server, prefix string, edit func(*httputil.ProxyRequest)) string {
	t.Helper()
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix(prefix, &httputil.ReverseProxy{
		FlushInterval: -1, // events are passed on at once
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target) // and the host with it, as proxies do
			edit(r)
		},
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL + prefix
}

// TestSessionsBelowAPrefixThatNobodyTells puts a reverse proxy before the server that
// shows it below a path and says nothing of it: sessions and their ends work all the
// same for clients that resolve what they are told.
func TestSessionsBelowAPrefixThatNobodyTells(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	ended := make(chan string, 10) // sessions, by the path of their DELETE
	direct := s.url
	site := belowPrefix(t, s, "/cams/hall", func(r *httputil.ProxyRequest) {
		r.SetXForwarded()
		if r.In.Method == http.MethodDelete {
			ended <- r.In.URL.Path
		}
	})
	browser := startChromium(t)
	visitor := openTab(t, browser, site+"/whep/webcam")
	visitor.waitPlaying(20 * time.Second)
	if got := eval[string](visitor, "read the address", "location.href"); got != site+"/watch/webcam" {
		t.Errorf("a browser that opens the WHEP URL is at %s", got)
	}
	visitor.do("stop", `document.querySelector("whep-video").stop()`)
	requireEnd(t, ended, "/whep/webcam/")

	s.url = site
	p, err := newPublisher(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.close() })
	if err := p.signal("/whip/row"); err != nil {
		t.Fatal(err)
	}
	if err := p.delete(); err != nil {
		t.Error(err)
	}
	requireEnd(t, ended, "/whip/row/")
	s.url = direct
}

// TestFFmpegBelowAPrefixThatNobodyTells is the same for FFmpeg.
func TestFFmpegBelowAPrefixThatNobodyTells(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	ended := make(chan string, 10)
	site := belowPrefix(t, s, "/cams/hall", func(r *httputil.ProxyRequest) {
		r.SetXForwarded()
		if r.In.Method == http.MethodDelete {
			ended <- r.In.URL.Path
		}
	})
	stop := pushFFmpeg(t, site+"/whip/row", "")
	s.waitLive(t, "row", true, 30*time.Second)
	watch(t, s, "row").waitPlaying(t) // FFmpeg may hang that is interrupted while it begins
	stop()
	requireEnd(t, ended, "/whip/row/")
}

// requireEnd waits until a session below a path was ended by DELETE.
func requireEnd(t *testing.T, ended <-chan string, path string) {
	t.Helper()
	if got := receive(t, 10*time.Second, "the DELETE of a session below "+path, ended); !strings.HasPrefix(got, path) {
		t.Errorf("DELETE %s, want %s…", got, path)
	}
}

// TestSiteBelowAPrefix puts a reverse proxy before the server that shows it below a
// path, as many do: pages, pictures, redirects and descriptions lead to there.
func TestSiteBelowAPrefix(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource, "--trusted-proxy", "127.0.0.1")
	s.waitLive(t, "webcam", true, 20*time.Second)
	direct := s.url
	s.url = belowPrefix(t, s, "/cams/hall", func(r *httputil.ProxyRequest) {
		r.SetXForwarded()
		r.Out.Header.Set("X-Forwarded-Prefix", "/cams/hall")
	})

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
