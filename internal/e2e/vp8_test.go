//go:build e2e

package e2e_test

import (
	"bytes"
	"testing"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
)

// encodeVP8 makes four seconds of VP8, a frame each element, that can be repeated
// without end: 320x240, 30 frames and one keyframe a second.
func encodeVP8(t testing.TB) (frames [][]byte) {
	t.Helper()
	out := runFFmpeg(t, nil,
		"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30", "-t", "4",
		"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0",
		"-pix_fmt", "yuv420p", "-threads", "1", "-g", "30", "-keyint_min", "30", "-b:v", "400k", "-f", "ivf", "-")
	reader, _, err := ivfreader.NewWith(bytes.NewReader(out))
	if err != nil {
		t.Fatalf("read FFmpeg's VP8: %v", err)
	}
	for {
		frame, _, err := reader.ParseNextFrame()
		if err != nil {
			break // the end
		}
		frames = append(frames, frame)
	}
	if len(frames) != 120 {
		t.Fatalf("FFmpeg made %d frames of VP8, want 120", len(frames))
	}
	return frames
}

// publishVP8 publishes what every browser plays, and ends with the test.
func publishVP8(t testing.TB, s *server, stream string) *publisher {
	t.Helper()
	base, err := newPeer(s)
	if err != nil {
		t.Fatalf("make a publisher: %v", err)
	}
	p, err := publisherOf(base, webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90_000})
	if err != nil {
		t.Fatalf("make a publisher: %v", err)
	}
	t.Cleanup(func() { p.close() })
	if err := p.signal("/whip/" + stream); err != nil {
		t.Fatalf("publish %s: %v", stream, err)
	}
	p.waitConnected(t)
	p.start(encodeVP8(t))
	t.Cleanup(p.stop)
	return p
}
