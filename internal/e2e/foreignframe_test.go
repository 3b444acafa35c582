//go:build e2e

package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestForeignFrameWakesNothing shows the player of a server that no token protects in a
// frame of another site. The camera sleeps on; the frame says which flag opens it, and
// with that flag, or the one for frames, it plays.
func TestForeignFrameWakesNothing(t *testing.T) {
	t.Parallel()
	const asleep = sleepySource + "&ondemand=1s"
	closed := startServer(t, "--source", asleep)
	var framed string
	site := otherSite(t, map[string]string{
		"/closed":  fmt.Sprintf(`<iframe src="%s/embed/webcam" width="800"></iframe>`, closed.url),
		"/picture": fmt.Sprintf(`<img src="%s/snapshot/webcam.jpg"><iframe src="%s/snapshot/webcam.jpg"></iframe>`, closed.url, closed.url),
	})
	browser := startChromium(t)
	for _, path := range []string{"/closed", "/picture"} {
		refused := openTab(t, browser, site+path)
		refused.tolerate("403", "frame-ancestors")
		waitFor(t, 10*time.Second, "the frame to be refused", func() error {
			refused.mu.Lock()
			defer refused.mu.Unlock()
			if !strings.Contains(strings.Join(refused.faults, " "), "403") {
				return errNotYet
			}
			return nil
		})
		refused.screenshot("refused")
	}
	if info := closed.stream(t, "webcam"); info.Viewers != 0 || info.State != "standby" {
		t.Errorf("%d viewers, and the stream is %s, of a server that a foreign page frames", info.Viewers, info.State)
	}
	r := closed.call(t, http.MethodGet, "/embed/webcam", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Referer", site+"/")
	if r.status != http.StatusForbidden || !strings.Contains(r.body, "--allow-origin "+site) {
		t.Errorf("status %d: %s; want 403 with the flag that opens it", r.status, r.body)
	}
	// A browser without Fetch Metadata goes by the policy.
	r = closed.call(t, http.MethodGet, "/embed/webcam", "")
	if policy := r.header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, "frame-ancestors 'self'") {
		t.Errorf("the embed page's policy is %q", policy)
	}

	for _, flag := range []string{"--allow-origin", "--frame-ancestors"} {
		site := otherSite(t, map[string]string{})
		open := startServer(t, "--source", asleep, flag, site)
		framed = open.url
		page := openTab(t, browser, site+"/favicon.ico")
		page.do("frame the player", fmt.Sprintf(`document.body.innerHTML = '<iframe src="%s/embed/webcam"></iframe>'`, framed))
		waitFor(t, 20*time.Second, "the player in the frame of "+flag+" to be connected", func() error {
			if n := open.connected(t, "whep"); n != 1 {
				return fmt.Errorf("%d viewers are connected", n)
			}
			return nil
		})
	}
}

// TestLocalNetworkIsExplained has a page from the internet, as Chromium sees it, play a
// stream of a server on this machine. Without a window there is nobody to allow it: the
// player says where that is done, and of a frame, what it needs.
func TestLocalNetworkIsExplained(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource, "--allow-origin", "*")
	s.waitLive(t, "webcam", true, 20*time.Second)
	player := func(lang string) string {
		return fmt.Sprintf(`<script type="module" src="/static/whep-video.js"></script><whep-video src="%s/whep/webcam" lang="%s" muted autoplay controls></whep-video>
			<script>document.querySelector("whep-video").addEventListener("state", ({ detail }) => { top.postMessage(detail.detail, "*"); });</script>`, s.url, lang)
	}
	frame := func(allow string) string {
		return fmt.Sprintf(`<script>document.write('<iframe allow="autoplay%s" src="http://player.example:' + location.port + '/en"></iframe>')</script>`, allow)
	}
	site := publicSite(t, s, map[string]string{
		"/en": player("en"), "/zh": player("zh"), "/frame": frame(""), "/allowed": frame("; local-network-access"),
	})
	u, err := url.Parse(site)
	if err != nil {
		t.Fatal(err)
	}
	page, inner := "http://cms.example:"+u.Port(), "http://player.example:"+u.Port()
	browser := startChromium(t,
		chromedp.Flag("host-resolver-rules", "MAP *.example 127.0.0.1"),
		chromedp.Flag("unsafely-treat-insecure-origin-as-secure", page+","+inner),
		chromedp.Flag("ip-address-space-overrides", "127.0.0.1:"+u.Port()+"=public"),
	)
	const listen = `window.said = []; addEventListener("message", ({ data }) => { said.push(data); });`
	for path, want := range map[string]string{
		"/en": "site’s settings", "/zh": "网站设置", "/frame": `allow="local-network-access"`, "/allowed": "site’s settings",
	} {
		tab := openTab(t, browser, page+path, listen)
		tab.tolerate("another machine: "+page, "another machine: "+inner, "`loopback` address space", "ERR_FAILED", "favicon.ico")
		tab.waitTrue(20*time.Second, "the player at "+path+" to say "+want, fmt.Sprintf(`said.some((text) => text.includes(%q))`, want))
		tab.screenshot(path[1:])
	}
	if n := s.stream(t, "webcam").Viewers; n != 0 {
		t.Errorf("%d viewers, and the browser let nobody through", n)
	}
}

// publicSite serves pages, and the player's modules as a copy of them would be.
func publicSite(t testing.TB, s *server, pages map[string]string) string {
	t.Helper()
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	modules := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := pages[r.URL.Path]
		if !ok {
			modules.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><title>A site</title><body>%s", body)
	}))
	t.Cleanup(site.Close)
	return site.URL
}
