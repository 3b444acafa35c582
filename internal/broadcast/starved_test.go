package broadcast_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
)

// A sender that gets too little processor time for its viewers cannot send them all
// of it. Each is sent whole pictures in order, none of them old, for as long as it
// lasts, and everything again when there is time.
func TestStarvedSenderDropsWholePictures(t *testing.T) {
	const (
		viewers = 3
		budget  = 400 * time.Millisecond
		cost    = 5 * time.Millisecond // a packet: 60 ms a picture for all, which come every 33 ms
	)
	bubble(t, broadcast.Config{Senders: 1, LagBudget: budget}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 0)
		cam.picture()
		var sinks []*sink
		var watching []*broadcast.Viewer
		for range viewers {
			v, s := watch(t, b, nil)
			sinks, watching = append(sinks, s), append(watching, v)
		}
		written := make([]time.Time, 0, 2000)
		run := func(d time.Duration) {
			for range int(d / frameTime) {
				numbered(t, cam, len(written), len(written)%30 == 0)
				written = append(written, time.Now())
				time.Sleep(frameTime)
			}
		}
		run(2 * time.Second)
		for _, s := range sinks {
			s.take()
			s.set(func(s *sink) { s.delay = cost })
		}
		run(20 * time.Second)
		for i, s := range sinks {
			got := s.take()
			checkContiguous(t, got)
			seen, oldest := wholePictures(t, got, written)
			t.Logf("viewer %d: %d of %d pictures, none older than %v", i, seen, int(20*time.Second/frameTime), oldest)
			if seen < 100 {
				t.Errorf("viewer %d saw %d pictures in 20 s", i, seen)
			}
			if oldest > budget+200*time.Millisecond {
				t.Errorf("viewer %d saw a picture of %v ago", i, oldest)
			}
		}
		for _, s := range sinks {
			s.set(func(s *sink) { s.delay = 0 })
		}
		run(2 * time.Second)
		for _, s := range sinks {
			s.take()
		}
		run(2 * time.Second)
		for i, s := range sinks {
			got := s.take()
			checkContiguous(t, got)
			if seen, oldest := wholePictures(t, got, written); seen < 59 || oldest > 2*frameTime {
				t.Errorf("viewer %d afterwards: %d pictures in 2 s, up to %v old", i, seen, oldest)
			}
			if watching[i].Err() != nil {
				t.Errorf("viewer %d ended: %v", i, watching[i].Err())
			}
		}
	})
}

// numbered writes a picture whose packets say which it is.
func numbered(t *testing.T, cam *camera, n int, key bool) {
	t.Helper()
	for i := range frameParts {
		head := "\x41"
		if key && i == 0 {
			head = "\x65"
		}
		err := cam.layer.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{SequenceNumber: cam.seq, Timestamp: cam.timestamp, Marker: i == frameParts-1},
			Payload: fmt.Appendf(nil, "%s picture %d part %d", head, n, i),
		})
		if err != nil {
			t.Fatal(err)
		}
		cam.seq++
	}
	cam.timestamp += frameTicks
}

// wholePictures checks that packets are whole pictures in order, each following its
// predecessor or beginning at a keyframe, and returns how many there are and how old
// the oldest was when it was sent. The last one may still be on its way.
func wholePictures(t *testing.T, packets []received, written []time.Time) (seen int, oldest time.Duration) {
	t.Helper()
	last, part := -1, 0
	for i, p := range packets {
		var n, k int
		_, text, _ := strings.Cut(p.payload, " ")
		if _, err := fmt.Sscanf(text, "picture %d part %d", &n, &k); err != nil {
			continue // from before the pictures were numbered
		}
		if last < 0 && k != 0 {
			continue // the rest of a picture that was taken before
		}
		if k == 0 {
			if last >= 0 && part != frameParts-1 {
				t.Fatalf("packet %d: picture %d begins and only %d parts of picture %d came", i, n, part+1, last)
			}
			if last >= 0 && n != last+1 && !isKey(p) {
				t.Fatalf("packet %d: picture %d, no keyframe, follows picture %d", i, n, last)
			}
			seen++
		} else if n != last || k != part+1 {
			t.Fatalf("packet %d: part %d of picture %d after part %d of picture %d", i, k, n, part, last)
		}
		last, part = n, k
		oldest = max(oldest, p.at.Sub(written[n]))
	}
	return seen, oldest
}
