package broadcast

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/codec"
)

// vp8Picture is a packet of VP8 that begins a picture, or goes on with it, of a temporal layer.
func vp8Picture(id uint8, sync, begins bool) []byte {
	b := make([]byte, 500)
	copy(b, []byte{0x80, 0x20, id << 6, 0x01})
	if begins {
		b[0] |= 0x10
	}
	if sync {
		b[2] |= 0x20
	}
	return b
}

// All packets of a picture are noted under its temporal layer, those that come late too, and the
// bit rate is known up to each layer.
func TestPacketsAreNotedUnderTheirTemporalLayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Config{Senders: 1})
		defer func() { _ = b.Close() }()
		p, err := b.Publish("cam", PublisherConfig{Kinds: []codec.Kind{codec.Video}})
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.AddLayer(LayerConfig{Codec: codec.Codec{MimeType: codec.VP8, ClockRate: 90_000}})
		if err != nil {
			t.Fatal(err)
		}
		pattern := [4]codec.Temporal{{}, {ID: 2, Sync: true}, {ID: 1, Sync: true}, {ID: 2}}
		var late *rtp.Packet
		of := func(seq int) codec.Temporal { return pattern[seq/3%4] } // three packets a picture
		for seq := range 12 * 60 {
			picture := of(seq)
			packet := &rtp.Packet{
				Header:  rtp.Header{SequenceNumber: uint16(seq), Timestamp: uint32(seq / 3 * 3000), Marker: seq%3 == 2},
				Payload: vp8Picture(picture.ID, picture.Sync, seq%3 == 0),
			}
			if seq%100 == 50 { // lost, and here a moment later
				late = packet
				continue
			}
			if err := l.WriteRTP(packet); err != nil {
				t.Fatal(err)
			}
			if seq%100 == 56 {
				if err := l.WriteRTP(late); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second / 90)
		}
		base := l.ring.At(0).Seq
		for pos := range l.ring.Head() {
			p := l.ring.At(pos)
			if p == nil {
				continue
			}
			if got, want := unpackTemporal(p.Temporal), of(int(p.Seq-base)); got != want {
				t.Fatalf("packet %d is noted as %+v, want %+v", p.Seq-base, got, want)
			}
		}
		total := l.rate.Load()
		for id, share := range []float64{0.25, 0.5, 1, 1, 1} {
			got := float64(l.rateUpTo(uint8(id)))
			if want := share * float64(total); got < want*0.9 || got > want*1.1 {
				t.Errorf("up to layer %d: %.0f bit/s, want %.0f of %d", id, got, want, total)
			}
		}
		if top := l.topTemporal(); top != 2 {
			t.Errorf("the highest layer is %d, want 2", top)
		}
	})
}

// A codec that says nothing of layers has one.
func TestStreamWithoutTemporalLayers(t *testing.T) {
	b, l := still(t, 0)
	_ = b
	for i := range 200 {
		write(t, l, i+1)
	}
	for pos := range l.ring.Head() {
		if p := l.ring.At(pos); p != nil && p.Temporal != 0 {
			t.Fatalf("packet %d has the layer %d", pos, p.Temporal)
		}
	}
	if l.topTemporal() != 0 {
		t.Error("it can be thinned out")
	}
}
