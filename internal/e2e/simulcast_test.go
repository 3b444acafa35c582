//go:build e2e

package e2e_test

import (
	_ "embed"
	"fmt"
	"testing"
	"time"
)

//go:embed testdata/choose.js
var chooseScript string

// TestBrowserChoosesLayers publishes simulcast from Chromium and lets another page of
// it go from one encoding to another, whose size the decoder tells; also after the
// publisher has restarted ICE.
func TestBrowserChoosesLayers(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	browser := startChromium(t)
	publisher := openTab(t, browser, s.url+"/")
	publisher.do("publish simulcast", fmt.Sprintf("(%s)(%q, %q, %s)", publishScript, s.url+"/whip/cam", "video/VP8",
		`[{rid: "h", scaleResolutionDownBy: 2}, {rid: "f"}]`)) // of this size, Chromium sends two at the most
	s.waitLive(t, "cam", true, 15*time.Second)

	viewer := openTab(t, browser, s.url+"/")
	viewer.do("watch", fmt.Sprintf("(%s)(%q)", chooseScript, s.url+"/whep/cam"))
	// Chromium starts with the smaller one and adds the other as it finds room.
	viewer.waitTrue(60*time.Second, "the larger picture", "__video.videoWidth === 480")
	for i, choice := range []struct {
		rid   string
		width int
	}{{"h", 240}, {"f", 480}, {"h", 240}, {"", 480}} {
		if i == 2 {
			publisher.restartICE()
		}
		viewer.do("forget the pauses", "__longestPause()")
		if status := eval[int](viewer, "choose", fmt.Sprintf("__choose(%q)", choice.rid)); status != 200 {
			t.Fatalf("%q was answered %d", choice.rid, status)
		}
		viewer.waitTrue(30*time.Second, fmt.Sprintf("the picture of %d pixels", choice.width), fmt.Sprintf("__video.videoWidth === %d", choice.width))
		before := eval[float64](viewer, "look at the clock", "__video.currentTime")
		viewer.waitTrue(20*time.Second, "the picture to go on", fmt.Sprintf("__video.currentTime > %f", before+1))
		t.Logf("to %q: %.0f ms between two pictures at the most", choice.rid, eval[float64](viewer, "the longest pause", "__longestPause()"))
	}
}
