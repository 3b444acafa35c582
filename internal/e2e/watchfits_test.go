//go:build e2e

package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// keptPicture is how bright the picture is that the player keeps when it does not play: the
// mean of all dots, 0 to 255, and 0 when there is none.
const keptPicture = `(() => {
	const still = document.querySelector("whep-video").shadowRoot.querySelector(".still");
	if (still.hidden) return 0;
	const { data } = still.getContext("2d").getImageData(0, 0, still.width, still.height);
	let sum = 0;
	for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
	return Math.round(sum / (data.length / 4 * 3));
})()`

// The widths and heights at which the player is looked at.
var playerSizes = []view{
	{"320", 320, 640, 1, true, "dark", false},
	{"360", 360, 740, 1, true, "dark", false},
	{"390", 390, 844, 1, true, "light", false},
	{"844x390", 844, 390, 1, true, "dark", false},
	{"1280", 1280, 800, 1, false, "light", false},
	{"frame", 320, 180, 1, false, "dark", false},
}

// outside names the player's controls that are not wholly in the window, and those that have to
// be there and are not.
const outside = `(() => {
	const { shadowRoot } = document.querySelector("whep-video");
	const shown = [...shadowRoot.querySelectorAll(".bar > *:not(.gap), .stats:not([hidden])")].filter((each) => each.getClientRects().length > 0);
	const cut = shown.filter((each) => {
		const { left, right, top, bottom } = each.getBoundingClientRect();
		return left < 0 || top < 0 || right > innerWidth || bottom > innerHeight;
	});
	const there = (name) => shown.some((each) => each.getAttribute("aria-label") === name);
	return [...cut.map((each) => each.className + JSON.stringify(each.getBoundingClientRect())), ...%s.filter((name) => !there(name))].join(", ");
})()`

// cutOff gives the player a size, and names its controls that are not wholly in it, and the
// one for the full screen when it is gone.
const cutOff = `(() => {
	const player = document.querySelector("whep-video");
	player.style.cssText = "width: %dpx; height: %dpx";
	player.dispatchEvent(new PointerEvent("pointermove"));
	const around = player.getBoundingClientRect();
	const shown = [...player.shadowRoot.querySelectorAll(".bar > *:not(.gap)")].filter((each) => each.getClientRects().length > 0);
	const cut = shown.filter((each) => {
		const { left, right, top, bottom } = each.getBoundingClientRect();
		return left < around.left || right > around.right || top < around.top || bottom > around.bottom;
	});
	const there = shown.some((each) => each.getAttribute("aria-label") === "Full screen");
	player.style.cssText = "";
	return [...cut.map((each) => each.className), ...(there ? [] : ["full screen"])].join(", ");
})()`

// TestWatchPageFits looks at one watch page in every size, in both languages, and at what it
// loads; the other pages' sizes are in TestPagesLookFinished.
func TestWatchPageFits(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	browser := startChromium(t)
	for _, language := range []struct{ tag, controls string }{
		{"en", `["Pause", "Unmute", "More", "Full screen"]`}, {"zh", `["暂停", "取消静音", "更多", "全屏"]`},
	} {
		p := openTab(t, browser, s.url+"/watch/webcam?lang="+language.tag)
		p.waitPlaying(20 * time.Second)
		p.waitTrue(10*time.Second, "sound", thePlayer+`.shadowRoot.querySelector(".unmute:not([hidden])") !== null`)
		if language.tag == "en" {
			p.requireBudget(t)
		}
		for _, size := range playerSizes {
			p.look(size)
			p.do("stir", `document.dispatchEvent(new PointerEvent("pointermove"))`)
			for _, statistics := range []bool{false, true} {
				p.do("statistics", fmt.Sprintf(`%s.toggleAttribute("stats", %v)`, thePlayer, statistics))
				if out := eval[string](p, "look for what is cut off", fmt.Sprintf(outside, language.controls)); out != "" {
					t.Errorf("%s, %s, with statistics %v: cut off or gone: %s", size.name, language.tag, statistics, out)
				}
			}
			p.requireNoOverflow(size.name)
		}
	}
}

// requireBudget counts what the page has loaded to play, the document among it.
func (p *tab) requireBudget(t *testing.T) {
	t.Helper()
	loaded := eval[[]string](p, "list what was loaded", `performance.getEntries().filter(({ transferSize }) => transferSize !== undefined)
		.map(({ name, transferSize }) => transferSize + " " + name)`)
	bytes := eval[int](p, "add up what was loaded", `performance.getEntries().reduce((sum, { transferSize = 0 }) => sum + transferSize, 0)`)
	if len(loaded) > 8 || bytes > 60_000 {
		t.Errorf("the page has loaded %d bytes, at most 60000, by %d requests, at most 8:\n%s", bytes, len(loaded), strings.Join(loaded, "\n"))
	}
}

// TestWatchPageWaits looks at a page of a stream that is not there: it asks for nothing again and
// again, names the others, and plays when the stream comes. Then its module does not load.
func TestWatchPageWaits(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	browser := startChromium(t)
	p := openTab(t, browser, s.url+"/watch/cam")
	p.waitSays(10*time.Second, "headline", "There is no stream with this name")
	p.waitTrue(5*time.Second, "the stream that is live", `document.querySelector("#others a")?.href === `+fmt.Sprintf("%q", s.url+"/watch/webcam"))
	asked := func() []string {
		return eval[[]string](p, "list what was asked", `performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => /whep\/|api\//.test(name))`)
	}
	p.requireFor(6*time.Second, "one event stream at most", `performance.getEntriesByType("resource").filter(({ name }) => /whep\/|api\//.test(name)).length <= 1`)
	publish(t, s, "cam", encodeTestVideo(t))
	p.waitPlaying(20 * time.Second)
	if !eval[bool](p, "look at the list", `document.querySelector("#others").hidden`) {
		t.Error("the other streams are still listed")
	}
	if offers := strings.Count(strings.Join(asked(), "\n")+"\n", "/whep/cam\n"); offers != 1 {
		t.Errorf("%d offers were sent, want one:\n%s", offers, strings.Join(asked(), "\n"))
	}

	flaky := startFlaky(t, s.url)
	lost := openTab(t, browser, flaky.url+"/watch/webcam")
	lost.tolerate("ERR_EMPTY_RESPONSE")
	lost.waitTrue(10*time.Second, "the page without its module", `customElements.get("whep-video") === undefined`)
	lost.waitTrue(10*time.Second, "something to see without it", `performance.getEntriesByType("paint").length > 0`)
	flaky.whole.Store(true)
	s.waitViewers(t, "webcam", 1, 30*time.Second) // the page is not asked while it loads again
	lost.waitPlaying(20 * time.Second)
}

// requireFor checks that a script's value stays true.
func (p *tab) requireFor(within time.Duration, what, script string) {
	p.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if !eval[bool](p, what, script) {
			p.t.Fatalf("%s: no longer so; the page says: %s", what, p.text())
		}
	}
}

// flaky is a server in front of another, which breaks off the connections of requests for
// what pages load until it is whole.
type flaky struct {
	url   string
	whole atomic.Bool
}

func startFlaky(t testing.TB, server string) *flaky {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1
	f := &flaky{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !f.whole.Load() && strings.HasPrefix(r.URL.Path, "/static/built/") {
			panic(http.ErrAbortHandler)
		}
		r.Header.Del("Origin") // it is the other server's own page
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	f.url = front.URL
	return f
}

// TestWall shows two streams and a third one that comes and goes, each in its small size, and
// one of them large, with sound.
func TestWall(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource, "--source", "door=pattern:?size=640x360") // which sleeps
	s.waitLive(t, "webcam", true, 20*time.Second)
	p := openTab(t, startChromium(t), s.url+"/wall")
	tile := func(name string) string {
		return fmt.Sprintf(`document.querySelector('[data-stream="%s"] whep-video')`, name)
	}
	plays := func(name string) string {
		return fmt.Sprintf(`%[1]s?.state.name === "playing" && %[1]s.video.muted`, tile(name))
	}
	small := func(name string) string { return plays(name) + ` && ` + tile(name) + `.video.videoHeight === 180` }
	for _, name := range []string{"webcam", "door"} {
		p.waitTrue(40*time.Second, name+" in its small size", small(name))
	}
	sender := publish(t, s, "cam", encodeTestVideo(t))
	p.waitTrue(20*time.Second, "a stream that comes", plays("cam"))
	p.doAsPerson("enlarge one", `document.querySelector('[data-stream="door"] .enlarge').click()`)
	p.waitTrue(40*time.Second, "it in full, with sound", fmt.Sprintf(`!%[1]s.video.muted && %[1]s.video.videoHeight === 360 && %[1]s.clientWidth === innerWidth`, tile("door")))
	p.keepPicture("wall-large")
	p.do("go back", `document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }))`)
	p.waitTrue(40*time.Second, "it in its small size again", small("door"))
	if err := sender.delete(); err != nil {
		t.Fatalf("end the publisher: %v", err)
	}
	sender.stop()
	p.waitTrue(60*time.Second, "the stream that has gone to go", `document.querySelector('[data-stream="cam"] whep-video') === null`)
	p.waitTrue(5*time.Second, "the others to play on", plays("webcam")+" && "+plays("door"))
}
