package broadcast_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
)

// brokenClocks are what publishers make of the timestamp of their n-th picture,
// which they take at 30 a second.
var brokenClocks = map[string]func(n int) uint32{
	"stands still":        func(int) uint32 { return 12345 },
	"goes backwards":      func(n int) uint32 { return uint32(-n * frameTicks) },
	"in milliseconds":     func(n int) uint32 { return uint32(n * 1000 / 30) },
	"of another rate":     func(n int) uint32 { return uint32(n * 48_000 / 30) },
	"twice as fast":       func(n int) uint32 { return uint32(n * 2 * frameTicks) },
	"random":              func(n int) uint32 { return rand.New(rand.NewPCG(uint64(n), 7)).Uint32() },
	"a jump each second":  func(n int) uint32 { return uint32(n/30)*0x30000000 + uint32(n*frameTicks) },
	"to and fro":          func(n int) uint32 { return uint32(n%2) * 0x40000000 },
	"starts anew at once": func(n int) uint32 { return uint32(n % 60 * frameTicks) },
}

// Whatever a publisher's timestamps are, its viewers see its pictures, with times
// that go on as time does.
func TestBrokenTimestampsAreReplaced(t *testing.T) {
	for name, clock := range brokenClocks {
		t.Run(name, func(t *testing.T) {
			bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
				cam := publish(t, b, 30)
				run := func(pictures int) {
					for range pictures {
						cam.timestamp = clock(cam.frame)
						cam.picture()
						time.Sleep(frameTime)
					}
				}
				run(3)
				v, s := watch(t, b, nil)
				run(450) // in which it is found out
				s.take()
				run(150)
				got := s.take()
				checkContiguous(t, got)
				if n := len(got); n < 148*frameParts {
					t.Fatalf("%d packets in 5 s, want %d: %v", n, 150*frameParts, v.Err())
				}
				requireEvenTime(t, got)
				if requests := cam.requests(); requests > 40 {
					t.Errorf("%d requests for keyframes", requests)
				}
			})
		})
	}
}

// requireEvenTime checks that timestamps go as far as time does, and that the
// packets of a picture share one.
func requireEvenTime(t *testing.T, packets []received) {
	t.Helper()
	first, last := packets[0], packets[len(packets)-1]
	passed := last.at.Sub(first.at)
	claimed := time.Duration(last.Timestamp-first.Timestamp) * time.Second / 90_000
	if off := (claimed - passed).Abs(); off > 100*time.Millisecond {
		t.Errorf("the timestamps of %v tell of %v", passed, claimed)
	}
	for i := 1; i < len(packets); i++ {
		same := packets[i].Timestamp == packets[i-1].Timestamp
		if within := !packets[i-1].Marker; same != within {
			t.Fatalf("packet %d: the same timestamp as before: %v; the same picture: %v", i, same, within)
		}
	}
}

// A clock that can be believed is believed: through the end of its numbers, a pause,
// a network that stalls and delivers all at once, and one new beginning.
func TestHealthyTimestampsPass(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.seq, cam.timestamp = 65_500, 0xffffffff-10*frameTicks // both wrap
		cam.picture()
		_, s := watch(t, b, nil)
		cam.run(20 * time.Second)
		for _, pause := range []time.Duration{3 * time.Second, 9 * time.Second} {
			time.Sleep(pause)
			for range int(pause / frameTime) { // what was held up comes in a burst
				cam.picture()
			}
			cam.run(4 * time.Second)
		}
		time.Sleep(5 * time.Second)
		cam.timestamp += 5 * 90_000
		cam.run(5 * time.Second)
		cam.seq, cam.timestamp = 3, 4
		cam.run(20 * time.Second)
		s.take()
		// An uneven pace tells whether times are the publisher's or those of arrival.
		cam.run(2 * time.Second)
		time.Sleep(frameTime / 2)
		cam.run(2 * time.Second)
		got := s.take()
		checkContiguous(t, got)
		for i := 1; i < len(got); i++ {
			if step := got[i].Timestamp - got[i-1].Timestamp; step != 0 && step != frameTicks {
				t.Fatalf("packet %d: a step of %d, want the publisher's %d", i, step, frameTicks)
			}
		}
	})
}

// Packets that were overtaken belong to their own picture, also when its timestamp
// was made up.
func TestLatePacketOfARetimedPicture(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		still := func(pictures int) {
			for range pictures {
				cam.timestamp = 1
				cam.picture()
				time.Sleep(frameTime)
			}
		}
		still(3)
		_, s := watch(t, b, nil)
		still(300)
		s.take()
		write := func(seq uint16, marker bool) {
			err := cam.layer.WriteRTP(&rtp.Packet{
				Header:  rtp.Header{SequenceNumber: seq, Timestamp: 1, Marker: marker},
				Payload: []byte("\x41 late"),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		first := cam.seq
		write(first, false)
		write(first+2, true)
		time.Sleep(frameTime)
		write(first+3, true)
		time.Sleep(frameTime)
		write(first+1, false)
		write(first+4, true) // which has the late one sent, too
		time.Sleep(frameTime)
		got := s.take()
		if len(got) != 5 || got[3].SequenceNumber != got[0].SequenceNumber+1 {
			t.Fatalf("%d packets", len(got))
		}
		if got[3].Timestamp != got[0].Timestamp || got[0].Timestamp == got[2].Timestamp {
			t.Errorf("timestamps %d %d %d, and %d of the late one, want the first picture's", got[0].Timestamp, got[1].Timestamp, got[2].Timestamp, got[3].Timestamp)
		}
	})
}

// FuzzPublisher lets a publisher do what the input says, with sequence numbers,
// timestamps, markers and pauses. Nothing panics or hangs, a viewer never gets more
// than was published, and when the publisher comes to its senses so does the picture.
func FuzzPublisher(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a"))
	f.Add([]byte{0xff, 0x80, 0x7f, 0x00, 0x10, 0xfe, 0x81, 0x7e, 0x33})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 4096 {
			return
		}
		bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
			cam := publish(t, b, 30)
			cam.picture()
			_, s := watch(t, b, nil)
			written := frameParts
			for i := 0; i+3 < len(script); i += 4 {
				cam.seq += uint16(int8(script[i])) * 257
				cam.timestamp += uint32(int8(script[i+1])) << (script[i+2] % 32)
				time.Sleep(time.Duration(script[i+3]) * time.Millisecond)
				cam.picture()
				written += frameParts
			}
			cam.run(15 * time.Second)
			written += 450 * frameParts
			if n := len(s.take()); n > written {
				t.Fatalf("%d packets of %d", n, written)
			}
			cam.run(2 * time.Second)
			got := s.take()
			checkContiguous(t, got)
			if len(got) < 58*frameParts {
				t.Errorf("%d packets of the last two seconds, want %d", len(got), 60*frameParts)
			}
		})
	})
}
