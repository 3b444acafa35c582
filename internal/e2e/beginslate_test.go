//go:build e2e

package e2e_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// TestBrowserPlaysPicturesThatBeginLate sends parameter sets once, and the first packet of
// every picture behind the second. The server has to put the sets in front of keyframes of
// which it does not know yet that they are, and a browser takes them in front of others too.
func TestBrowserPlaysPicturesThatBeginLate(t *testing.T) {
	s := startServer(t)
	frames := encodeTestVideoSized(t, "1280x720")
	base, err := newPeer(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { base.close() })
	track, err := webrtc.NewTrackLocalStaticRTP(h264Track(), "video", "late")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = base.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		t.Fatal(err)
	}
	if err = base.signal("/whip/late"); err != nil {
		t.Fatal(err)
	}
	base.waitConnected(t)

	packetizer := rtp.NewPacketizer(1200, 0, 0, &codecs.H264Payloader{}, rtp.NewFixedSequencer(1), 90_000)
	p := &publisher{peer: base, stop: func() {}}
	p.every(time.Second/30, func(i int) {
		frame := frames[i%len(frames)]
		if i > 0 {
			frame = withoutSets(frame)
		}
		packets := packetizer.Packetize(frame, 3000)
		if len(packets) > 1 {
			packets[0], packets[1] = packets[1], packets[0]
		}
		for _, packet := range packets {
			_ = track.WriteRTP(packet) // the end of the connection is what the browser's side looks at
		}
	})
	t.Cleanup(p.stop)
	s.waitLive(t, "late", true, 10*time.Second)
	time.Sleep(2 * time.Second) // the first keyframe is gone by then

	page := openTab(t, startChromium(t), s.url+"/watch/late")
	page.waitPlaying(20 * time.Second)
	requireMoving(page, 8)
	before := s.metric(t, "porthole_keyframe_requests_received_total")
	requireMoving(page, 8)
	if after := s.metric(t, "porthole_keyframe_requests_received_total"); after != before {
		t.Errorf("the browser asked for %v keyframes: it could not decode what it was sent", after-before)
	}
}

// withoutSets takes the parameter sets out of a picture.
func withoutSets(annexB []byte) []byte {
	var rest [][]byte
	for nalu := range nalus(annexB) {
		if kind := nalu[0] & 0x1f; kind != 7 && kind != 8 {
			rest = append(rest, slices.Concat([]byte{0, 0, 0, 1}, nalu))
		}
	}
	return bytes.Join(rest, nil)
}
