//go:build e2e && linux

package e2e_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// slowKeyframes is a stream whose keyframes are far apart, as many publishers
// send them.
const slowKeyframes = "webcam=pattern:?size=1280x720&fps=30&bitrate=2500k&keyframe=4s&ondemand=off"

// TestManyStartAtOnceWithoutTheirOwnKeyframes lets fifty viewers come at the
// same moment, two seconds after the last keyframe of a publisher that gives
// none on request.
func TestManyStartAtOnceWithoutTheirOwnKeyframes(t *testing.T) {
	const (
		viewers = 50
		// On a machine that does nothing else it is much less; the next keyframe is two
		// seconds away.
		within = 1000 // ms
	)
	s := startProgram(t, plainBinary(t), "--source", slowKeyframes)
	s.waitLive(t, "webcam", true, 20*time.Second)
	relay := republish(t, s, "webcam", "relayed", nil)
	s.waitLive(t, "relayed", true, 10*time.Second)
	relay.waitKeyframeAge(t, 2*time.Second)
	before := relay.keyframeRequests.Load()

	watch := startStopwatch()
	report := startLoad(t, s, "relayed", viewers, time.Millisecond, 5*time.Second)()
	slowdown := watch.slowdown()
	requests := relay.keyframeRequests.Load() - before
	t.Logf("%d viewers at once: first whole keyframe after %v; %d keyframe requests; %s", viewers, report.FirstKeyframe, requests, report.Verdict.Text)
	if report.FirstKeyframe.P95 > within*slowdown {
		t.Errorf("the first whole keyframe came after %.0f ms to 95 of 100 viewers, want at most %.0f", report.FirstKeyframe.P95, within*slowdown)
	}
	if requests > 2 {
		t.Errorf("the publisher was asked for %d keyframes, want at most 2", requests)
	}
}

// TestStartFromThePastKeepsNoDelay opens a page long before and another one half
// way between two keyframes of the publisher. The second one begins with seconds
// of history, and must soon show the same moment as the first one.
func TestStartFromThePastKeepsNoDelay(t *testing.T) {
	const tolerance = 120 // ms; the pages' own frames and timers do not run in step
	s := startProgram(t, plainBinary(t), "--source", slowKeyframes)
	s.waitLive(t, "webcam", true, 20*time.Second)
	relay := republish(t, s, "webcam", "relayed", nil)
	s.waitLive(t, "relayed", true, 10*time.Second)
	browser := startChromium(t)
	early := openTab(t, browser, s.url+"/watch/relayed")
	early.waitPlaying(20 * time.Second)
	early.do("observe", "__probe.observe(true)")
	early.collect(60)

	late, opened := openInThePast(t, browser, relay, s.url+"/watch/relayed")
	playing := time.Since(opened)
	late.do("observe", "__probe.observe(true)")
	waitFor(t, 10*time.Second, "five seconds to pass", after(time.Until(opened.Add(5*time.Second))))
	busy := startLateness(t)
	early.pictures()
	late.pictures() // only what is shown from now on is compared
	ofEarly, ofLate := early.collect(60), late.collect(60)
	most := tolerance + float64(busy.stop()(0.5).Milliseconds())

	a, b := glassToGlass(ofEarly, 0.5), glassToGlass(ofLate, 0.5)
	t.Logf("played after %v; five seconds after its start the second page's delay is %.0f ms, the first one's %.0f ms (capture to arrival %.0f and %.0f ms)",
		playing.Round(time.Millisecond), b, a, networkDelay(ofLate, 0.5), networkDelay(ofEarly, 0.5))
	if math.Abs(a-b) > most {
		t.Errorf("the delays differ by %.0f ms, want at most %.0f", math.Abs(a-b), most)
	}
}

// openInThePast opens a page two seconds after the publisher's last keyframe, so
// that it plays from there. A busy machine may need several attempts.
func openInThePast(t testing.TB, browser context.Context, relay *republisher, url string) (page *tab, opened time.Time) {
	t.Helper()
	for range 4 {
		page = openTab(t, browser, "about:blank")
		relay.waitKeyframeAge(t, 2*time.Second)
		keyframe := relay.lastKeyframe.Load()
		opened = time.Now()
		run(page, atOnce, "open "+url, chromedp.Steps(chromedp.Navigate(url)))
		page.waitPlaying(10 * time.Second)
		if relay.lastKeyframe.Load() == keyframe {
			return page, opened
		}
		run(page, atOnce, "leave "+url, chromedp.Steps(chromedp.Navigate("about:blank")))
	}
	t.Fatal("each time the publisher sent another keyframe before the page played: the test shows nothing")
	return nil, time.Time{}
}
