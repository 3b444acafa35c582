//go:build e2e

package e2e_test

import (
	_ "embed"
	"fmt"
	"testing"
	"time"
)

var (
	//go:embed testdata/swap.js
	swapScript string
	//go:embed testdata/restart.js
	restartScript string
)

// restartICE restarts ICE of the page's session.
func (p *tab) restartICE() {
	p.t.Helper()
	script := fmt.Sprintf("(%s)(__connection, __session)", restartScript)
	if etag := eval[string](p, "restart ICE", script); etag == "" {
		p.t.Error("the restart has no ETag")
	}
}

// TestBrowserAnswersAnOffer swaps the roles of WHEP: Chromium answers the server's
// offer, plays, and then restarts ICE while the picture goes on.
func TestBrowserAnswersAnOffer(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	page := openTab(t, startChromium(t), s.url+"/")
	page.do("answer the server's offer", fmt.Sprintf("(%s)(%q)", swapScript, s.url+"/whep/webcam"))
	page.waitTrue(20*time.Second, "a picture", `__swapped.videoWidth === 640 && __swapped.currentTime > 1`)
	for range 2 {
		page.restartICE()
		before := eval[float64](page, "look at the clock", "__swapped.currentTime")
		page.waitTrue(10*time.Second, "the picture to go on", fmt.Sprintf("__swapped.currentTime > %f", before+2))
	}
	s.waitViewers(t, "webcam", 1, 5*time.Second)
}

// TestBrowserPublisherRestartsICE restarts ICE in Chromium while it publishes: the
// stream, and what a viewer sees of it, goes on.
func TestBrowserPublisherRestartsICE(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	browser := startChromium(t)
	publisher := openTab(t, browser, s.url+"/")
	publisher.do("publish", fmt.Sprintf("(%s)(%q, %q)", publishScript, s.url+"/whip/cam", "video/VP8"))
	s.waitLive(t, "cam", true, 15*time.Second)
	viewer := openTab(t, browser, s.url+"/watch/cam")
	viewer.waitPlaying(20 * time.Second)
	for range 2 {
		publisher.restartICE()
		requireMoving(viewer, 8)
	}
	requireTrack(t, s.stream(t, "cam"), "video", "VP8")
	requireTrack(t, s.stream(t, "cam"), "audio", "opus")
}
