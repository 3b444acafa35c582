//go:build e2e

package e2e_test

import (
	_ "embed"
	"fmt"
	"testing"
	"time"
)

//go:embed testdata/swap.js
var swapScript string

// TestBrowserAnswersAnOffer swaps the roles of WHEP: Chromium answers the server's
// offer, plays, and then restarts ICE while the picture goes on.
func TestBrowserAnswersAnOffer(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	page := openTab(t, startChromium(t), s.url+"/")
	page.do("answer the server's offer", fmt.Sprintf("(%s)(%q)", swapScript, s.url+"/whep/webcam"))
	page.waitTrue(20*time.Second, "a picture", `__swapped.videoWidth === 640 && __swapped.currentTime > 1`)
	for range 2 {
		if etag := eval[string](page, "restart ICE", "__restart()"); etag == "" {
			t.Error("the restart has no ETag")
		}
		before := eval[float64](page, "look at the clock", "__swapped.currentTime")
		page.waitTrue(10*time.Second, "the picture to go on", fmt.Sprintf("__swapped.currentTime > %f", before+2))
	}
	s.waitViewers(t, "webcam", 1, 5*time.Second)
}
