//go:build e2e

package e2e_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// playerText is what the player says over the picture.
const playerText = `(document.querySelector("whep-video")?.shadowRoot.textContent ?? "") + " " + document.body.innerText`

// decoded is how many pictures the page has decoded, over the connections that it has.
const decoded = `(await __probe.inbound("video")).reduce((sum, { framesDecoded = 0 }) => sum + framesDecoded, 0)`

// TestFirefoxWatchesWhatChromiumPublishes has Firefox, which has no H.264 here, watch a
// VP8 stream that Chromium sends from the publish page, with sound by a click; then the
// server ends and comes back, and both pages carry on by themselves.
func TestFirefoxWatchesWhatChromiumPublishes(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	sender := openTab(t, startChromium(t), s.url+"/publish/cam")
	sender.tolerate("ERR_CONNECTION_REFUSED", "status of 503", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE_CHUNKED_ENCODING")
	goLive(sender, "VP8")
	s.waitLive(t, "cam", true, 20*time.Second)

	page := startFirefox(t).open(s.url + "/watch/cam")
	// The second server's TURN port is another one, and the page knows those of both.
	page.tolerated = []string{"five or more STUN/TURN servers"}
	page.waitPlaying(30 * time.Second)
	if muted := evalFirefox[bool](page, "look whether it is muted", "__probe.video().muted"); !muted {
		t.Error("the page began with sound, which browsers keep from playing by itself")
	}
	page.waitTrue(5*time.Second, "the button for sound", "!!"+soundButton)
	page.click("the button for sound", `[...document.querySelector("whep-video").shadowRoot.querySelectorAll("button")]
		.find((button) => /unmute/i.test(button.getAttribute("aria-label") ?? button.textContent))`)
	page.waitTrue(5*time.Second, "sound", "!__probe.video().muted && !__probe.video().paused")
	page.waitTrue(10*time.Second, "audible sound", `__probe.inbound("audio").then((all) => all.some(({ totalAudioEnergy }) => totalAudioEnergy > 0))`)
	page.screenshot("plays")
	for _, size := range playerSizes {
		if out := evalFirefox[string](page, "look for what is cut off", fmt.Sprintf(cutOff, size.width, size.height)); out != "" {
			t.Errorf("%d × %d: cut off or gone: %s", size.width, size.height, out)
		}
	}
	waitFor(t, 20*time.Second, "Firefox's reports on what it gets", func() error {
		if n := s.metric(t, "porthole_transport_feedback_received_total"); n < 10 {
			return fmt.Errorf("%v came", n)
		}
		return nil
	})

	http, media := strings.TrimPrefix(s.url, "http://"), s.media.String()
	s.end(15*time.Second, syscall.SIGTERM)
	page.waitTrue(30*time.Second, "the page to notice", playerState+` === "reconnecting"`)
	if kept := evalFirefox[int](page, "look at the picture that is kept", keptPicture); kept < 20 {
		t.Errorf("without the server, the page shows a picture as bright as %d of 255", kept)
	}
	s = startServer(t, "--source", patternSource, "--http", http, "--media", media)
	s.waitLive(t, "cam", true, 40*time.Second)
	page.waitTrue(30*time.Second, "the page to play again", playerState+` === "playing"`)
	before := evalFirefox[int](page, "count pictures", decoded)
	page.waitTrue(10*time.Second, "more pictures", fmt.Sprintf("%s > %d", decoded, before))
	if evalFirefox[bool](page, "look whether it is muted", "__probe.video().muted") {
		t.Error("the sound was lost with the connection")
	}
}

// goLive starts a publish page as a person does, with a codec.
func goLive(p *tab, codec string) {
	p.t.Helper()
	p.waitTrue(15*time.Second, "the page's preview", `document.querySelector("#go:not([disabled])") !== null && document.querySelector("#preview").videoWidth > 0`)
	p.do("choose the codec", fmt.Sprintf(`document.querySelector("#codec").value = %q`, codec))
	p.doAsPerson("press the button", `document.querySelector("#go").click()`)
	p.waitTrue(20*time.Second, "the page to say that it is live", `!document.querySelector("#badge").hidden`)
}

// TestFirefoxPublishes sends Firefox's fake camera from the publish page to Chromium.
func TestFirefoxPublishes(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	browser := startFirefox(t)
	sender := browser.open(s.url + "/publish/fox")
	sender.waitTrue(20*time.Second, "the page's preview", `document.querySelector("#preview").videoWidth > 0`)
	sender.click("the button", `document.querySelector("#go")`)
	sender.waitTrue(20*time.Second, "the page to say that it is live", `!document.querySelector("#badge").hidden`)
	s.waitLive(t, "fox", true, 20*time.Second)
	viewer := openTab(t, startChromium(t), s.url+"/watch/fox")
	viewer.waitPlaying(30 * time.Second)
	sender.waitTrue(10*time.Second, "numbers", `/bit\/s/.test(document.querySelector("#stat-bitrate").textContent)`)
	sender.waitTrue(10*time.Second, "who watches, for how long, and the link", `(() => {
		const air = document.querySelector("#air").innerText;
		return /On air for \d+:\d\d/.test(air) && air.includes("1 watching") && air.includes("/watch/fox") && air.includes("Copy link");
	})()`)
	sender.click("mute", `document.querySelector("#mute")`)
	sender.waitTrue(5*time.Second, "the sound to be off", `document.querySelector("#mute").innerText === "Unmute" &&
		document.querySelector("#preview").srcObject.getAudioTracks().every(({ enabled }) => !enabled) && document.querySelector("#token-field").hidden`)
	sender.screenshot("publishes")
	sender.click("the button again", `document.querySelector("#go")`)
	s.waitLive(t, "fox", false, 10*time.Second)

	home := browser.open(s.url + "/")
	home.waitTrue(20*time.Second, "the home page with its first act, a card and its tools, and tabs", `document.querySelector("#go-publish")?.innerText === "Publish from this browser" &&
		document.querySelector(".stream .tools button")?.innerText === "Copy link" && document.querySelectorAll("#publish-ways [role=tab]").length === 4 &&
		/^\d live|on demand/.test(document.querySelector("#summary").innerText)`)
	home.click("the tab of FFmpeg", `document.querySelector("#publish-ways-tab-2")`)
	home.waitTrue(5*time.Second, "the line for FFmpeg", `document.querySelector("#publish-ways [role=tabpanel]:not([hidden])").innerText.includes("ffmpeg -re")`)
}

// noWay keeps a page's media from getting anywhere: neither side learns an address of
// the other.
const noWay = `(() => {
	const without = (sdp) => sdp.replace(/^a=candidate:.*\r\n/gm, "");
	const real = window.fetch;
	window.fetch = async (input, init = {}) => {
		const sdp = /sdp/.test(new Headers(init.headers).get("Content-Type") ?? "") && typeof init.body === "string";
		const response = await real(input, sdp ? { ...init, body: without(init.body) } : init);
		if (!sdp || !response.ok && response.status !== 406) return response;
		const { status, headers, url } = response;
		const copy = new Response(without(await response.text()), { status, headers });
		Object.defineProperty(copy, "url", { value: url });
		return copy;
	};
})()`

// TestFirefoxSaysWhatIsWrong brings about what can be wrong, and reads what the watch
// page says about it.
func TestFirefoxSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	publishVP8(t, s, "cam")
	secret := startServer(t, "--source", patternSource, "--view-token", "see")
	gone := startServer(t, "--source", patternSource)
	browser := startFirefox(t)

	for _, tt := range []struct {
		name, url, want string
		fault           string // what Firefox itself says about it in the console
		scripts         []string
		arrange         string
		end             *server
	}{
		{name: "nobody publishes", url: s.url + "/watch/nobody", want: "There is no stream with this name"},
		{name: "no token", url: secret.url + "/watch/webcam", want: "This stream needs a token"},
		{name: "wrong token", url: secret.url + "/watch/webcam#token=wrong", want: "That token does not open this stream"},
		{
			name: "unknown stream", url: s.url + "/watch/nobody", want: "There is no stream with this name",
			arrange: `(document.querySelector("whep-video").src = new URL("../whep/two%20words", location.href).href, document.querySelector("whep-video").play(), 0)`,
		},
		{name: "a codec that it has not", url: s.url + "/watch/webcam", want: "H264"},
		{name: "server gone", url: gone.url + "/watch/nobody", want: "The server cannot be reached", end: gone},
		{name: "no way for media", url: s.url + "/watch/cam", want: "arrived", scripts: []string{noWay}, fault: "ICE failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			browser.t = t // the tests come one after the other
			page := browser.open(tt.url, tt.scripts...)
			if tt.fault != "" {
				page.tolerated = append(page.tolerated, tt.fault)
			}
			if tt.arrange != "" {
				evalFirefox[int](page, "arrange it", tt.arrange)
			}
			if tt.end != nil {
				tt.end.end(15*time.Second, syscall.SIGTERM)
			}
			waitFor(t, 40*time.Second, fmt.Sprintf("the words %q", tt.want), func() error {
				if text := evalFirefox[string](page, "read the page", playerText); !strings.Contains(text, tt.want) {
					return fmt.Errorf("the page says %.400q", strings.Join(strings.Fields(text), " "))
				}
				return nil
			})
		})
	}
}
