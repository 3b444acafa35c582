//go:build e2e

package e2e_test

import (
	"fmt"
	"testing"
	"time"
)

// pathOf is a script: the kinds of the local candidates that the page's connections
// use, and how many frames they have decoded.
const pathOf = `(async () => {
	const paths = [];
	for (const connection of __probe.connections) {
		const stats = await connection.getStats();
		let local = "", frames = 0;
		stats.forEach((s) => {
			if (s.type === "candidate-pair" && s.state === "succeeded" && (s.nominated || s.selected)) {
				local = stats.get(s.localCandidateId)?.candidateType ?? "";
			}
			if (s.type === "inbound-rtp") frames += s.framesDecoded ?? 0;
		});
		if (connection.connectionState === "connected") paths.push({ local, frames });
	}
	return paths;
})()`

type browserPath struct {
	Local  string `json:"local"`
	Frames int    `json:"frames"`
}

// requireRelay waits until a page has one connection, through a relay, with pictures.
func requireRelay(t testing.TB, read func() []browserPath) {
	t.Helper()
	waitFor(t, 10*time.Second, "pictures through a relay", func() error {
		if paths := read(); len(paths) != 1 || paths[0].Local != "relay" || paths[0].Frames == 0 {
			return fmt.Errorf("the page receives by %+v", paths)
		}
		return nil
	})
}

// TestBrowsersThroughOwnTURN opens the watch page with ?policy=relay: no packet of the
// browsers' media goes anywhere but to our TURN server.
func TestBrowsersThroughOwnTURN(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)

	t.Run("Chromium", func(t *testing.T) {
		page := openTab(t, startChromium(t), s.url+"/watch/webcam?policy=relay")
		page.waitPlaying(30 * time.Second)
		requireRelay(t, func() []browserPath { return eval[[]browserPath](page, "read the path", pathOf) })
	})
	t.Run("Firefox", func(t *testing.T) {
		publishVP8(t, s, "vp8") // Firefox has no H.264 here
		page := startFirefox(t).open(s.url + "/watch/vp8?policy=relay")
		page.waitPlaying(30 * time.Second)
		requireRelay(t, func() []browserPath { return evalFirefox[[]browserPath](page, "read the path", pathOf) })
	})
}
