package broadcast_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast"
)

// A viewer that never sees what it is sent again, whatever the reason, asks for it for
// as long as it watches.
func TestOnePacketIsSentAgainAFewTimesOnly(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		v, s := watch(t, b, func(c *broadcast.ViewerConfig) { c.Video.RTXSSRC, c.Video.RTXPayloadType = rtxSSRC, 103 })
		cam.run(time.Second)
		sent := s.take()
		lost := sent[len(sent)-1].SequenceNumber
		for range 50 {
			v.HandleRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{lost})}})
			cam.run(2 * frameTime)
		}
		again := 0
		for _, p := range s.take() {
			if p.SSRC == rtxSSRC {
				again++
			}
		}
		if again != 5 {
			t.Errorf("one packet was sent again %d times, want 5", again)
		}
	})
}

// heavy writes a stream of about 4 Mbit/s for some time.
func heavy(t *testing.T, cam *camera, d time.Duration, each func()) {
	t.Helper()
	for i := range int(d / frameTime) {
		for part := range 14 {
			payload := make([]byte, 1200)
			payload[0] = 0x41
			if part == 0 && i%60 == 0 {
				payload[0] = 0x65
			}
			err := cam.layer.WriteRTP(&rtp.Packet{
				Header:  rtp.Header{SequenceNumber: cam.seq, Timestamp: cam.timestamp, Marker: part == 13},
				Payload: payload,
			})
			if err != nil {
				t.Fatal(err)
			}
			cam.seq++
		}
		cam.timestamp += frameTicks
		time.Sleep(frameTime)
		each()
	}
}

// What a viewer is sent again is bounded by a share of the stream, whatever it asks for.
func TestResendsAreAShareOfTheStream(t *testing.T) {
	for name, step := range map[string]uint16{"for all that it was sent": 17, "for the same again and again": 0} {
		t.Run(name, func(t *testing.T) {
			bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
				cam := publish(t, b, 0)
				v, s := watchHeavy(t, b, cam)
				s.take()
				const seconds = 8
				newest := uint16(0)
				media, again := 0, 0
				count := func() {
					for _, p := range s.take() {
						if p.SSRC == rtxSSRC {
							again += len(p.payload)
						} else {
							newest = p.SequenceNumber
							media += len(p.payload)
						}
					}
				}
				heavy(t, cam, seconds*time.Second, func() {
					count()
					for i := range uint16(33) { // a thousand a second
						v.HandleRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: []rtcp.NackPair{{
							PacketID: newest - i*step - 16, LostPackets: 0xffff,
						}}}})
						synctest.Wait()
					}
				})
				count()
				t.Logf("%d bytes of media, %d sent again", media, again)
				// Half of the stream, and half a second of it that was saved up before.
				if most := media/2 + media/seconds/2; again > most {
					t.Errorf("%d bytes were sent again for %d of media, want %d at most", again, media, most)
				}
				if step != 0 && again < media/4 {
					t.Errorf("%d bytes were sent again for %d of media: the budget is not used", again, media)
				}
			})
		})
	}
}

func watchHeavy(t *testing.T, b *broadcast.Broadcaster, cam *camera) (*broadcast.Viewer, *sink) {
	t.Helper()
	heavy(t, cam, frameTime, func() {})
	v, s := watch(t, b, func(c *broadcast.ViewerConfig) { c.Video.RTXSSRC, c.Video.RTXPayloadType = rtxSSRC, 103 })
	heavy(t, cam, 3*time.Second, func() {})
	return v, s
}

// A fifth of all packets lost is what resends are for: the budget must not be in the way.
func TestBudgetCoversHeavyLoss(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 0)
		v, s := watchHeavy(t, b, cam)
		s.take()
		lost, again := 0, 0
		heavy(t, cam, 10*time.Second, func() {
			var seqs []uint16
			for _, p := range s.take() {
				if p.SSRC == rtxSSRC {
					again++
				} else if p.SequenceNumber%5 == 0 {
					seqs = append(seqs, p.SequenceNumber)
				}
			}
			lost += len(seqs)
			v.HandleRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)}})
		})
		if lost == 0 || again < lost-10 {
			t.Errorf("%d of %d lost packets were sent again", again, lost)
		}
	})
}
