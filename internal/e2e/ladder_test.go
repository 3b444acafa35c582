//go:build e2e

package e2e_test

import (
	"fmt"
	"testing"
	"time"
)

// waitForQuality waits until the player's menu has this quality.
func (p *tab) waitForQuality(what string) {
	p.t.Helper()
	p.waitTrue(10*time.Second, "a choice of qualities", fmt.Sprintf(`(() => {
		const { shadowRoot } = %s;
		shadowRoot.querySelector(".more").click();
		const there = shadowRoot.querySelector(".menu").innerText.includes(%q);
		shadowRoot.querySelector(".more").click();
		return there;
	})()`, thePlayer, what))
}

// chooseQuality takes a quality from the player's menu, as a person does.
func (p *tab) chooseQuality(what string) {
	p.t.Helper()
	p.do("choose "+what, fmt.Sprintf(`(async () => {
		const { shadowRoot } = %s;
		shadowRoot.querySelector(".more").click();
		const item = [...shadowRoot.querySelectorAll(".menu button")].find((each) => each.innerText.trim().split(" (")[0] === %q);
		if (!item) throw new Error("the menu has: " + shadowRoot.querySelector(".menu").innerText);
		item.click();
	})()`, thePlayer, what))
}

// TestLadderOfASource watches the pattern in both of its sizes: the small one is in the menu from the beginning, is encoded once
// somebody has chosen it, and no longer when nobody watches it any more.
func TestLadderOfASource(t *testing.T) {
	// Keyframes come only when they are asked for.
	s := startServer(t, "--source", "webcam=pattern:?size=640x360&bitrate=800k&keyframe=1m&ondemand=off")
	small := func() (bitrate uint64) {
		tracks := s.stream(t, "webcam").Tracks
		if len(tracks) < 2 || tracks[1].Kind != "video" {
			t.Fatalf("the stream has %+v", tracks)
		}
		return tracks[1].Bitrate
	}
	p := openTab(t, startChromium(t), s.url+"/watch/webcam")
	p.waitPlaying(20 * time.Second)
	p.waitForQuality("180p")
	if rate := small(); rate != 0 {
		t.Errorf("the small picture is encoded with %d bit/s, and nobody watches it", rate)
	}
	p.chooseQuality("180p")
	p.waitTrue(20*time.Second, "the small picture", `__probe.video().videoWidth === 320`)
	waitFor(t, 20*time.Second, "the bit rate of the small picture", func() error {
		if small() == 0 {
			return fmt.Errorf("there is none")
		}
		return nil
	})
	p.chooseQuality("360p")
	p.waitTrue(20*time.Second, "the large picture again", `__probe.video().videoWidth === 640`)
	waitFor(t, 30*time.Second, "the encoder of the small picture to stop", func() error {
		if rate := small(); rate != 0 {
			return fmt.Errorf("it encodes %d bit/s", rate)
		}
		return nil
	})
}
