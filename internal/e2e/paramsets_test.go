//go:build e2e

package e2e_test

import (
	"slices"
	"testing"
	"time"
)

// TestPageJoinsAPublisherThatSentItsParameterSetsOnce opens the page of a publisher that
// sent SPS and PPS with its first keyframe and never again, as encoders do without
// repeated headers: the page has a picture all the same.
func TestPageJoinsAPublisherThatSentItsParameterSetsOnce(t *testing.T) {
	frames := encodeTestVideo(t)
	s := startServer(t)
	publish(t, s, "cam", setsOnce(frames, 30))
	s.waitLive(t, "cam", true, 10*time.Second)
	time.Sleep(2500 * time.Millisecond) // keyframes come each second: the one with the sets is gone from the ring

	v := watch(t, s, "cam")
	v.video.startRecording()
	v.waitFrames(t, 60)
	first := v.video.recorded()[0].annexB
	if sps := spsOf(first); !slices.Equal(sps, spsOf(frames[0])) {
		t.Errorf("the viewer's first picture has the SPS %x, want the publisher's %x", sps, spsOf(frames[0]))
	}
	requireDecodable(t, v.video.recorded())

	page := openTab(t, startChromium(t), s.url+"/watch/cam")
	page.waitPlaying(20 * time.Second)
}

// setsOnce repeats pictures n times, without the parameter sets after the first one.
func setsOnce(frames [][]byte, n int) [][]byte {
	var bare [][]byte
	for _, frame := range frames {
		var picture []byte
		for nalu := range nalus(frame) {
			if kind := nalu[0] & 0x1f; kind != 7 && kind != 8 {
				picture = append(append(picture, 0, 0, 0, 1), nalu...)
			}
		}
		bare = append(bare, picture)
	}
	all := slices.Repeat(bare, n)
	all[0] = frames[0]
	return all
}
