//go:build e2e

package e2e_test

import (
	"context"
	_ "embed"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	cdpnet "github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"porthole/internal/netlab"
)

//go:embed testdata/probe.js
var probe string

// startChromium starts a headless browser with a fake camera and microphone,
// ended with the test.
func startChromium(t testing.TB, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(netlab.ChromiumOptions(), more...)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// tab is one page in a window of its own, so that it is never in the background.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu        sync.Mutex
	faults    []string // what the page wrote to its console as an error; guarded by mu
	tolerated []string // texts of faults that are expected; guarded by mu
}

// openTab opens a page, in which scripts run before its own. Whatever the console
// shows as an error fails the test, and so does a request to another machine.
func openTab(t testing.TB, browser context.Context, address string, scripts ...string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	run(p, atOnce, "open "+address, chromedp.Steps(
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, log.Enable, cdp.Empty{})
			return err
		}),
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, cdpnet.Enable, cdpnet.EnableParams{})
			return err
		}),
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			for _, script := range append([]string{probe}, scripts...) {
				_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument,
					page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
				if err != nil {
					return err
				}
			}
			return nil
		}),
		chromedp.Navigate(address)))
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.faults = slices.DeleteFunc(p.faults, p.tolerates)
		if len(p.faults) > 0 {
			t.Errorf("errors in the console of %s:\n%s", address, strings.Join(p.faults, "\n"))
		}
		if t.Failed() {
			p.screenshot("failed")
		}
	})
	return p
}

// hear notes errors. A request that the server answered with 409 is none: that
// is how a page learns that nobody publishes yet. Nor is 406, a counter-offer.
func (p *tab) hear(event any) {
	var fault string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		fault = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			fault += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.ConsoleAPICalledTypeError {
			return
		}
		for _, arg := range e.Args {
			fault += string(arg.Value) + arg.Description + " "
		}
	case *log.EventEntryAdded:
		expected := strings.Contains(e.Entry.Text, "status of 409") || strings.Contains(e.Entry.Text, "status of 406")
		if e.Entry.Level != log.EntryLevelError || expected {
			return
		}
		fault = e.Entry.Text + " " + e.Entry.URL
	case *cdpnet.EventRequestWillBeSent:
		if isLocal(e.Request.URL) {
			return
		}
		fault = "a request to another machine: " + e.Request.URL
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, fault)
}

// isLocal says whether a request stays on this machine and its test networks.
func isLocal(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "data", "blob", "about":
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && (addr.IsLoopback() || addr.IsPrivate())
}

// atOnce is how long something may take in a page that has not to wait for anything.
const atOnce = time.Minute

// run executes an action with a deadline and returns its value.
func run[T any](p *tab, within time.Duration, what string, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, within)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	return value
}

// eval runs a script in the page and returns its value, also that of a promise.
func eval[T any](p *tab, what, script string) T {
	p.t.Helper()
	return run(p, atOnce, what, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// do runs a script in the page for what it does.
func (p *tab) do(what, script string) {
	p.t.Helper()
	eval[chromedp.Void](p, what, script)
}

// doAsPerson runs a script that may do what only a person's click may.
func (p *tab) doAsPerson(what, script string) {
	p.t.Helper()
	gesture := true
	run(p, atOnce, what, chromedp.Evaluate[chromedp.Void](script, chromedp.EvalAwaitPromise,
		func(params *runtime.EvaluateParams) { params.UserGesture = &gesture }))
}

// waitTrue waits until a script's value is true.
func (p *tab) waitTrue(within time.Duration, what, script string) {
	p.t.Helper()
	waitFor(p.t, within, what, func() error {
		if !eval[bool](p, what, script) {
			return fmt.Errorf("not so; the page says: %s", p.text())
		}
		return nil
	})
}

// text is what a person reads in the page, shortened.
func (p *tab) text() string {
	return fmt.Sprintf("%.300q", eval[string](p, "read the page's text", `document.body?.innerText ?? ""`))
}

// waitPlaying waits until the page's video shows moving pictures.
func (p *tab) waitPlaying(within time.Duration) {
	p.t.Helper()
	p.waitTrue(within, "the page's video to play", `(() => {
		const video = __probe.video();
		return !!video && !video.paused && video.videoWidth > 0 && video.currentTime > 0;
	})()`)
}

// screenshot keeps a picture of the page for a person to look at. It is no
// test: that it cannot be taken is said and that is all.
func (p *tab) screenshot(name string) {
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Logf("no screenshot %s: %v", name, err)
		return
	}
	file := filepath.Join(artifacts(p.t), strings.ReplaceAll(p.t.Name(), "/", "_")+"-"+name+".png")
	if err := os.WriteFile(file, png, 0o644); err != nil {
		p.t.Logf("no screenshot %s: %v", name, err)
		return
	}
	p.t.Logf("screenshot: %s", file)
}
