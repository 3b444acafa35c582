//go:build e2e

package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestCameraControlsOnTheHomePage turns the knobs of a camera, whose picture is beside them. The camera, which is off while nobody
// watches, works for as long as the part of the page is open.
func TestCameraControlsOnTheHomePage(t *testing.T) {
	t.Parallel()
	axe := axeScript(t)
	c := newFaultyCamera(t)
	s := startFaulty(t, c, "mic=off&ondemand=0s&exposure=157", "--publish-token", "send")
	s.waitSource(t, "standby", "camera off while nobody watches")
	if r := s.call(t, http.MethodGet, "/api/sources/webcam", ""); r.status != http.StatusUnauthorized {
		t.Errorf("controls are told to anybody: %d", r.status)
	}

	page := openTab(t, startChromium(t), s.url+"/")
	page.tolerate("status of 401", "status of 422")
	page.do("open the camera's part", `document.querySelector("#cameras").open = true`)
	page.waitTrue(10*time.Second, "the page to ask for the token", `!document.querySelector("#cameras-form").hidden`)
	page.do("give it", `document.querySelector("#cameras-token").value = "send"; document.querySelector("#cameras-form").requestSubmit()`)
	page.waitTrue(10*time.Second, "the controls", `document.querySelectorAll(".control").length === 8`)
	page.waitTrue(20*time.Second, "the picture beside them", `document.querySelector("#camera-live").currentTime > 0 && document.querySelector("#camera-live").videoWidth === 320`)
	page.requireNoBarriers(axe, "camera")

	page.do("zoom", `const zoom = document.querySelector("#control-zoom"); for (const v of [200, 300, 250]) { zoom.value = v; zoom.dispatchEvent(new Event("input")); }`)
	page.do("set the exposure", `const exposure = document.querySelector("#control-exposure"); exposure.value = 300; exposure.dispatchEvent(new Event("input"))`)
	page.waitTrue(10*time.Second, "what hangs together to be shown", `document.querySelector("#control-auto-exposure").value === "1" &&
		document.querySelector(".keep code").textContent.includes("exposure=300") && document.querySelector(".keep code").textContent.includes("zoom=250")`)
	told := s.call(t, http.MethodGet, "/api/sources/webcam", "", "Authorization", "Bearer send").body
	for _, want := range []string{`"value":250,"kept":"250"`, `"value":300,"kept":"300"`} {
		if !strings.Contains(told, want) {
			t.Errorf("the API does not say %s: %s", want, told)
		}
	}
	page.do("take the zoom back", `document.querySelector("#control-zoom").closest(".control").querySelector(".reset").click()`)
	page.waitTrue(10*time.Second, "the default", `document.querySelector("#control-zoom").value === "100" && !document.querySelector(".keep code").textContent.includes("zoom")`)

	c.unplug()
	page.waitTrue(20*time.Second, "the page to say that the camera is away", `document.querySelector("#cameras-notice").textContent.includes("cannot be asked")`)
	c.plug("video0")
	page.waitTrue(20*time.Second, "the camera to be there again", `document.querySelector("#cameras-notice").hidden`)

	page.do("close the camera's part", `document.querySelector("#cameras").open = false`)
	s.waitSource(t, "standby", "camera off while nobody watches")
}

// TestCameraThatEncodesItself plays the H.264 that a camera makes, as it is, in browsers: without a ladder, and on when the camera
// is plugged in again.
func TestCameraThatEncodesItself(t *testing.T) {
	t.Parallel()
	c := newFaultyCamera(t)
	s := startFaulty(t, c, "codec=h264&ondemand=1s")
	s.waitSource(t, "standby", "camera off while nobody watches")
	page := openTab(t, startChromium(t), s.url+"/watch/webcam")
	page.waitPlaying(20 * time.Second)
	requireMoving(page, 10)

	info := s.stream(t, "webcam")
	if len(info.Tracks) != 1 || info.Tracks[0].Codec != "H264" {
		t.Errorf("published %+v, want one track", info.Tracks)
	}
	told := s.call(t, http.MethodGet, "/api/sources/webcam", "").body
	if !strings.Contains(told, `"format":"H264"`) || !strings.Contains(told, `"asItIs":true,"why":"codec=h264"`) {
		t.Errorf("the source is told as %s", told)
	}
	if r := s.call(t, http.MethodGet, "/snapshot/webcam.jpg", ""); r.status != http.StatusNotFound {
		t.Errorf("a snapshot of what comes encoded: %d, want 404", r.status)
	}
	c.unplug()
	s.waitSource(t, "waiting", "camera unplugged")
	c.plug("video3")
	s.waitSource(t, "live", "")
	requireMoving(page, 10)
}
