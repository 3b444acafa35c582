//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// whipFFmpeg is the FFmpeg that knows WHIP, as scripts/ffmpeg-whip.sh leaves it.
func whipFFmpeg(t testing.TB) string {
	t.Helper()
	path := os.Getenv("E2E_FFMPEG")
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatalf("find the cache directory: %v", err)
		}
		path = filepath.Join(cache, "porthole-test", "ffmpeg-forky", "ffmpeg")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("no FFmpeg with WHIP: %v (scripts/ffmpeg-whip.sh gets one)", err)
	}
	return path
}

// pushFFmpeg publishes a moving picture and a tone. The function that it
// returns ends FFmpeg as a person does, by Ctrl-C, and waits.
func pushFFmpeg(t testing.TB, url, token string) (stop func()) {
	t.Helper()
	return pushFFmpegAs(t, url, token, "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "30")
}

// pushFFmpegAs is pushFFmpeg with options of the author's for libx264.
func pushFFmpegAs(t testing.TB, url, token string, x264 ...string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	args := []string{
		"-nostdin", "-hide_banner", "-loglevel", "warning", "-nostats", "-re",
		"-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-c:v", "libx264", "-pix_fmt", "yuv420p", "-b:v", "800k",
	}
	args = append(args, x264...)
	args = append(args,
		"-c:a", "libopus", "-ac", "2", "-ar", "48000", "-b:a", "64k",
		"-f", "whip")
	if token != "" {
		args = append(args, "-authorization", token)
	}
	cmd := exec.CommandContext(ctx, whipFFmpeg(t), append(args, url)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatalf("start FFmpeg: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // interrupted, so never nil; the output says the rest
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("FFmpeg said:\n%s", output.String())
		}
	})
	return stop
}

// TestFFmpegPublishesToABrowser sends H.264 and Opus with FFmpeg over WHIP and
// plays them in Chromium.
func TestFFmpegPublishesToABrowser(t *testing.T) {
	const token = "ffmpeg-s3cret"
	s := startServer(t, "--source", patternSource, "--publish-token", token)
	stop := pushFFmpeg(t, s.url+"/whip/studio", token)
	s.waitLive(t, "studio", true, 20*time.Second)

	p := openTab(t, startChromium(t), s.url+"/watch/studio")
	p.waitPlaying(20 * time.Second)
	requireMoving(p, 15) // FFmpeg's own encoder takes its share of the processors
	// A page starts without sound, as browsers demand; somebody turns it on.
	p.doAsPerson("turn the sound on", "__probe.video().muted = false")
	waitFor(t, 10*time.Second, "a tone to be heard", func() error {
		for _, in := range p.inbound("audio") {
			if in.TotalAudioEnergy > 0 {
				return nil
			}
		}
		return fmt.Errorf("the page receives %+v", p.inbound("audio"))
	})
	p.screenshot("watch")

	stop()
	s.waitLive(t, "studio", false, 5*time.Second)
}
