//go:build e2e

package e2e_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/demo.js
var demoScript string

// view is how somebody looks at a page.
type view struct {
	name          string
	width, height int64
	scale         float64
	mobile        bool
	scheme        string // "light" or "dark"
	barriers      bool   // whether axe-core looks: at each width and at each scheme once
}

func views() []view {
	return []view{
		{"desktop-light", 1280, 800, 1, false, "light", true},
		{"desktop-dark", 1280, 800, 1, false, "dark", false},
		{"phone-light", 390, 844, 2, true, "light", false},
		{"phone-dark", 390, 844, 2, true, "dark", true},
	}
}

// sizes are those at which nothing may stick out of a page, besides those of views: small phones, and one on its side.
func sizes() []view {
	return []view{
		{"320", 320, 640, 1, true, "light", false},
		{"360", 360, 740, 1, true, "light", false},
		{"844x390", 844, 390, 1, true, "light", false},
	}
}

// look makes the page be seen so from now on.
func (p *tab) look(v view) {
	p.t.Helper()
	run(p, atOnce, "set the view", chromedp.Steps(
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
				Width: v.width, Height: v.height, DeviceScaleFactor: v.scale, Mobile: v.mobile,
			})
			return err
		}),
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
			})
			return err
		})))
	// Two frames later everything has its place.
	p.do("let the page settle", "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
}

// page is a page in one state.
type pageState struct {
	name    string
	path    string
	scripts []string
	ready   string // a script that is true when there is something to see
	arrange string // a script that brings it there; run once ready
	then    string // true when arrange has done its work
	few     bool   // only the views in which axe-core looks
	narrow  bool   // pictures of the odd sizes are kept, too
}

// TestPagesLookFinished keeps pictures of every page as people see it, for people to
// look at, and has axe-core look for barriers in each: none may be serious.
func TestPagesLookFinished(t *testing.T) {
	t.Parallel()
	axe := axeScript(t)
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	secret := startServer(t, "--source", patternSource, "--view-token", "see", "--publish-token", "send")
	browser := startChromium(t)

	none := `window.__demoStreams = "none";`
	streamsShown := `document.querySelectorAll(".stream").length === 5`
	playing := `(() => { const v = __probe.video(); return !!v && v.videoWidth > 0 && v.currentTime > 0; })()`
	operator := `document.querySelector("#operator").open = true; document.querySelector("#publish-ways-tab-2").click();`
	refused := `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("denied", "NotAllowedError"));`
	for _, page := range []pageState{
		{name: "home", narrow: true, path: s.url + "/", ready: `document.querySelector(".stream .shot") !== null`},
		{name: "home-empty", path: s.url + "/", scripts: []string{none, demoScript}, ready: `!document.querySelector("#empty").hidden`},
		{name: "home-many", narrow: true, path: s.url + "/", scripts: []string{demoScript}, ready: streamsShown, arrange: operator, then: `document.querySelectorAll(".sessions tbody tr").length === 2 && document.querySelector(".sessions + .plain").innerText === "Show 1 ended"`},
		{name: "home-many-zh", few: true, path: s.url + "/?lang=zh", scripts: []string{demoScript}, ready: streamsShown, arrange: operator + `setTimeout(() => document.querySelector(".sessions + .plain").click(), 300);`, then: `document.querySelectorAll(".sessions tbody tr").length === 3`},
		{name: "home-token", few: true, path: secret.url + "/", ready: `!document.querySelector("#token-form").hidden`},
		{name: "watch", narrow: true, path: s.url + "/watch/webcam", ready: playing},
		{name: "watch-statistics", path: s.url + "/watch/webcam?stats&lang=zh", ready: playing, then: `document.querySelector("whep-video").delay?.method === "picture"`,
			arrange: `document.querySelector("whep-video").shadowRoot.querySelector(".more").click()`},
		{name: "watch-share", path: s.url + "/watch/webcam", ready: playing, then: `!!document.querySelector("dialog .qr")`,
			arrange: `document.documentElement.dataset.lan = "http://192.0.2.7:8080/"; document.querySelector("#share").click()`},
		{name: "watch-share-alone", few: true, path: s.url + "/watch/webcam", ready: playing, arrange: `document.querySelector("#share").click()`, then: `!!document.querySelector("dialog .lines")`},
		{name: "watch-listen", few: true, path: s.url + "/watch/webcam", ready: playing, arrange: `document.querySelector("#listen").click()`, then: `!!document.querySelector("dialog.listen")`},
		{name: "watch-nobody", path: s.url + "/watch/nobody", ready: `document.querySelector("whep-video").shadowRoot.textContent.trim().length > 0`},
		{name: "watch-nobody-zh", few: true, path: s.url + "/watch/nobody?lang=zh", ready: `!document.querySelector("#others").hidden`},
		{name: "watch-keys", few: true, path: s.url + "/watch/webcam", ready: playing, arrange: `document.dispatchEvent(new KeyboardEvent("keydown", { key: "?" }))`,
			then: `!document.querySelector("whep-video").shadowRoot.querySelector(".keys").hidden`},
		{name: "wall", path: s.url + "/wall?streams=webcam,nobody", ready: `document.querySelector("whep-video")?.video.currentTime > 0`},
		{name: "wall-zh", few: true, path: s.url + "/wall?lang=zh", ready: `document.querySelector("whep-video")?.video.currentTime > 0`},
		{name: "wall-token", few: true, path: secret.url + "/wall", ready: `!document.querySelector("#token-form").hidden`},
		{name: "missing", few: true, path: s.url + "/no/such/page", ready: `document.querySelector("h1").textContent === "There is no such page"`},
		{name: "embed-token", few: true, path: secret.url + "/embed/webcam", ready: `!document.querySelector("#token-form").hidden`},
		{name: "watch-token", few: true, path: secret.url + "/watch/webcam", ready: `!document.querySelector("#token-form").hidden`},
		{name: "embed", path: s.url + "/embed/webcam", ready: playing},
		{name: "publish", narrow: true, path: s.url + "/publish/desk", ready: `document.querySelector("#preview").videoWidth > 0`},
		{name: "publish-zh", few: true, path: s.url + "/publish/desk?lang=zh", ready: `document.querySelector("#preview").videoWidth > 0`},
		{name: "publish-refused", few: true, path: s.url + "/publish/desk", scripts: []string{refused}, ready: `!document.querySelector("#trouble").hidden`},
		{name: "unknown", few: true, path: s.url + "/watch/two%20words", ready: `document.querySelector("h1") !== null`},
	} {
		t.Run(page.name, func(t *testing.T) {
			p := openTab(t, browser, page.path, page.scripts...)
			p.tolerate("status of 401", "status of 404")
			p.waitTrue(20*time.Second, "the page "+page.name, page.ready)
			if page.arrange != "" {
				p.do("arrange the page", page.arrange)
				p.waitTrue(10*time.Second, "the page "+page.name, page.then)
			}
			for _, v := range views() {
				if page.few && !v.barriers {
					continue
				}
				p.look(v)
				p.keepPicture(page.name + "-" + v.name)
				p.requireNoOverflow(v.name)
				if v.barriers {
					p.requireNoBarriers(axe, v.name)
				}
			}
			for _, v := range sizes() {
				p.look(v)
				p.requireNoOverflow(v.name)
				if page.narrow {
					p.keepPicture(page.name + "-" + v.name)
				}
			}
		})
	}
}

// requireNoOverflow checks that nothing sticks out of the page sideways.
func (p *tab) requireNoOverflow(what string) {
	p.t.Helper()
	if out := eval[int](p, "measure the page", "document.documentElement.scrollWidth - document.documentElement.clientWidth"); out > 0 {
		p.t.Errorf("%s: the page is %d pixels wider than the window", what, out)
	}
}

// axeScript returns axe-core.
func axeScript(t testing.TB) string {
	t.Helper()
	file := os.Getenv("E2E_AXE")
	if file == "" {
		t.Fatal(`E2E_AXE names no axe-core; run E2E_AXE="$(scripts/axe.sh)", or make test-e2e`)
	}
	script, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("read axe-core: %v", err)
	}
	return string(script)
}

// barrier is what axe-core has found.
type barrier struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Where  []string `json:"where"`
}

// requireNoBarriers lets axe-core look at the page.
func (p *tab) requireNoBarriers(axe, what string) {
	p.t.Helper()
	p.do("load axe-core", "if (!window.axe) {"+axe+"}")
	found := eval[[]barrier](p, "look for barriers", `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
		violations.map(({ id, impact, help, nodes }) => ({ id, impact, help,
			where: nodes.map(({ target, failureSummary }) => target.join(" ") + ": " + failureSummary.replace(/\s+/g, " ")) })))`)
	for _, b := range found {
		text, err := json.MarshalIndent(b, "", "  ")
		if err != nil {
			p.t.Fatal(err)
		}
		switch b.Impact {
		case "serious", "critical":
			p.t.Errorf("%s: axe-core has found a %s barrier: %s", what, b.Impact, text)
		default:
			p.t.Logf("%s: axe-core remarks: %s", what, text)
		}
	}
}

// keepPicture keeps a picture of the whole page for people to look at.
func (p *tab) keepPicture(name string) {
	p.t.Helper()
	picture := run(p, atOnce, "take a picture", chromedp.FullScreenshot(92)) // a JPEG: quick to make, and sharp enough
	file := filepath.Join(screenshots(p.t), name+".jpg")
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		p.t.Fatalf("keep a picture: %v", err)
	}
}

// screenshots is where pictures of the pages are kept.
func screenshots(t testing.TB) string {
	t.Helper()
	dir := filepath.Join("..", "..", "bin", "screenshots")
	if other := os.Getenv("E2E_ARTIFACTS"); other != "" {
		dir = filepath.Join(other, "screenshots")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("make the directory of the screenshots: %v", err)
	}
	return dir
}

// tolerate has the console's complaints that contain one of the texts not count: a
// request that is refused is what the test is about.
func (p *tab) tolerate(texts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tolerated = append(p.tolerated, texts...)
}

// tolerates says whether a fault is one of those.
func (p *tab) tolerates(fault string) bool {
	for _, text := range p.tolerated {
		if strings.Contains(fault, text) {
			return true
		}
	}
	return false
}
