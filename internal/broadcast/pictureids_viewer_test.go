package broadcast_test

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// A viewer sees one row of VP8 picture ids over changes of the encoding and of the
// publisher, whose own ids have nothing to do with each other; also in what is sent
// again.
func TestPictureIDsGoOn(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		var v *broadcast.Viewer
		var s *sink
		for round, firstID := range []uint16{100, 20_000} {
			p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video}})
			if err != nil {
				t.Fatal(err)
			}
			var layers []*broadcast.Layer
			for _, rid := range []string{"q", "f"} {
				l, err := p.AddLayer(broadcast.LayerConfig{Codec: vp8, RID: rid})
				if err != nil {
					t.Fatal(err)
				}
				layers = append(layers, l)
			}
			n := uint16(0)
			run := func(pictures int) {
				for range pictures {
					for i, l := range layers {
						id := firstID + n + uint16(i)*9000
						err := l.WriteRTP(&rtp.Packet{
							Header:  rtp.Header{SequenceNumber: n, Timestamp: uint32(n) * 3000, Marker: true},
							Payload: append([]byte{0x90, 0xe0, 0x80 | byte(id>>8), byte(id), byte(n) + byte(7*i), 0x20, 0x00}, make([]byte, 10+90*i)...),
						})
						if err != nil {
							t.Fatal(err)
						}
					}
					n++
					time.Sleep(frameTime)
				}
			}
			run(60)
			if round == 0 {
				v, s = watch(t, b, nil)
			}
			run(30)
			for _, rid := range []string{"q", "f"} {
				v.Choose(broadcast.Choice{RID: rid})
				run(30)
			}
			p.Close(nil)
		}
		packets := s.take()
		checkContiguous(t, packets)
		for i, p := range packets {
			id, tl0 := uint16(p.payload[2])<<8|uint16(p.payload[3]), p.payload[4]
			if i == 0 {
				continue
			}
			before := packets[i-1].payload
			lastID, lastTL0 := uint16(before[2])<<8|uint16(before[3]), before[4]
			if id&0x7fff != (lastID+1)&0x7fff || tl0 != lastTL0+1 {
				t.Fatalf("packet %d of %d: picture %#x after %#x, TL0PICIDX %d after %d", i, len(packets), id, lastID, tl0, lastTL0)
			}
		}

		again := 0
		for _, p := range packets[len(packets)-50:] { // some of them from before the last change
			v.HandleRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: []rtcp.NackPair{{PacketID: p.SequenceNumber}}}})
			time.Sleep(time.Millisecond)
			for _, r := range s.take() {
				again++
				if r.payload != p.payload {
					t.Errorf("packet %d was % x and is % x when it is sent again", p.SequenceNumber, p.payload[:6], r.payload[:6])
				}
			}
		}
		if again < 40 {
			t.Errorf("%d of 50 packets were sent again", again)
		}
	})
}
