//go:build e2e

package e2e_test

import (
	"context"
	_ "embed"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// thePlayer is the page's <whep-video>, and what a person reads in it.
const thePlayer = `document.querySelector("whep-video")`

// press presses a key as a person does.
func (p *tab) press(key string) {
	p.t.Helper()
	run(p, atOnce, "press "+key, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
			params := input.DispatchKeyEventParams{Type: kind, Key: key}
			if kind == input.DispatchKeyEventTypeKeyDown {
				params.Text = key
			}
			if _, err := cdp.Call(ctx, target, input.DispatchKeyEvent, params); err != nil {
				return err
			}
		}
		return nil
	}))
}

// says returns what one part of the player says.
func (p *tab) says(part string) string {
	p.t.Helper()
	return eval[string](p, "read the "+part, fmt.Sprintf(`%s.shadowRoot.querySelector(".%s").innerText`, thePlayer, part))
}

// waitSays waits until the player says a text in one of its parts.
func (p *tab) waitSays(within time.Duration, part, text string) {
	p.t.Helper()
	waitFor(p.t, within, fmt.Sprintf("%q in the player's %s", text, part), func() error {
		if got := p.says(part); !strings.Contains(got, text) {
			return fmt.Errorf("it says %q", got)
		}
		return nil
	})
}

// TestWatchPageDoesWhatPeopleAskOf opens one page and uses everything on it.
func TestWatchPageDoesWhatPeopleAskOf(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	p := openTab(t, startChromium(t), s.url+"/watch/webcam?stats")
	p.waitPlaying(20 * time.Second)

	t.Run("delay", p.requireMeasuredDelay)
	t.Run("statistics", func(*testing.T) {
		p.waitSays(5*time.Second, "stats", "640 × 360")
		p.waitSays(5*time.Second, "stats", "Direct, UDP")
		p.waitSays(5*time.Second, "stats", "H.264")
		p.press("i")
		p.waitTrue(5*time.Second, "the statistics to go", thePlayer+`.shadowRoot.querySelector(".stats").hidden`)
	})
	t.Run("sound", func(*testing.T) {
		p.press("m")
		p.waitTrue(5*time.Second, "the sound to come", "!"+thePlayer+".muted && !__probe.video().muted")
		p.press("m")
		p.waitTrue(5*time.Second, "the sound to go", thePlayer+".muted")
	})
	t.Run("snapshot", func(t *testing.T) {
		got := eval[[]int](p, "take a snapshot", `(async () => {
			const bytes = new Uint8Array(await (await `+thePlayer+`.snapshot()).arrayBuffer());
			const view = new DataView(bytes.buffer);
			return [...bytes.slice(0, 4), view.getUint32(16), view.getUint32(20)];
		})()`)
		if want := []int{0x89, 'P', 'N', 'G', 640, 360}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the snapshot begins with, and is as large as, %v, want %v", got, want)
		}
	})
	t.Run("another network", p.requireICERestart)
	t.Run("stop and play", func(*testing.T) {
		p.press("k")
		s.waitViewers(p.t, "webcam", 0, 5*time.Second)
		if kept := eval[int](p, "look at the picture that is kept", keptPicture); kept < 20 {
			p.t.Errorf("where it stopped, the page shows a picture as bright as %d of 255", kept)
		}
		p.press(" ")
		p.waitTrue(20*time.Second, "the page to play again", thePlayer+`.state.name === "playing"`)
	})
	t.Run("viewers", func(*testing.T) { p.waitSays(10*time.Second, "live", "1 watching") })
	t.Run("share", func(t *testing.T) {
		link := `[...document.querySelectorAll("dialog input")].some((input) => input.value === %q)`
		p.doAsPerson("open the dialog", `document.querySelector("#share").click()`)
		p.waitTrue(5*time.Second, "the link, and that it works on this computer only", fmt.Sprintf(link, s.url+"/watch/webcam")+
			` && /works on this computer only.*--http :8080/.test(document.querySelector("dialog").innerText) && !document.querySelector("dialog .qr")`)
		p.do("close it", `document.querySelector("dialog").close()`)
		// As of a server that listens in the network, too.
		p.doAsPerson("open it again", `document.documentElement.dataset.lan = "http://192.0.2.7:8080/"; document.querySelector("#share").click()`)
		p.waitTrue(5*time.Second, "the link for others, and its QR code", fmt.Sprintf(link, "http://192.0.2.7:8080/watch/webcam")+` && !!document.querySelector("dialog .qr path")`)
		p.screenshot("share")
	})
}

// requireMeasuredDelay compares the delay that the statistics show with what the
// probe reads from the same pictures.
func (p *tab) requireMeasuredDelay(t *testing.T) {
	p.waitSays(10*time.Second, "stats", "measured by the clock in the picture")
	p.do("observe", "__probe.observe(true)")
	late := startLateness(t)
	p.collect(60)
	probed := glassToGlass(p.collect(60), 0.5)
	shown := eval[float64](p, "read the delay", thePlayer+".delay.ms")
	t.Logf("the statistics show %.0f ms, the probe's median is %.0f ms", shown, probed)
	// The one looks at the moment of showing, the other at that of the callback before
	// it, and a busy machine moves both.
	if math.Abs(shown-probed) > 100+float64(late.stop()(0.5).Milliseconds()) {
		t.Errorf("the statistics show a delay of %.0f ms, the pictures one of %.0f ms", shown, probed)
	}
}

// requireICERestart tells the page that the network has changed: it must get new
// credentials for the session that it has, and play on.
func (p *tab) requireICERestart(t *testing.T) {
	const connection = `__probe.connections.at(-1)`
	const ufrag = `/a=ice-ufrag:(\S+)/.exec(` + connection + `.%sDescription.sdp)[1]`
	local, remote := fmt.Sprintf(ufrag, "local"), fmt.Sprintf(ufrag, "remote")
	before := eval[[]string](p, "read the credentials", fmt.Sprintf("[%s, %s]", local, remote))
	connections := eval[int](p, "count the connections", "__probe.connections.length")
	p.do("change the network", `dispatchEvent(new Event("online"))`)
	p.waitTrue(10*time.Second, "new credentials on both sides",
		fmt.Sprintf(`%s !== %q && %s !== %q && %s.connectionState === "connected"`, local, before[0], remote, before[1], connection))
	decoded := p.inbound("video")
	waitFor(p.t, 10*time.Second, "pictures after the restart", func() error {
		now := p.inbound("video")
		if got := now[len(now)-1].FramesDecoded - decoded[len(decoded)-1].FramesDecoded; got < 30 {
			return fmt.Errorf("%d have come", got)
		}
		return nil
	})
	if n := eval[int](p, "count the connections", "__probe.connections.length"); n != connections {
		t.Errorf("the restart made %d new connections", n-connections)
	}
}

// TestWatchPageThroughARelay insists on a relay, which the page learns of before its
// first offer: nothing else could be gathered. Not the binary with the race detector:
// pion/turn closes allocations while it makes their permissions.
func TestWatchPageThroughARelay(t *testing.T) {
	s := startProgram(t, plainBinary(t), "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	p := openTab(t, startChromium(t), s.url+"/watch/webcam?policy=relay&stats")
	p.waitPlaying(20 * time.Second)
	p.waitSays(5*time.Second, "stats", "Through a relay")
	if n := eval[int](p, "count the connections", "__probe.connections.length"); n != 1 {
		t.Errorf("the page made %d connections, want one", n)
	}
}

// TestWatchPageInChinese reads the words of another language.
func TestWatchPageInChinese(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	p := openTab(t, startChromium(t), s.url+"/watch/later?lang=zh")
	p.waitSays(10*time.Second, "headline", "没有这个名称的直播")
	if got := eval[string](p, "read the page", `document.documentElement.lang + " " + document.querySelector("#share").innerText.trim()`); got != "zh 分享" {
		t.Errorf("the page says %q", got)
	}
}

// TestWatchPageComesBack loses the tab, the publisher and the server, one after
// the other; the picture must come back each time.
func TestWatchPageComesBack(t *testing.T) {
	// What the console says of a server that is away.
	away := []string{"ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET", "status of 503"}
	frames := encodeTestVideo(t)
	first := startServer(t, "--source", patternSource)
	first.waitLive(t, "webcam", true, 20*time.Second)
	browser := startChromium(t)

	hidden := openTab(t, browser, first.url+"/watch/webcam")
	hidden.tolerate(away...)
	hidden.waitPlaying(20 * time.Second)
	hidden.freeze(t, 4*time.Second)
	hidden.do("observe", "__probe.observe(true)")
	waitFor(t, 15*time.Second, "live pictures in the tab that was frozen", func() error {
		if delay := glassToGlass(hidden.collect(20), 0.5); delay > 1000 {
			return fmt.Errorf("they are %.0f ms old", delay)
		}
		return nil
	})

	sender := publish(t, first, "cam", frames)
	p := openTab(t, browser, first.url+"/watch/cam")
	p.tolerate(away...)
	p.waitPlaying(20 * time.Second)
	p.do("show the statistics", thePlayer+`.setAttribute("stats", "")`)
	p.waitSays(10*time.Second, "stats", "measured from capture to screen")
	if err := sender.delete(); err != nil {
		t.Fatalf("end the publisher: %v", err)
	}
	sender.stop()
	p.waitSays(15*time.Second, "headline", "The publisher is away")
	publish(t, first, "cam", frames)
	p.waitTrue(20*time.Second, "the page to play the next publisher", thePlayer+`.state.name === "playing"`)
	if n := eval[int](p, "count the connections", "__probe.connections.length"); n != 1 {
		t.Errorf("the page made %d connections, want one that outlives the publisher", n)
	}

	if code := first.end(15*time.Second, syscall.SIGTERM); code != 0 {
		t.Errorf("the server's exit code is %d after SIGTERM", code)
	}
	p.waitSays(15*time.Second, "detail", "The server cannot be reached.")
	second := startServer(t, "--source", patternSource, "--http", strings.TrimPrefix(first.url, "http://"), "--media", first.media.String())
	publish(t, second, "cam", frames)
	p.waitTrue(40*time.Second, "the page to play from the server that is back", thePlayer+`.state.name === "playing"`)
}

// freeze puts another tab over this one and stops everything in it, as browsers and
// phones do in the background, and brings it back.
func (p *tab) freeze(t *testing.T, d time.Duration) {
	t.Helper()
	over, cancel := chromedp.NewContext(p.ctx, chromedp.WithNewWindow(false))
	defer cancel()
	if err := chromedp.Do(over, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("open another tab: %v", err)
	}
	run(p, atOnce, "freeze the tab", lifecycle("frozen"))
	waitFor(t, d+time.Second, "the tab to have been frozen for "+d.String(), after(d))
	run(p, atOnce, "let the tab run", lifecycle("active"))
	run(p, atOnce, "bring the tab to the front", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.BringToFront, cdp.Empty{})
		return err
	}))
	p.waitTrue(5*time.Second, "the tab to be seen again", "!document.hidden")
}

// lifecycle sets what a tab may do: it is "frozen" or "active".
func lifecycle(state page.SetWebLifecycleStateState) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state})
		return err
	})
}

//go:embed testdata/simulcast.js
var simulcastScript string

// TestViewerChoosesTheQuality watches a stream that comes in two sizes, and takes the
// small one from the menu as a person does.
func TestViewerChoosesTheQuality(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	browser := startChromium(t)
	sender := openTab(t, browser, s.url+"/")
	sender.do("publish two sizes", fmt.Sprintf("(%s)(%q)", simulcastScript, s.url+"/whip/sizes"))
	waitFor(t, 30*time.Second, "both sizes", func() error {
		sizes := 0
		for _, track := range s.stream(t, "sizes").Tracks {
			if track.Bitrate > 0 {
				sizes++
			}
		}
		if sizes != 2 {
			return fmt.Errorf("%d come", sizes)
		}
		return nil
	})
	p := openTab(t, browser, s.url+"/watch/sizes")
	p.waitPlaying(20 * time.Second)
	p.waitForQuality("180p")
	// A busy machine may take its time to encode the large one at all.
	p.chooseQuality("360p")
	p.waitTrue(40*time.Second, "the large picture", `__probe.video().videoWidth === 640`)
	p.chooseQuality("180p")
	p.waitTrue(20*time.Second, "the small picture", `__probe.video().videoWidth === 320`)
	p.chooseQuality("Automatic")
	p.waitTrue(40*time.Second, "the large picture again", `__probe.video().videoWidth === 640`)
}

// TestPlayerSaysWhatIsWrong gives players on a page of another site to a server
// that is no Porthole and refuses in every way, and reads what people are told.
func TestPlayerSaysWhatIsWrong(t *testing.T) {
	s := startServer(t, "--source", patternSource, "--view-token", "sesame")
	site := foreignSite(t, s)
	p := openTab(t, startChromium(t), site+"/")
	p.tolerate("the server responded with a status of", "ERR_CONNECTION_REFUSED")
	for _, c := range []struct{ player, headline, detail string }{
		{"missing", "There is no stream with this name", ""},
		{"nobody", "Waiting for the stream to start", "The picture appears here by itself."},
		{"full", "This stream is full", ""},
		{"often", "The server asks for a pause", ""},
		{"codec", "The server refused the connection", "This stream is H.265, which the offer lacks"},
		{"notoken", "This stream needs a token", ""},
		{"wrongtoken", "The token is wrong", ""},
		{"relay", "The server refused the connection", "Only a relay is allowed"},
		{"gone", "Reconnecting", "The server cannot be reached."},
		{"broken", "Reconnecting", "The server has a problem."},
		{"chinese", "没有这个名称的直播", ""},
	} {
		waitFor(t, 15*time.Second, "the words for "+c.player, func() error {
			got := eval[[]string](p, "read", fmt.Sprintf(`[".headline", ".detail"].map((part) =>
				document.getElementById(%q).shadowRoot.querySelector(part).textContent)`, c.player))
			if !strings.HasPrefix(got[0], c.headline) || !strings.Contains(got[1], c.detail) {
				return fmt.Errorf("it says %q, %q", got[0], got[1])
			}
			return nil
		})
	}
	if n := eval[int](p, "count who waits for a Retry-After", `[...document.querySelectorAll("#full, #often")]
		.filter((player) => player.state.retryAt > Date.now() + 15_000).length`); n != 2 {
		t.Errorf("%d of 2 players wait as long as the server wants", n)
	}
	p.waitTrue(20*time.Second, "a player of another site to play with its token", `document.getElementById("plays").state.name === "playing"`)
	p.screenshot("wrong")

	embed := openTab(t, p.ctx, s.url+"/embed/webcam")
	embed.tolerate("status of 401")
	for _, token := range []string{"wrong", "sesame"} {
		embed.waitTrue(10*time.Second, "the form for a token", `!document.querySelector("#token-form").hidden`)
		embed.do("give one", fmt.Sprintf(`document.querySelector("#token").value = %q; document.querySelector("#token-form").requestSubmit()`, token))
	}
	embed.waitPlaying(20 * time.Second)

	shares := openTab(t, p.ctx, s.url+"/watch/webcam#token=sesame")
	shares.waitPlaying(20 * time.Second)
	link := `[...document.querySelectorAll("dialog input")].map((input) => input.value).filter((text) => text.includes("/watch/")).join()`
	shares.do("open the dialog", `document.querySelector("#share").click()`)
	shares.waitTrue(5*time.Second, "a link without the token", link+fmt.Sprintf(" === %q", s.url+"/watch/webcam"))
	shares.do("choose the token", `document.querySelector("#share-token").click()`)
	shares.waitTrue(5*time.Second, "a link with the token", link+fmt.Sprintf(" === %q", s.url+"/watch/webcam#token=sesame"))
}

// foreignSite serves a page with many players, and the endpoints that refuse them.
func foreignSite(t testing.TB, s *server) string {
	t.Helper()
	refuse := map[string]func(http.ResponseWriter){
		"missing": func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
		"chinese": func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
		"nobody":  func(w http.ResponseWriter) { w.WriteHeader(http.StatusConflict) },
		"full": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"often": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"codec": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, `{"title":"Unprocessable","detail":"This stream is H.265, which the offer lacks"}`)
		},
		"broken": func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
	}
	var page strings.Builder
	fmt.Fprintf(&page, `<!doctype html><meta charset="utf-8"><title>Elsewhere</title><script type="module" src="%s/static/whep-video.js"></script>`, s.url)
	player := func(id, src, lang, more string) {
		fmt.Fprintf(&page, `<whep-video id=%q src=%q lang=%q autoplay muted %s></whep-video>`, id, src, lang, more)
	}
	for name := range refuse {
		lang := "en"
		if name == "chinese" {
			lang = "zh-CN"
		}
		player(name, "/whep/"+name, lang, "")
	}
	player("notoken", s.url+"/whep/webcam", "en", "")
	player("wrongtoken", s.url+"/whep/webcam", "en", `token="guess"`)
	player("relay", "/whep/norelay", "en", `policy="relay"`)
	player("plays", s.url+"/whep/webcam", "en", `token="sesame"`)
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()
	player("gone", nobody.URL+"/whep/x", "en", "")

	mux := http.NewServeMux()
	mux.HandleFunc("/whep/{name}", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions { // asked for ICE servers, it has none
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if answer := refuse[r.PathValue("name")]; answer != nil {
			answer(w)
			return
		}
		http.NotFound(w, r)
	})
	mux.HandleFunc("/favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, page.String())
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	return site.URL
}
