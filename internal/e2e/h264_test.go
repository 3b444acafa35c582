//go:build e2e

package e2e_test

import (
	"bytes"
	"iter"
	"os/exec"
	"slices"
	"testing"
	"time"

	"porthole/internal/codec"
)

// nalus yields the NAL units between the start codes of Annex B, none empty.
func nalus(annexB []byte) iter.Seq[[]byte] { return slices.Values(codec.SplitAnnexB(nil, annexB)) }

// accessUnits groups Annex B into frames that have one slice each.
func accessUnits(annexB []byte) [][]byte {
	var units [][]byte
	var unit []byte
	for nalu := range nalus(annexB) {
		unit = append(append(unit, 0, 0, 0, 1), nalu...)
		if kind := nalu[0] & 0x1f; kind == 1 || kind == 5 {
			units = append(units, unit)
			unit = nil
		}
	}
	return units
}

// encodeTestVideo makes four seconds of H.264, a frame each element, that can
// be repeated without end: 320x240, 30 frames and one keyframe a second.
func encodeTestVideo(t testing.TB) [][]byte {
	t.Helper()
	return encodeTestVideoSized(t, "320x240")
}

// encodeTestVideoSized is encodeTestVideo in another size.
func encodeTestVideoSized(t testing.TB, size string) [][]byte {
	t.Helper()
	out := runFFmpeg(t, nil,
		"-f", "lavfi", "-i", "testsrc2=size="+size+":rate=30", "-t", "4",
		"-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency",
		"-pix_fmt", "yuv420p", "-threads", "1", "-g", "30", "-b:v", "400k",
		"-x264-params", "repeat-headers=1:scenecut=0", "-f", "h264", "-")
	frames := accessUnits(out)
	if len(frames) != 120 {
		t.Fatalf("FFmpeg made %d frames of test video, want 120", len(frames))
	}
	return frames
}

// runFFmpeg runs Debian's FFmpeg from bytes to bytes.
func runFFmpeg(t testing.TB, input []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-nostdin", "-hide_banner", "-loglevel", "error"}, args...)...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, stderr.String())
	}
	return out
}
