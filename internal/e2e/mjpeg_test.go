//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// encodedPictures is the metric of pictures that were encoded for all who watch.
const encodedPictures = `porthole_mjpeg_pictures_total{how="encoded"}`

// TestMJPEG shows a stream to what has no WebRTC: FFmpeg, an <img> of another site in two browsers, one that has a camera
// woken for it, and a snapshot, which is one of the pictures that are made anyway.
func TestMJPEG(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource, "--source", "asleep=pattern:?size=320x180&fps=15&ondemand=1s", "--allow-origin", "*")
	s.waitLive(t, "webcam", true, 20*time.Second)

	readWithFFmpeg(t, s.url+"/mjpeg/webcam?fps=10", 20, 640, 360)
	readWithFFmpeg(t, s.url+"/mjpeg/asleep?width=160", 5, 160, 90)

	site := otherSite(t, map[string]string{"/": fmt.Sprintf(`<script>let loads = 0</script><img id="shot" crossorigin onload="loads++" src="%s/mjpeg/webcam?width=320&fps=10"><canvas width="320" height="180"></canvas>
<script>
	const look = document.querySelector("canvas").getContext("2d", { willReadFrequently: true });
	function sum() { // of the picture that is shown now
		look.drawImage(document.querySelector("#shot"), 0, 0, 320, 180);
		return look.getImageData(0, 0, 320, 180).data.reduce((total, value, index) => (total * 31 + value + index) %% 1000003, 0);
	}
	const seen = new Set();
	setInterval(() => document.querySelector("#shot").naturalWidth && seen.add(sum()), 50);
</script>`, s.url)})
	chromium := openTab(t, startChromium(t), site+"/")
	firefox := startFirefox(t).open(site + "/")
	chromium.waitTrue(30*time.Second, "moving pictures in Chromium", `document.querySelector("#shot").naturalWidth === 320 && seen.size > 20`)
	// Firefox draws the first picture only, and says of each that it is there.
	firefox.waitTrue(30*time.Second, "moving pictures in Firefox", `document.querySelector("#shot").naturalWidth === 320 && loads > 20`)

	made := s.metric(t, encodedPictures)
	if r := s.call(t, http.MethodGet, "/snapshot/webcam.jpg?width=320", ""); r.status != http.StatusOK {
		t.Errorf("a snapshot: status %d: %.200s", r.status, r.body)
	}
	began := time.Now()
	chromium.do("wait for a second", `new Promise((done) => setTimeout(done, 1000))`)
	n, elapsed := s.metric(t, encodedPictures)-made, time.Since(began)
	if n < 2 || n > 10*elapsed.Seconds()+5 {
		t.Errorf("%v pictures were encoded in %v for two browsers at 10 a second", n, elapsed)
	}
	if viewers := s.stream(t, "webcam").Viewers; viewers != 2 {
		t.Errorf("%d viewers are counted, want the two browsers", viewers)
	}
	firefox.open("about:blank")
	waitFor(t, 30*time.Second, "the camera to be off again", func() error {
		if state := s.stream(t, "asleep").State; state != "standby" {
			return fmt.Errorf("it is %s", state)
		}
		return nil
	})
}

// readWithFFmpeg reads pictures of a size, as OctoPrint and Home Assistant have FFmpeg do it.
func readWithFFmpeg(t testing.TB, url string, frames, width, height int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, whipFFmpeg(t), "-nostdin", "-hide_banner", "-loglevel", "warning", "-xerror", "-f", "mpjpeg", "-i", url,
		"-frames:v", strconv.Itoa(frames), "-f", "framehash", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("FFmpeg reads %s: %v\n%s", url, err, out)
	}
	text := string(out)
	if !strings.Contains(text, fmt.Sprintf("#dimensions 0: %dx%d", width, height)) {
		t.Errorf("FFmpeg reads %s, want %dx%d:\n%s", url, width, height, text)
	}
	if n := len(regexp.MustCompile(`(?m)^0,`).FindAllString(text, -1)); n != frames {
		t.Errorf("FFmpeg has read %d pictures of %s, want %d:\n%s", n, url, frames, text)
	}
}
