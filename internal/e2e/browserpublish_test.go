//go:build e2e

package e2e_test

import (
	_ "embed"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/publish.js
var publishScript string

// TestBrowserPublishesToBrowser sends Chromium's fake camera over WHIP in every
// codec that Chromium encodes, and plays it in another page.
func TestBrowserPublishesToBrowser(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	browser := startChromium(t)
	publisher := openTab(t, browser, s.url+"/")
	for _, codec := range []string{"VP8", "H264", "VP9", "AV1"} {
		t.Run(codec, func(t *testing.T) {
			stream := "cam-" + codec
			publisher.do("publish "+codec, fmt.Sprintf("(%s)(%q, %q)", publishScript, s.url+"/whip/"+stream, "video/"+codec))
			s.waitLive(t, stream, true, 15*time.Second)

			viewer := openTab(t, browser, s.url+"/watch/"+stream)
			viewer.waitPlaying(20 * time.Second)
			requireMoving(viewer, 8)
			requireTrack(t, s.stream(t, stream), "video", codec)
			requireTrack(t, s.stream(t, stream), "audio", "opus")

			if status := eval[int](publisher, "stop publishing", "__stopPublishing()"); status != http.StatusOK {
				t.Errorf("DELETE of the publisher's session: status %d", status)
			}
			s.waitLive(t, stream, false, 5*time.Second)
		})
	}
}

// TestPublishPage goes live and off again as a person does, on the page for it.
func TestPublishPage(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	browser := startChromium(t)
	page := openTab(t, browser, s.url+"/publish/desk")
	page.waitTrue(15*time.Second, "the page's button to be ready", `document.querySelector("#go:not([disabled])") !== null`)
	page.doAsPerson("press the button", `document.querySelector("#go").click()`)
	s.waitLive(t, "desk", true, 15*time.Second)
	page.waitTrue(10*time.Second, "the page to say that it is live", `!document.querySelector("#badge").hidden`)

	viewer := openTab(t, browser, s.url+"/watch/desk")
	viewer.waitPlaying(20 * time.Second)
	requireMoving(viewer, 8)
	page.screenshot("live")
	publishStudio(t, s, page, 1)
	listenOn(t, viewer)

	page.doAsPerson("press the button again", `document.querySelector("#go").click()`)
	s.waitLive(t, "desk", false, 10*time.Second)
}

// listenOn has a watch page keep the sound when the screen is off, and be silent below a threshold; then its own sound again.
func listenOn(t *testing.T, viewer *tab) {
	t.Helper()
	const choose = `(keep, threshold) => {
		const box = document.querySelector("#listen-keep"), slider = document.querySelector("#listen-threshold");
		box.checked = keep; box.dispatchEvent(new Event("change"));
		slider.value = threshold; slider.dispatchEvent(new Event("change"));
	}`
	const heard = `(() => {
		const audio = document.querySelector("body > audio");
		return { playing: !audio.paused, tracks: audio.srcObject?.getAudioTracks().length ?? 0, mute: document.querySelector("#player").muted,
			pressed: document.querySelector("#listen").getAttribute("aria-pressed"), same: audio.srcObject?.getAudioTracks()[0] === document.querySelector("#player").stream.getAudioTracks()[0] };
	})()`
	viewer.doAsPerson("listen", `document.querySelector("#listen").click()`)
	viewer.doAsPerson("keep the sound", "("+choose+")(true, 0)")
	viewer.waitTrue(10*time.Second, "the sound by its own element, as it came", `(({ playing, tracks, mute, pressed, same }) => playing && tracks === 1 && mute && pressed === "true" && same)(`+heard+`)`)
	viewer.doAsPerson("set a threshold", "("+choose+")(true, 0.5)")
	viewer.waitTrue(10*time.Second, "the sound by way of the threshold", `(({ playing, tracks, mute, same }) => playing && tracks === 1 && mute && !same)(`+heard+`)`)
	viewer.doAsPerson("take both back", "("+choose+")(false, 0)")
	viewer.waitTrue(10*time.Second, "the player's own sound", `(({ playing, tracks, mute, pressed }) => !playing && tracks === 0 && !mute && pressed === "false")(`+heard+`)`)
}

// requireMoving checks that a page shows so many pictures a second. One machine
// encodes, decodes and paints, so the wanted rate is well below what is sent.
func requireMoving(p *tab, atLeast float64) {
	p.t.Helper()
	p.do("observe", "__probe.observe(false)")
	watch := startStopwatch()
	pictures := p.collect(45)
	seconds := (pictures[len(pictures)-1].ShownMs - pictures[0].ShownMs) / 1000
	rate := float64(len(pictures)-1) / seconds
	slowdown := watch.slowdown()
	p.t.Logf("%.1f pictures a second, slowed down %.1f times", rate, slowdown)
	if rate*slowdown < atLeast {
		p.t.Errorf("%.1f pictures a second were shown, want at least %v", rate, atLeast/slowdown)
	}
}

// requireTrack checks what the API says about a stream's track.
func requireTrack(t testing.TB, info streamInfo, kind, codec string) {
	t.Helper()
	for _, track := range info.Tracks {
		if track.Kind == kind && strings.EqualFold(track.Codec, codec) {
			return
		}
	}
	t.Errorf("the API names no %s track in %s: %+v", kind, codec, info)
}
