//go:build e2e

package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// soundButton is the script for the button that is there when there is something to hear.
const soundButton = `[...document.querySelector("whep-video").shadowRoot.querySelectorAll("button")]
	.find((button) => /mute/i.test(button.getAttribute("aria-label") ?? button.textContent) && button.checkVisibility())`

// startedLate makes a publisher of sound and picture that has begun with neither.
func startedLate(t *testing.T, s *server, stream string) *publisher {
	t.Helper()
	p, err := newPublisher(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.close() })
	if err := p.signal("/whip/" + stream); err != nil {
		t.Fatal(err)
	}
	p.waitConnected(t)
	t.Cleanup(func() { p.stop() })
	return p
}

// TestPageHearsSoundThatComesLater opens the page of a publisher whose microphone begins
// later: the page has nothing to unmute, then it has, in the same session.
func TestPageHearsSoundThatComesLater(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	p := startedLate(t, s, "cam")
	p.startPictures(encodeTestVideo(t))
	s.waitLive(t, "cam", true, 10*time.Second)
	page := openTab(t, startChromium(t), s.url+"/watch/cam")
	page.waitPlaying(20 * time.Second)
	page.waitTrue(10*time.Second, "the player to measure twice", `document.querySelector("whep-video").stats?.framesDecoded > 60`)
	if eval[bool](page, "look for the button", "!!"+soundButton) {
		t.Error("the page has a button for sound, and there is none")
	}
	session := s.sessionBriefs(t, "whep")[0].ID

	p.startSound()
	page.waitTrue(5*time.Second, "the button for sound", "!!"+soundButton)
	page.doAsPerson("unmute", fmt.Sprintf(`(() => { const video = document.querySelector("whep-video"); if (video.muted) %s.click(); })()`, soundButton))
	page.waitTrue(10*time.Second, "sound to be played", `(async () =>
		!document.querySelector("whep-video").muted && (await __probe.inbound("audio")).at(-1)?.packetsReceived > 50)()`)
	page.waitTrue(5*time.Second, "the picture to go on", `(() => {
		const now = document.querySelector("whep-video").video.currentTime;
		return new Promise((resolve) => setTimeout(() => resolve(document.querySelector("whep-video").video.currentTime > now), 500));
	})()`)
	if now := s.sessionBriefs(t, "whep"); len(now) != 1 || now[0].ID != session {
		t.Errorf("sessions %+v, want the one %s", now, session)
	}
}

// TestPageShowsAPictureThatComesLater opens the page of a publisher whose camera begins
// later: sound plays without a picture, and then with it.
func TestPageShowsAPictureThatComesLater(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	p := startedLate(t, s, "cam")
	p.startSound()
	s.waitLive(t, "cam", true, 10*time.Second)
	page := openTab(t, startChromium(t), s.url+"/watch/cam")
	page.tolerate("status of 404") // the page ends a session that the server has ended a moment before
	page.waitTrue(20*time.Second, "sound to be played", `(async () => document.querySelector("whep-video").state.name === "playing"
		&& (await __probe.inbound("audio")).at(-1)?.packetsReceived > 50 && __probe.video().currentTime > 1)()`)
	page.waitSays(5*time.Second, "headline", "Sound only")
	page.screenshot("sound-only")

	p.startPictures(encodeTestVideo(t))
	began := time.Now()
	page.waitTrue(10*time.Second, "the picture", "__probe.video().videoWidth === 320")
	t.Logf("the page showed the picture %v after it began", time.Since(began).Round(10*time.Millisecond))
	page.waitTrue(5*time.Second, "sound and the button for it", "!!"+soundButton)
	page.waitTrue(5*time.Second, "nothing to be in front of the picture",
		`getComputedStyle(document.querySelector("whep-video").shadowRoot.querySelector(".status")).visibility === "hidden"`)
	s.waitViewers(t, "cam", 1, 10*time.Second)
}

// TestFirefoxPlaysASilentTrack has Firefox watch a stream without sound: the track that
// is there for later holds nothing up.
func TestFirefoxPlaysASilentTrack(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	sender := openTab(t, startChromium(t), s.url+"/")
	pictures := strings.Replace(publishScript, "audio: true", "audio: false", 1)
	sender.do("publish", fmt.Sprintf("(%s)(%q, %q)", pictures, s.url+"/whip/cam", "video/VP8"))
	s.waitLive(t, "cam", true, 20*time.Second)
	page := startFirefox(t).open(s.url + "/watch/cam")
	page.waitPlaying(30 * time.Second)
	page.waitTrue(10*time.Second, "more pictures", decoded+" > 60")
	if evalFirefox[bool](page, "look for the button", "!!"+soundButton) {
		t.Error("the page has a button for sound, and there is none")
	}
}
