package broadcast_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast"
)

// batches is a sink that notes what leaves together.
type batches struct {
	mu      sync.Mutex
	waiting int   // packets that were written and not flushed
	left    []int // sizes of what was flushed
	newest  uint16
}

func (b *batches) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newest = h.SequenceNumber
	b.waiting++
	return len(payload), nil
}

func (b *batches) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = append(b.left, b.waiting)
	b.waiting = 0
	return nil
}

func (*batches) WriteRTCP([]rtcp.Packet) error { return nil }

// take returns what left since the last call, and how much waits.
func (b *batches) take() (left []int, waiting int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left, b.left = b.left, nil
	return left, b.waiting
}

func (b *batches) number() uint16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.newest
}

const pictureParts = 10

// slowly writes the packets from first to last of a picture of ten, a millisecond apart.
func slowly(t *testing.T, cam *camera, first, last int) {
	t.Helper()
	for i := first; i <= last; i++ {
		head := byte(0x41)
		if cam.frame == 0 && i == 0 {
			head = 0x65
		}
		err := cam.layer.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{SequenceNumber: cam.seq, Timestamp: cam.timestamp, Marker: i == pictureParts-1},
			Payload: []byte{head, byte(i)},
		})
		if err != nil {
			t.Fatal(err)
		}
		cam.seq++
		time.Sleep(time.Millisecond)
	}
	synctest.Wait()
}

func nextPicture(cam *camera) {
	cam.frame++
	cam.timestamp += frameTicks
}

// prepared starts ten viewers of pictures that come slowly.
func prepared(t *testing.T, b *broadcast.Broadcaster) (*camera, []*batches, []*broadcast.Viewer) {
	t.Helper()
	cam := publish(t, b, 0)
	slowly(t, cam, 0, pictureParts-1)
	var sinks []*batches
	var viewers []*broadcast.Viewer
	for range 10 {
		s := &batches{}
		sinks, viewers = append(sinks, s), append(viewers, watchWith(t, b, s))
	}
	for range 10 { // until it is known how many packets are usual
		nextPicture(cam)
		slowly(t, cam, 0, pictureParts-1)
	}
	for _, s := range sinks {
		s.take()
	}
	nextPicture(cam)
	return cam, sinks, viewers
}

// Most of a picture is encrypted when its end comes, and still it leaves at once.
func TestPictureIsPreparedAndLeavesAtOnce(t *testing.T) {
	bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam, sinks, _ := prepared(t, b)
		for range 5 {
			slowly(t, cam, 0, pictureParts-2)
			for i, s := range sinks {
				if left, waiting := s.take(); len(left) > 0 || waiting < pictureParts/2 {
					t.Errorf("viewer %d before the picture's end: %v packets have left, %d are ready", i, left, waiting)
				}
			}
			slowly(t, cam, pictureParts-1, pictureParts-1)
			for i, s := range sinks {
				if left, waiting := s.take(); len(left) != 1 || left[0] != pictureParts || waiting != 0 {
					t.Errorf("viewer %d: %v packets have left, %d wait; want all %d at once", i, left, waiting, pictureParts)
				}
			}
			nextPicture(cam)
		}
	})
}

// A picture whose end was lost does not keep its beginning back for long.
func TestPreparedPacketsLeaveWithoutTheEnd(t *testing.T) {
	bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam, sinks, _ := prepared(t, b)
		slowly(t, cam, 0, pictureParts-2)
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		for i, s := range sinks {
			if left, waiting := s.take(); len(left) != 1 || left[0] != pictureParts-1 || waiting != 0 {
				t.Errorf("viewer %d: %v packets have left, %d wait", i, left, waiting)
			}
		}
	})
}

// What a viewer missed does not wait for the end of the picture that is being written.
func TestResendDoesNotWaitForAPicture(t *testing.T) {
	bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam, sinks, viewers := prepared(t, b)
		slowly(t, cam, 0, pictureParts-2)
		missed := rtcp.NackPairsFromSequenceNumbers([]uint16{sinks[0].number() - pictureParts})
		viewers[0].HandleRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: missed}})
		synctest.Wait()
		if n := viewers[0].Stats().Resent; n == 0 {
			t.Fatal("nothing was sent again: the test shows nothing")
		}
		if left, waiting := sinks[0].take(); len(left) != 1 || waiting != 0 {
			t.Errorf("%v packets have left, %d wait", left, waiting)
		}
		if left, _ := sinks[1].take(); len(left) != 0 {
			t.Errorf("the packets of a viewer who missed nothing have left: %v", left)
		}
	})
}
