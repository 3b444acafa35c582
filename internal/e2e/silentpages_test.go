//go:build e2e

package e2e_test

import (
	"testing"
	"time"
)

// TestPagesSayThatThePublisherIsSilent has a publisher vanish: the home page and the
// player say what the matter is while its session is still there.
func TestPagesSayThatThePublisherIsSilent(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := publish(t, s, "cam", encodeTestVideo(t))
	s.waitLive(t, "cam", true, 20*time.Second)
	browser := startChromium(t)
	home := openTab(t, browser, s.url+"/")
	const card = `document.querySelector(".stream")`
	home.waitTrue(20*time.Second, "the card to be live", card+`?.dataset.state === "live"`)
	page := openTab(t, browser, s.url+"/watch/cam")
	page.waitPlaying(30 * time.Second)

	p.vanish()
	page.waitTrue(10*time.Second, "the player to say it",
		`document.querySelector("whep-video").shadowRoot.querySelector('[part~="detail"], .detail').textContent === "The publisher has stopped sending."`)
	home.waitTrue(5*time.Second, "the card to say it",
		card+`.dataset.state === "stalled" && /Stalled/.test(`+card+`.textContent) && /The publisher has stopped sending/.test(`+card+`.textContent)`)
}
