package peer

import (
	"slices"
	"testing"

	"github.com/pion/rtp"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
)

// numbers remembers the sequence numbers of a track.
type numbers []uint16

func (n *numbers) WriteRTP(p *rtp.Packet) error {
	*n = append(*n, p.SequenceNumber)
	return nil
}

// The first packets come before there are keys; one that comes with them is not let past.
func TestEarlyPacketsKeepTheirOrder(t *testing.T) {
	var got numbers
	in := newFakeIngest(t, negotiate.Format{PayloadType: 96, Codec: codec.Codec{MimeType: "video/VP8", ClockRate: 90_000}}, &got)
	send := func(number uint16) {
		in.send(&rtp.Packet{
			Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 7, SequenceNumber: number}, Payload: []byte{1},
		}, nil)
	}
	send(1)
	send(2)
	in.transport.crypt.Store(in.receive)
	send(3) // before secured is called
	if err := in.secured(); err != nil {
		t.Fatal(err)
	}
	send(4)
	if want := []uint16{1, 2, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("the track got %v, want %v", got, want)
	}
}

// Nobody has signed early packets: what they cost is bounded, also when they are tiny.
func TestEarlyPacketsAreBounded(t *testing.T) {
	for _, size := range []int{2, 1200} {
		var e earlyPackets
		for range 1_000_000 {
			e.keep(make([]byte, size))
		}
		if n := len(e.packets); n == 0 || n*(size+earlyCost) > maxEarly {
			t.Errorf("%d packets of %d bytes are kept", n, size)
		}
	}
}
