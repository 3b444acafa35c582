//go:build e2e

package e2e_test

import (
	"testing"
	"time"
)

// sentModes are the scalability modes of what a page sends, as its browser tells them.
const sentModes = `(async () => {
	const modes = [];
	for (const connection of __probe.connections) {
		for (const stats of (await connection.getStats()).values()) {
			if (stats.type === "outbound-rtp" && stats.kind === "video" && stats.framesEncoded > 0) modes.push(stats.scalabilityMode ?? "");
		}
	}
	return modes.join();
})()`

// TestPublishPageSendsTemporalLayers publishes from the page in each codec that Chromium has layers
// of, and plays that in another one.
func TestPublishPageSendsTemporalLayers(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	browser := startChromium(t)
	for _, codec := range []string{"VP8", "H264", "VP9", "AV1"} {
		t.Run(codec, func(t *testing.T) {
			stream := "desk-" + codec
			page := openTab(t, browser, s.url+"/publish/"+stream)
			goLive(page, codec)
			s.waitLive(t, stream, true, 15*time.Second)
			page.waitTrue(10*time.Second, "three temporal layers", sentModes+`.then((modes) => modes === "L1T3")`)
			viewer := openTab(t, browser, s.url+"/watch/"+stream)
			viewer.waitPlaying(20 * time.Second)
			requireMoving(viewer, 8)
			requireTrack(t, s.stream(t, stream), "video", codec)
			page.doAsPerson("press the button again", `document.querySelector("#go").click()`)
			s.waitLive(t, stream, false, 10*time.Second)
		})
	}
}
