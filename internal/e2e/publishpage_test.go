//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// sessionBrief is what the list of sessions says about one.
type sessionBrief struct {
	ID       string `json:"id"`
	Protocol string `json:"protocol"`
	Stream   string `json:"stream"`
	State    string `json:"state"`
	Ended    string `json:"ended"`
}

// sessionBriefs returns the sessions of a protocol, that there are or were.
func (s *server) sessionBriefs(t testing.TB, protocol string) []sessionBrief {
	t.Helper()
	var list struct {
		Sessions []sessionBrief `json:"sessions"`
	}
	r := s.call(t, http.MethodGet, "/api/sessions", "")
	if err := json.Unmarshal([]byte(r.body), &list); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
	return slices.DeleteFunc(list.Sessions, func(b sessionBrief) bool { return b.Protocol != protocol })
}

// connected counts those that have a media path.
func (s *server) connected(t testing.TB, protocol string) (n int) {
	t.Helper()
	for _, b := range s.sessionBriefs(t, protocol) {
		if b.State == "connected" && b.Ended == "" {
			n++
		}
	}
	return n
}

// TestPublishPageSurvivesALostDevice pulls the camera out while it is live: the page
// says so, and goes on with another one on the same session.
func TestPublishPageSurvivesALostDevice(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	browser := startChromium(t)
	page := openTab(t, browser, s.url+"/publish/desk")
	goLive(page, "VP8")
	s.waitLive(t, "desk", true, 15*time.Second)
	viewer := openTab(t, browser, s.url+"/watch/desk")
	viewer.waitPlaying(20 * time.Second)
	for _, number := range []string{"bitrate", "picture", "rtt", "path"} {
		page.waitTrue(10*time.Second, "the number "+number, fmt.Sprintf(`/\w/.test(document.querySelector("#stat-%s").textContent)`, number))
	}
	page.keepPicture("publish-live-desktop-light")

	page.do("pull the camera out", `(() => {
		const [track] = document.querySelector("#preview").srcObject.getVideoTracks();
		track.stop();
		track.dispatchEvent(new Event("ended"));
	})()`)
	page.waitTrue(5*time.Second, "words about the lost camera", `document.querySelector("#trouble").innerText.includes("The camera is gone")`)
	page.keepPicture("publish-lost-desktop-light")
	if !s.stream(t, "desk").Live {
		t.Error("the stream ended with the camera; the sound goes on")
	}
	page.do("choose a camera", `document.querySelector("#camera").dispatchEvent(new Event("change"))`)
	page.waitTrue(5*time.Second, "the words to go", `document.querySelector("#trouble").hidden`)
	requireMoving(viewer, 8)
	if sessions := s.sessionBriefs(t, "whip"); len(sessions) != 1 {
		t.Errorf("the publisher's sessions were %+v, want one throughout", sessions)
	}

	page.do("say that the system has another device", `navigator.mediaDevices.dispatchEvent(new Event("devicechange"))`)
	page.doAsPerson("press the button again", `document.querySelector("#go").click()`)
	s.waitLive(t, "desk", false, 10*time.Second)
}

// failingMedia has the browser refuse devices in the way that a name stands for.
func failingMedia(name string) string {
	return fmt.Sprintf(`navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("a test", %q));`, name)
}

// TestPublishPageSaysWhatIsWrong brings about what can be wrong, and reads what the page
// says about it.
func TestPublishPageSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	frames := encodeTestVideo(t)
	s := startServer(t, "--source", patternSource)
	publish(t, s, "taken", frames)
	s.waitLive(t, "taken", true, 10*time.Second)
	secret := startServer(t, "--source", patternSource, "--publish-token", "send", "--view-token", "see")
	browser := startChromium(t)
	live := `document.querySelector("#go:not([disabled])") !== null && document.querySelector("#preview").videoWidth > 0`
	press := `document.querySelector("#go").click()`

	for _, tt := range []struct {
		name, url string
		script    string
		press     bool // the button, once there is a preview
		want      []string
	}{
		{name: "permission refused", url: s.url + "/publish/x", script: failingMedia("NotAllowedError"), want: []string{"was not allowed to use the camera", "lock sign", "Try again"}},
		{name: "no device", url: s.url + "/publish/x", script: failingMedia("NotFoundError"), want: []string{"No camera or no microphone was found", "Plug one in"}},
		{name: "device busy", url: s.url + "/publish/x", script: failingMedia("NotReadableError"), want: []string{"could not be started", "Another program may be using it"}},
		{name: "insecure address", url: s.url + "/publish/x", script: `Object.defineProperty(window, "isSecureContext", { value: false });`, want: []string{"secure pages only", "http://localhost:", "https://"}},
		{name: "in Chinese", url: s.url + "/publish/x?lang=zh", script: failingMedia("NotAllowedError"), want: []string{"浏览器未获准使用摄像头或麦克风"}},
		{name: "no token", url: secret.url + "/publish/x", press: true, want: []string{"asks for a publish token"}},
		{name: "wrong token", url: secret.url + "/publish/x#token=wrong", press: true, want: []string{"The publish token is wrong"}},
		{name: "a token for watching", url: secret.url + "/publish/x#token=see", press: true, want: []string{"may watch, but not publish"}},
		{name: "somebody else publishes", url: s.url + "/publish/taken", press: true, want: []string{"“taken” is taken", "Cancel", "Publish as taken-2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			page := openTab(t, browser, tt.url, tt.script)
			page.tolerate("status of 401", "status of 403")
			if tt.press {
				page.waitTrue(15*time.Second, "the page's preview", live)
				field := eval[bool](page, "look for the token's field", `!document.querySelector("#token-field").hidden`)
				if field != strings.HasPrefix(tt.url, secret.url) {
					t.Errorf("a field for the token is shown: %v, which is wrong", field)
				}
				page.doAsPerson("press the button", press)
			}
			for _, want := range tt.want {
				page.waitTrue(10*time.Second, fmt.Sprintf("the words %q", want), fmt.Sprintf(`document.querySelector("main").innerText.includes(%q)`, want))
			}
			if tt.name == "somebody else publishes" {
				page.doAsPerson("publish under the other name", `document.querySelector("#trouble button").click()`)
				s.waitLive(t, "taken-2", true, 15*time.Second)
				page.waitTrue(10*time.Second, "the page to have the other name", `location.pathname === "/publish/taken-2" && document.querySelector("#state").textContent === "Live as taken-2"`)
			}
		})
	}
}

// publishStudio goes through what a publisher has at hand while the stream is live: who watches, for how long, the link, silence,
// another name, a second camera.
func publishStudio(t *testing.T, s *server, page *tab, viewers int) {
	t.Helper()
	page.waitTrue(10*time.Second, "how many watch, for how long, and the link", fmt.Sprintf(`(() => {
		const air = document.querySelector("#air");
		return !air.hidden && air.innerText.includes("%d watching") && /On air for \d+:\d\d/.test(air.innerText) &&
			air.querySelector("a").href === %q && [...air.querySelectorAll("button")].some((b) => b.innerText === "Copy link");
	})()`, viewers, s.url+"/watch/desk"))
	page.do("mute", `document.querySelector("#mute").click()`)
	if on := eval[bool](page, "look at the sound", `document.querySelector("#preview").srcObject.getAudioTracks().some(({ enabled }) => enabled)`); on {
		t.Error("the sound is sent although the page is mute")
	}
	page.waitTrue(5*time.Second, "the meter below the microphone to see silence", `(() => {
		const level = document.querySelector("#microphone + #level");
		return document.querySelector("#mute").innerText === "Unmute" && !!level && !level.hidden && level.getAttribute("aria-valuenow") === "0";
	})()`)
	page.do("unmute", `document.querySelector("#mute").click()`)
	page.do("add a second camera", `document.querySelector("#second").click()`)
	page.waitTrue(15*time.Second, "the second camera's page", `(() => {
		const second = document.querySelector("iframe.second")?.contentDocument;
		return second?.location.pathname === "/publish/desk-2" && second.querySelector("#preview").videoWidth > 0 &&
			second.querySelector("#microphone").value === "none" && !second.querySelector(".top").checkVisibility();
	})()`)
	page.doAsPerson("go live with the second camera", `document.querySelector("iframe.second").contentDocument.querySelector("#go").click()`)
	s.waitLive(t, "desk-2", true, 15*time.Second)
	if !s.stream(t, "desk").Live {
		t.Error("the first stream ended with the second one's beginning")
	}
	page.keepPicture("publish-two-cameras")
	page.do("remove the second camera", `document.querySelector("#second-place button").click()`)
	s.waitLive(t, "desk-2", false, 10*time.Second)
}
