//go:build e2e

package e2e_test

import (
	"bytes"
	"testing"
	"time"
)

// TestJoinsLateInALongGroupOfPictures has viewers come when the last keyframe is
// long ago, and the next one too: they are given all pictures since, and go on with
// those that come without leaving one out.
func TestJoinsLateInALongGroupOfPictures(t *testing.T) {
	const (
		group  = 300       // pictures; 10 s
		size   = 16_000    // bytes of a picture: 4 Mbit/s
		before = group / 3 // pictures before the first one comes
	)
	// Without the race detector, with which a busy machine lets the server be late beyond its budget.
	s := startProgram(t, plainBinary(t))
	p := publish(t, s, "cam", numberedPictures(group, size))
	s.waitLive(t, "cam", true, 10*time.Second)
	published := time.Now()
	for i, after := range []time.Duration{before * time.Second / 30, 2 * before * time.Second / 30} {
		time.Sleep(time.Until(published.Add(after))) // the moments are what is tested
		v := watch(t, s, "cam")
		v.video.startRecording()
		v.waitPlaying(t)
		v.waitFrames(t, 30)
		want := int(time.Since(published)/time.Second)*30 - 30
		v.waitFrames(t, want)
		checkNumbers(t, i, v.video.recorded(), group)
		t.Logf("viewer %d: longest pause %v", i, v.video.counts().pause)
	}
	p.stop()
	if n := s.metric(t, `porthole_packets_dropped_total{reason="late"}`); n != 0 {
		t.Errorf("%v packets were left out because viewers were late", n)
	}
}

// numberedPictures makes a keyframe and pictures after it that say which they are.
func numberedPictures(n, size int) [][]byte {
	start := []byte{0, 0, 0, 1}
	sets := [][]byte{{0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe4}, {0x68, 0xce, 0x3c, 0x80}}
	frames := make([][]byte, n)
	for i := range frames {
		nal := byte(0x41)
		var frame []byte
		if i == 0 {
			nal = 0x65
			for _, set := range sets {
				frame = append(append(frame, start...), set...)
			}
		}
		frame = append(append(frame, start...), nal, 0xaa)
		frame = append(frame, 0x80|byte(i>>7), 0x80|byte(i))
		frames[i] = append(frame, bytes.Repeat([]byte{0xaa}, size)...)
	}
	return frames
}

// checkNumbers wants every picture from the keyframe on.
func checkNumbers(t *testing.T, viewer int, pictures []picture, group int) {
	t.Helper()
	for i, p := range pictures {
		at := bytes.LastIndex(p.annexB, []byte{0, 0, 0, 1}) + 6
		if at+2 > len(p.annexB) {
			t.Fatalf("viewer %d: picture %d is %x", viewer, i, p.annexB)
		}
		if got := int(p.annexB[at]&0x7f)<<7 | int(p.annexB[at+1]&0x7f); got != i%group {
			t.Fatalf("viewer %d: picture %d came where %d was to come", viewer, got, i%group)
		}
	}
}
