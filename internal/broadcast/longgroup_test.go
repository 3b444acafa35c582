package broadcast_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast"
)

// x264 is a publisher that heeds no keyframe requests: pictures of the given rates,
// of which the first in a group is eight times as large.
type x264 struct {
	layer     *broadcast.Layer
	frameRate int
	group     int // pictures from one keyframe to the next
	size      int // bytes of a picture
	part      int // bytes of a packet at most

	n   int // pictures so far
	seq uint16
}

func newX264(t *testing.T, b *broadcast.Broadcaster, bitRate, frameRate int, group time.Duration) *x264 {
	t.Helper()
	cam := publish(t, b, 0)
	pictures := int(group * time.Duration(frameRate) / time.Second)
	perGroup := bitRate / 8 * pictures / frameRate
	return &x264{layer: cam.layer, frameRate: frameRate, group: pictures, size: perGroup / (pictures + 7), part: 1100}
}

func (e *x264) picture(t *testing.T) {
	t.Helper()
	left, head := e.size, byte(0x41)
	if e.n%e.group == 0 {
		left, head = 8*e.size, 0x65
	}
	for left > 0 {
		payload := make([]byte, min(left, e.part))
		payload[0] = head
		left -= len(payload)
		err := e.layer.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{SequenceNumber: e.seq, Timestamp: uint32(e.n * 90_000 / e.frameRate), Marker: left == 0},
			Payload: payload,
		})
		if err != nil {
			t.Fatal(err)
		}
		e.seq++
	}
	e.n++
}

// run writes pictures at their moments.
func (e *x264) run(t *testing.T, d time.Duration) {
	t.Helper()
	for range int(d * time.Duration(e.frameRate) / time.Second) {
		e.picture(t)
		time.Sleep(time.Second / time.Duration(e.frameRate))
	}
}

// eye is a sink that looks for pauses between whole pictures and keeps nothing else.
type eye struct {
	mu sync.Mutex
	sight
}

type sight struct {
	first    time.Time // the first picture
	last     time.Time
	pause    time.Duration
	at       time.Time // when the longest pause ended
	pictures int
	seq      uint16
	hole     bool
}

func (e *eye) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pictures > 0 && h.SequenceNumber != e.seq+1 {
		e.hole = true
	}
	e.seq = h.SequenceNumber
	if !h.Marker {
		return len(payload), nil
	}
	now := time.Now()
	if e.pictures == 0 {
		e.first, e.last = now, now
	}
	if d := now.Sub(e.last); d > e.pause {
		e.pause, e.at = d, now
	}
	e.last = now
	e.pictures++
	return len(payload), nil
}

// seen returns what there was so far.
func (e *eye) seen() sight {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sight
}

func (*eye) Flush() error                  { return nil }
func (*eye) WriteRTCP([]rtcp.Packet) error { return nil }

// watchWith starts a viewer of the encoder's stream.
func watchWith(t *testing.T, b *broadcast.Broadcaster, s broadcast.Sink) *broadcast.Viewer {
	t.Helper()
	v, err := b.Join("cam")
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Start(broadcast.ViewerConfig{Sink: s, Video: &broadcast.TrackConfig{SSRC: videoSSRC, PayloadType: videoPayload}}); err != nil {
		t.Fatal(err)
	}
	return v
}

// Whoever joins, at whatever moment of a group of pictures of up to 10 s at up to
// 8 Mbit/s, sees a picture soon and no pause after it.
func TestNoPauseAfterTheFirstPictureInALongGroup(t *testing.T) {
	const between = 370 * time.Millisecond // joins: at other moments of each second
	for _, stream := range []struct {
		bitRate, frameRate int
		group              time.Duration
	}{
		{8_000_000, 30, 10 * time.Second},
		{8_000_000, 60, 10 * time.Second},
		{6_000_000, 25, 10 * time.Second},
		{4_000_000, 30, 8333 * time.Millisecond},
		{2_500_000, 30, 10 * time.Second},
		{1_000_000, 15, 10 * time.Second},
		{8_000_000, 30, 2 * time.Second},
		{3_000_000, 50, 5 * time.Second},
	} {
		t.Run(fmt.Sprintf("%d kbit/s, %d a second, %v", stream.bitRate/1000, stream.frameRate, stream.group), func(t *testing.T) {
			bubble(t, broadcast.Config{Senders: 2}, func(t *testing.T, b *broadcast.Broadcaster) {
				e := newX264(t, b, stream.bitRate, stream.frameRate, stream.group)
				e.run(t, stream.group+stream.group/2) // the next keyframe is half a group away
				type join struct {
					eye *eye
					at  time.Time
					v   *broadcast.Viewer
				}
				var joins []join
				for range int(stream.group/between) + 1 {
					s := &eye{}
					joins = append(joins, join{s, time.Now(), watchWith(t, b, s)})
					e.run(t, between)
				}
				e.run(t, 3*time.Second)
				for _, j := range joins {
					saw := j.eye.seen()
					if saw.pictures == 0 {
						t.Fatal("a viewer saw nothing")
					}
					if d := saw.first.Sub(j.at); d > 700*time.Millisecond {
						t.Errorf("joined at %v: the first picture took %v", j.at, d)
					}
					if saw.pause > 200*time.Millisecond || time.Since(saw.last) > 200*time.Millisecond {
						t.Errorf("joined at %v: a pause of %v, %v after the first picture", j.at, saw.pause, saw.at.Sub(saw.first))
					}
					if saw.hole {
						t.Errorf("joined at %v: a hole in the sequence numbers", j.at)
					}
					if j.v.Stats().AwaitsKeyframe {
						t.Errorf("joined at %v: said to wait for a keyframe", j.at)
					}
				}
			})
		})
	}
}

// What does not fit waits for the keyframe, and says so: once, however many there are.
func TestGroupThatDoesNotFitIsWaitedForAndTold(t *testing.T) {
	listening(t, func(t *testing.T, b *broadcast.Broadcaster, told *[]string) {
		e := newX264(t, b, 8_000_000, 30, 20*time.Second)
		e.run(t, 16*time.Second)
		eyes := make([]*eye, 3)
		viewers := make([]*broadcast.Viewer, len(eyes))
		for i := range eyes {
			eyes[i] = &eye{}
			viewers[i] = watchWith(t, b, eyes[i])
		}
		e.run(t, 2*time.Second)
		for i, v := range viewers {
			if saw := eyes[i].seen(); saw.pictures > 0 || !v.Stats().AwaitsKeyframe {
				t.Errorf("viewer %d has %d pictures and waits: %v", i, saw.pictures, v.Stats().AwaitsKeyframe)
			}
		}
		e.run(t, 4*time.Second)
		for i, v := range viewers {
			if saw := eyes[i].seen(); saw.pictures < 50 || saw.pause > 200*time.Millisecond || v.Stats().AwaitsKeyframe {
				t.Errorf("viewer %d after the keyframe: %d pictures, a pause of %v, waits: %v", i, saw.pictures, saw.pause, v.Stats().AwaitsKeyframe)
			}
		}
		if n := strings.Count(strings.Join(*told, "\n"), "keyframe_interval"); n != 1 {
			t.Errorf("told %d times, want once: %q", n, *told)
		}
	})
}
