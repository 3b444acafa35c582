package peer

import (
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
)

// sourced remembers what a track got of one source after another.
type sourced struct{ of []numbers }

func (s *sourced) WriteRTP(p *rtp.Packet) error { return s.of[len(s.of)-1].WriteRTP(p) }
func (s *sourced) ChangeSource()                { s.of = append(s.of, nil) }

// contested is a track that is sent under more than one SSRC.
type contested struct {
	*fakeIngest
	got  sourced
	next map[uint32]uint16 // sequence number, by SSRC
}

func newContested(t *testing.T) *contested {
	c := &contested{got: sourced{of: make([]numbers, 1)}, next: make(map[uint32]uint16)}
	format := negotiate.Format{
		PayloadType: 96, Codec: codec.Codec{MimeType: "video/VP8", ClockRate: 90_000}, Feedback: []string{"nack pli"},
	}
	c.fakeIngest = newFakeIngest(t, format, &c.got)
	c.session.engine.settings.log = slog.New(slog.DiscardHandler)
	c.transport.crypt.Store(c.receive)
	return c
}

// send sends packets of a source.
func (c *contested) send(ssrc uint32, count, size int) {
	for range count {
		c.fakeIngest.send(&rtp.Packet{
			Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: ssrc, SequenceNumber: c.next[ssrc]}, Payload: make([]byte, size),
		}, nil)
		c.next[ssrc]++
	}
}

func (c *contested) track() *inTrack { return c.tracks[trackKey{mid: "0"}] }

// Of two sources that send one track at a time, the first stays, and the other costs no
// more than the wait for the first's silence.
func TestTwoSourcesAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newContested(t)
		for range 1000 {
			c.send(1, 1, 100)
			c.send(2, 8, 1200) // 77 Mbit/s
			if kept := len(c.track().rival.packets) * 1200; kept > maxRival {
				t.Fatalf("%d bytes of the second one are kept, want %d at most", kept, maxRival)
			}
			time.Sleep(time.Millisecond)
		}
		if len(c.got.of) != 1 || len(c.got.of[0]) != 1000 {
			t.Errorf("the track changed its source %d times and got %d packets, want those of the first", len(c.got.of)-1, len(c.got.of[0]))
		}
	})
}

// What comes faster than it can be kept until the old source is silent is left out, and a
// keyframe asked for.
func TestNewSourceThatIsTooMuchToKeep(t *testing.T) {
	for name, tt := range map[string]struct {
		size int // of a packet each millisecond
		lost bool
	}{
		"too much": {3000, true},
		"fits":     {1500, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newContested(t)
				c.send(1, 1, 100)
				// Nobody serves these, so that the test sees them.
				keyframes := newKeyframeRequests(c.session, c.track().codec.Feedback, 1)
				c.track().keyframes = keyframes
				for len(c.got.of) == 1 {
					time.Sleep(time.Millisecond)
					c.send(2, 1, tt.size)
				}
				c.send(2, 10, 100)
				first, last := uint16(0), c.next[2]
				if tt.lost {
					first = last - 10
				}
				var want numbers
				for n := first; n != last; n++ {
					want = append(want, n)
				}
				if got := c.got.of[1]; !slices.Equal(got, want) {
					t.Errorf("the track got %d packets of the new source, want %d", len(got), len(want))
				}
				if asked := len(keyframes.wanted) > 0; asked != tt.lost || keyframes.media.Load() != 2 {
					t.Errorf("a keyframe is asked for: %v, of source %d", asked, keyframes.media.Load())
				}
			})
		})
	}
}
