//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

//go:embed testdata/keyframeless.js
var keyframelessScript string

// relayRTP has FFmpeg send RTP, as one that knows no WHIP does, and passes it on over WHIP
// as it is. What FFmpeg's own WHIP muxer refuses gets through so.
func relayRTP(t *testing.T, s *server, stream string, x264 ...string) {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	base, err := newPeer(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { base.close() })
	track, err := webrtc.NewTrackLocalStaticRTP(h264Track(), "video", "ffmpeg")
	if err != nil {
		t.Fatal(err)
	}
	transceiver, err := base.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err == nil {
		err = transceiver.SetCodecPreferences([]webrtc.RTPCodecParameters{{RTPCodecCapability: h264Track()}})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := base.signal("/whip/" + stream); err != nil {
		t.Fatal(err)
	}
	base.waitConnected(t)

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	args := append([]string{
		"-nostdin", "-hide_banner", "-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30",
		"-c:v", "libx264", "-pix_fmt", "yuv420p", "-b:v", "400k",
	}, x264...)
	cmd := exec.CommandContext(ctx, "ffmpeg", append(args, "-f", "rtp", fmt.Sprintf("rtp://%v?pkt_size=1200", socket.LocalAddr()))...)
	var output bytes.Buffer
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	relayed := make(chan struct{})
	go func() {
		defer close(relayed)
		packet := make([]byte, 2048)
		for {
			n, err := socket.Read(packet)
			if err != nil {
				return // the test is over
			}
			_, _ = track.Write(packet[:n]) // the end of the connection is what the server's side looks at
		}
	}()
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed, so never nil
		socket.Close()
		<-relayed
		if t.Failed() {
			t.Logf("FFmpeg said:\n%s", output.String())
		}
	})
}

// waitWarnings waits until the API has these warnings about a stream. It may have more: an
// encoder that gets no processor time sends keyframes seldom, too.
func (s *server) waitWarnings(t *testing.T, within time.Duration, stream string, want ...string) {
	t.Helper()
	waitFor(t, within, fmt.Sprintf("the warnings %q about %s", want, stream), func() error {
		var got []string
		for _, w := range s.stream(t, stream).Warnings {
			got = append(got, w.Code)
		}
		for _, code := range want {
			if !slices.Contains(got, code) {
				return fmt.Errorf("they are %q", got)
			}
		}
		return nil
	})
}

// TestWarningsAboutFFmpeg publishes with FFmpeg in each way that hurts viewers, and one
// that does not: the API, the log, the home page and the publish page say what it is.
func TestWarningsAboutFFmpeg(t *testing.T) {
	s := startServer(t)
	fast := []string{"-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-g"}
	publish(t, s, "fine", encodeTestVideo(t))
	stopSeldom := pushFFmpegAs(t, s.url+"/whip/seldom", "", append(fast, "250")...)
	pushFFmpegAs(t, s.url+"/whip/refresh", "", append(fast, "15", "-intra-refresh", "1")...)
	pushFFmpegAs(t, s.url+"/whip/high", "", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "high", "-g", "15")
	relayRTP(t, s, "mixed", "-preset", "ultrafast", "-profile:v", "main", "-bf", "2", "-g", "15", "-x264-params", "repeat-headers=1")
	relayRTP(t, s, "bare", append(fast, "15", "-bsf:v", "filter_units=remove_types=6|7|8")...)

	s.waitWarnings(t, 30*time.Second, "seldom", "keyframe_interval")
	s.waitWarnings(t, 20*time.Second, "refresh", "no_keyframes")
	s.waitWarnings(t, 20*time.Second, "high", "profile")
	s.waitWarnings(t, 20*time.Second, "mixed", "b_frames", "profile")
	s.waitWarnings(t, 20*time.Second, "bare", "no_parameter_sets")
	if w := s.stream(t, "fine").Warnings; len(w) > 0 {
		t.Errorf("about a stream that hurts nobody: %+v", w)
	}
	s.checkSessionWarnings(t, "seldom", "keyframe_interval")

	browser := startChromium(t)
	home := openTab(t, browser, s.url+"/")
	for _, title := range []string{"Keyframes too far apart", "No keyframes", "H.264 High profile", "B-frames", "H.264 Main profile", "No parameter sets"} {
		home.waitTrue(20*time.Second, "the card's "+title, fmt.Sprintf(`[...document.querySelectorAll(".stream .warnings summary")].some((s) => s.innerText === %q)`, title))
	}
	home.do("open one", `document.querySelector('.stream .warnings summary').click()`)
	home.do("open the connections", `document.querySelector("#operator").open = true`)
	home.waitTrue(10*time.Second, "warnings among the connections", `document.querySelectorAll(".sessions .warnings:not([hidden])").length >= 5`)
	if !eval[bool](home, "is the page still the home page", `location.pathname === "/"`) {
		t.Error("opening a warning led to another page")
	}
	page := openTab(t, browser, s.url+"/publish/seldom")
	page.waitTrue(20*time.Second, "the publish page's words", `(() => {
		const text = document.querySelector("#warnings").innerText;
		return text.includes("Another program publishes") && text.includes("Keyframe Interval: 2 s") && text.includes("-g 60");
	})()`)
	for _, v := range views() {
		home.look(v)
		home.keepPicture("home-warnings-" + v.name)
		home.requireNoOverflow(v.name)
		page.look(v)
		page.keepPicture("publish-warnings-" + v.name)
		page.requireNoOverflow(v.name)
	}
	for stream, code := range map[string]string{"seldom": "keyframe_interval", "refresh": "no_keyframes", "high": "profile", "mixed": "b_frames", "bare": "no_parameter_sets"} {
		if n := strings.Count(s.Log(), fmt.Sprintf(`"stream":%q,"code":%q`, stream, code)); n != 1 {
			t.Errorf("the log has %s about %s %d times, want once", code, stream, n)
		}
	}

	stopSeldom()
	waitFor(t, 20*time.Second, "the publisher's end", func() error {
		if source := s.stream(t, "seldom").Source; source != "" {
			return errors.New("there is a publisher still")
		}
		return nil
	})
	publish(t, s, "seldom", encodeTestVideo(t))
	s.waitLive(t, "seldom", true, 20*time.Second)
	page.waitTrue(20*time.Second, "the publish page to say no more", `document.querySelector("#warnings").hidden`)
	home.waitTrue(10*time.Second, "the card to say no more", `![...document.querySelectorAll(".stream")]
		.find((card) => card.querySelector("h2").innerText === "seldom")?.querySelector(".warnings summary")`)
}

// checkSessionWarnings looks at a publisher's session, in the list and by itself.
func (s *server) checkSessionWarnings(t *testing.T, stream, want string) {
	t.Helper()
	var id string
	for _, b := range s.sessionBriefs(t, "whip") {
		if b.Stream == stream {
			id = b.ID
		}
	}
	var info struct {
		Publisher struct {
			Warnings []struct {
				Code, OBS, FFmpeg string
			}
		}
	}
	r := s.call(t, http.MethodGet, path.Join("/api/sessions", id), "")
	if err := json.Unmarshal([]byte(r.body), &info); err != nil {
		t.Fatal(errors.Join(err, errors.New(r.body)))
	}
	if w := info.Publisher.Warnings; len(w) == 0 || w[0].Code != want || w[0].OBS == "" || w[0].FFmpeg == "" {
		t.Errorf("the session of %s has the warnings %+v, want %s", stream, w, want)
	}
}

// TestPublishPageHasWarnings goes live with a browser that sends one keyframe and no
// more: its own page says so, and nothing when the browser is as browsers are.
func TestPublishPageHasWarnings(t *testing.T) {
	s := startServer(t)
	browser := startChromium(t)
	fine := openTab(t, browser, s.url+"/publish/fine")
	goLive(fine, "H264")
	page := openTab(t, browser, s.url+"/publish/desk", keyframelessScript)
	goLive(page, "VP8")
	s.waitWarnings(t, 40*time.Second, "desk", "no_keyframes")
	page.waitTrue(10*time.Second, "the words about keyframes", `(() => {
		const { innerText, hidden } = document.querySelector("#warnings");
		return !hidden && innerText.includes("No keyframes") && innerText.includes("this browser");
	})()`)
	page.keepPicture("publish-own-warning-desktop-light")
	if !eval[bool](fine, "are there warnings", `document.querySelector("#warnings").hidden`) {
		t.Error("there are warnings about a browser that answers")
	}
	page.doAsPerson("stop", `document.querySelector("#go").click()`)
	page.waitTrue(10*time.Second, "the words to go", `document.querySelector("#warnings").hidden`)
}
