//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"
)

// TestKeyPicturesLeaveInBatches measures, at a client's socket, how many packets
// come at once. A key picture is some hundred of them: sent without a pause, it
// would overflow the buffers of small routers and push other viewers' packets aside.
func TestKeyPicturesLeaveInBatches(t *testing.T) {
	const (
		window = time.Millisecond
		batch  = 49 // what the pacer lets go at once
		after  = 12 // what follows in two milliseconds by its pace of 64 Mbit/s
		slack  = 5
	)
	s := startProgram(t, plainBinary(t), "--source", "webcam=pattern:?size=1280x720&fps=30&bitrate=8000k&keyframe=2s&ondemand=off")
	s.waitLive(t, "webcam", true, 20*time.Second)
	began := time.Now()
	v := watchTraced(t, s, "webcam", nil, false) // starts with pictures from the past, which leave in batches too
	var packets []arrival
	var sizes, atOnce []int // of key pictures
	waitFor(t, 30*time.Second, "five pictures of more than 70 packets", func() error {
		packets, sizes, atOnce = v.wire.between(v.ssrc, began, time.Now()), nil, nil
		for picture := range byPicture(packets) {
			if len(picture) > 70 {
				sizes, atOnce = append(sizes, len(picture)), append(atOnce, mostWithin(picture, window))
			}
		}
		if len(sizes) < 5 {
			return fmt.Errorf("of %v packets: the test shows nothing yet", sizes)
		}
		return nil
	})
	t.Logf("of %d packets at most %d came within %v; key pictures of %v packets: %v", len(packets), mostWithin(packets, window), window, sizes, atOnce)
	// The median, because a busy machine now and then holds a batch up until the next one is due.
	slices.Sort(atOnce)
	if got := quantile(atOnce, 0.5); got > batch+after+slack {
		t.Errorf("%d packets of a key picture came within %v, want at most %d", got, window, batch+after+slack)
	}
}

// byPicture yields the packets of one picture after another.
func byPicture(packets []arrival) iter.Seq[[]arrival] {
	return func(yield func([]arrival) bool) {
		for len(packets) > 0 {
			n := slices.IndexFunc(packets, func(p arrival) bool { return p.timestamp != packets[0].timestamp })
			if n < 0 {
				n = len(packets)
			}
			if !yield(packets[:n]) {
				return
			}
			packets = packets[n:]
		}
	}
}

// mostWithin is the largest number of packets that came within any period so long.
func mostWithin(packets []arrival, period time.Duration) (most int) {
	first := 0
	for i, p := range packets {
		for p.at.Sub(packets[first].at) >= period {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}
