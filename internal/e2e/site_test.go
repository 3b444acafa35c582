//go:build e2e

package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestHomeShowsWhatIsLive looks at the home page as a visitor and as an operator:
// pictures of a source of the server, of VP8, and of H.264, which the page draws itself;
// who is connected, as it changes.
func TestHomeShowsWhatIsLive(t *testing.T) {
	t.Parallel()
	frames := encodeTestVideo(t)
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	publishVP8(t, s, "vp8")
	publish(t, s, "h264", frames)
	s.waitLive(t, "h264", true, 10*time.Second)
	s.waitLive(t, "vp8", true, 10*time.Second)

	for stream, want := range map[string]int{"webcam": 200, "vp8": 200, "h264": 404, "nobody": 404} {
		r := s.call(t, http.MethodGet, "/snapshot/"+stream+".jpg?width=160", "")
		if r.status != want {
			t.Errorf("the snapshot of %s: status %d, want %d: %.200s", stream, r.status, want, r.body)
		}
		if want != http.StatusOK {
			continue
		}
		if img, err := jpeg.Decode(bytes.NewReader([]byte(r.body))); err != nil || img.Bounds().Dx() != 160 {
			t.Errorf("the snapshot of %s: %v, %v", stream, img, err)
		}
	}

	browser := startChromium(t)
	page := openTab(t, browser, s.url+"/")
	page.waitTrue(30*time.Second, "a picture of each stream", `document.querySelectorAll(".stream .shot").length === 3 &&
		[...document.querySelectorAll(".stream .shot")].every(({ complete, naturalWidth }) => complete && naturalWidth > 0)`)
	page.do("open the connections", `document.querySelector("#operator").open = true`)
	rows := func(n int, what string) {
		t.Helper()
		page.waitTrue(15*time.Second, what, fmt.Sprintf(`[...document.querySelectorAll(".sessions [data-column=state]")].filter(({ dataset }) => dataset.state === "connected").length === %d`, n))
	}
	rows(2, "two connected publishers")
	viewer := watch(t, s, "webcam")
	rows(3, "a viewer beside them")
	viewer.close()
	rows(2, "the viewer to go")
	connectionsAtHand(t, s, page, rows)
}

// connectionsAtHand goes through what an operator does with the list of connections, and what a visitor finds on the page.
func connectionsAtHand(t *testing.T, s *server, page *tab, rows func(n int, what string)) {
	t.Helper()
	page.do("show the ended ones", `document.querySelector(".sessions + .plain").click()`)
	page.waitTrue(10*time.Second, "the one that has ended, below the others", `(() => {
		const all = [...document.querySelectorAll(".sessions tbody tr")];
		const ended = all.map((row) => row.classList.contains("ended"));
		return ended.at(-1) && ended.indexOf(true) >= 2 && !ended.slice(ended.indexOf(true)).includes(false) && all.at(-1).querySelector(".tools button").hidden;
	})()`)
	page.do("hide them", `document.querySelector(".sessions + .plain").click()`)
	page.waitTrue(10*time.Second, "a rate in place of counts", `[...document.querySelectorAll(".sessions [data-column=rate]")].every((cell) => /bit\/s$/.test(cell.innerText))`)

	viewer := watch(t, s, "h264")
	defer viewer.close()
	rows(3, "another viewer")
	page.do("choose a stream", `(() => { const f = document.querySelector("#session-filter"); f.value = "h264"; f.dispatchEvent(new Event("change")); })()`)
	rows(2, "the publisher and the viewer of one stream")
	page.do("disconnect the viewer", `[...document.querySelectorAll(".sessions tr")].find((row) => row.innerText.includes("Viewer")).querySelector(".tools button").click()`)
	rows(1, "the viewer to be gone")

	page.waitTrue(10*time.Second, "a summary that counts what there is", `/^\d live( · \d on demand)?$/.test(document.querySelector("#summary").innerText)`)
	if got := eval[string](page, "look at a card's tools", `document.querySelector(".stream .tools button").innerText`); got != "Copy link" {
		t.Errorf("a card's first tool is %q", got)
	}
	page.do("choose GStreamer", `document.querySelector("#publish-ways-tab-2").focus()`)
	page.do("and go on by the keyboard", `document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }))`)
	if got := eval[string](page, "read the open tab", `document.querySelector("#publish-ways [role=tabpanel]:not([hidden])").innerText`); !strings.Contains(got, "gst-launch-1.0") || strings.Contains(got, "TOKEN") {
		t.Errorf("the open tab says %q, want the line for GStreamer without a word to replace", got)
	}
}

// otherSite serves pages of another site than the server's.
func otherSite(t testing.TB, pages map[string]string) string {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		body, ok := pages[r.URL.Path]
		if !ok && r.URL.Path != "/favicon.ico" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, "<!doctype html><title>Another site</title><body>%s", body)
	}))
	t.Cleanup(site.Close)
	return site.URL
}

// TestEmbeddedOnAnotherSite embeds a stream in a page of another origin: by the player's
// element, by the frame that oEmbed describes, and by a frame that is not allowed.
func TestEmbeddedOnAnotherSite(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource, "--allow-origin", "*")
	s.waitLive(t, "webcam", true, 20*time.Second)
	closed := startServer(t, "--source", patternSource, "--frame-ancestors", "none")
	site := otherSite(t, map[string]string{
		"/element": fmt.Sprintf(`<script type="module" src="%s/static/whep-video.js"></script><whep-video src="%s/whep/webcam" muted autoplay controls></whep-video>`, s.url, s.url),
		"/frame":   s.oembed(t, "webcam"),
		"/closed":  fmt.Sprintf(`<iframe src="%s/embed/webcam"></iframe>`, closed.url),
	})
	browser := startChromium(t)

	element := openTab(t, browser, site+"/element")
	element.waitPlaying(20 * time.Second)
	s.waitViewers(t, "webcam", 1, 10*time.Second)
	requireMoving(element, 10)

	frame := openTab(t, browser, site+"/frame")
	waitFor(t, 20*time.Second, "the player in the frame to be connected", func() error {
		if n := s.connected(t, "whep"); n != 2 {
			return fmt.Errorf("%d viewers are connected", n)
		}
		return nil
	})
	frame.screenshot("frame")

	quiet := openTab(t, browser, s.url+"/embed/webcam?controls=0&muted=0&autoplay=0&lang=zh&policy=relay&poster=%2Fsnapshot%2Fwebcam.jpg")
	for attribute, want := range map[string]string{
		"controls": "", "muted": "", "autoplay": "", "lang": "zh", "policy": "relay", "poster": s.url + "/snapshot/webcam.jpg",
	} {
		script := fmt.Sprintf(`document.querySelector("whep-video").getAttribute(%q) ?? "none"`, attribute)
		if want == "" {
			want = "none"
		}
		if got := eval[string](quiet, "read "+attribute, script); got != want {
			t.Errorf("the embed page's player has %s %q, want %q", attribute, got, want)
		}
	}

	refused := openTab(t, browser, site+"/closed")
	refused.tolerate("frame-ancestors")
	waitFor(t, 10*time.Second, "the browser to refuse the frame", func() error {
		refused.mu.Lock()
		defer refused.mu.Unlock()
		if !strings.Contains(strings.Join(refused.faults, " "), "frame-ancestors") {
			return errNotYet
		}
		return nil
	})
	if n := closed.stream(t, "webcam").Viewers; n != 0 {
		t.Errorf("%d viewers of a stream whose frame is refused", n)
	}

	// A browser that is sent to the WHEP URL comes to the page.
	visitor := openTab(t, browser, s.url+"/whep/webcam")
	visitor.waitPlaying(20 * time.Second)
	if got := eval[string](visitor, "read the address", "location.pathname"); got != "/watch/webcam" {
		t.Errorf("a browser that opens the WHEP URL is at %s", got)
	}
}

// oembed finds out, as a content management system does, how to embed a stream, by
// nothing but the address of its watch page, and returns the HTML.
func (s *server) oembed(t testing.TB, stream string) string {
	t.Helper()
	page := s.call(t, http.MethodGet, "/watch/"+stream, "")
	links := map[string]string{}
	for _, m := range regexp.MustCompile(`<link rel="alternate" type="([^"]+)" href="([^"]+)">`).FindAllStringSubmatch(page.body, -1) {
		links[m[1]] = html.UnescapeString(m[2])
	}
	var answer struct{ HTML, Type string }
	link := links["application/json+oembed"]
	u, err := url.Parse(link)
	if err != nil || u.Path != "/oembed" {
		t.Fatalf("the watch page's link is %q", link)
	}
	r := s.call(t, http.MethodGet, u.RequestURI(), "")
	if r.status != http.StatusOK || r.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Fatalf("%s: status %d, %s: %s", link, r.status, r.header.Get("Content-Type"), r.body)
	}
	if err := json.Unmarshal([]byte(r.body), &answer); err != nil || answer.Type != "video" {
		t.Fatalf("%v in %s", err, r.body)
	}
	return answer.HTML
}
