package broadcast_test

import (
	"encoding/hex"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"porthole/internal/broadcast"
)

const delayID = 6

// All packets of a viewer's first pictures and of keyframes tell for how long to keep pictures,
// and all of the others nothing.
func TestPlayersAreToldForHowLongToKeepPictures(t *testing.T) {
	for _, test := range []struct {
		smooth []string
		want   string
	}{{nil, "000000"}, {[]string{"hall"}, "000000"}, {[]string{"hall", "cam"}, "00a028"}} {
		bubble(t, broadcast.Config{Smooth: test.smooth}, func(t *testing.T, b *broadcast.Broadcaster) {
			cam := publish(t, b, 30)
			cam.picture()
			_, s := watch(t, b, func(c *broadcast.ViewerConfig) {
				c.Video.PlayoutDelayExtensionID, c.Video.TransportCCExtensionID = delayID, numberID
			})
			cam.run(4 * time.Second)
			keyframes, without, size := 0, 0, 0
			told := false
			for i, p := range s.take() {
				value := p.GetExtension(delayID)
				if i%frameParts == 0 {
					key := p.payload == "\x65 idr"
					told = i < 50 || key
					size = p.MarshalSize()
					if key {
						keyframes++
					}
				}
				if p.MarshalSize() != size {
					t.Fatalf("packet %d: a header of %d bytes in a picture of %d", i, p.MarshalSize(), size)
				}
				switch {
				case told != (len(value) > 0):
					t.Fatalf("packet %d: told %x, wanted: %v", i, value, told)
				case told && hex.EncodeToString(value) != test.want:
					t.Fatalf("packet %d: told %x, want %s", i, value, test.want)
				case !told:
					without++
				}
			}
			if keyframes < 4 || without < 300 {
				t.Errorf("%d keyframes and %d packets without: the test shows too little", keyframes, without)
			}
		})
	}
}

// A packet that is sent again by RTX tells it again: it may be a picture's first.
func TestRetransmissionsTellThePlayoutDelay(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		v, s := watch(t, b, func(c *broadcast.ViewerConfig) {
			c.Video.PlayoutDelayExtensionID = delayID
			c.Video.RTXSSRC, c.Video.RTXPayloadType = rtxSSRC, 103
		})
		cam.run(time.Second)
		sent := s.take()
		for _, lost := range []received{sent[0], sent[len(sent)-1]} {
			v.HandleRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: []rtcp.NackPair{{PacketID: lost.SequenceNumber}}}})
			synctest.Wait()
			again := s.take()
			if len(again) != 1 || len(again[0].GetExtension(delayID)) != len(lost.GetExtension(delayID)) {
				t.Errorf("sent again: %+v, first: %+v", again, lost)
			}
		}
	})
}
