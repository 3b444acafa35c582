package peer

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

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
	sections := []section{{mid: "0", kind: "video", codec: negotiate.Format{
		PayloadType: 96, Codec: codec.Codec{MimeType: "video/VP8", ClockRate: 90_000},
	}}}
	key, salt := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 12)
	contextOf := func() *srtp.Context {
		c, err := srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm, srtp.SRTPReplayProtection(mediaReplayWindow))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	reception, err := newReception(sections)
	if err != nil {
		t.Fatal(err)
	}
	types, err := payloadTypesOf(sections)
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMetrics(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(&Engine{metrics: m}, &negotiate.Offer{})
	var got numbers
	in := &ingest{
		session: s, link: &mediaLink{}, types: types, reception: reception, serving: true,
		tracks: make(map[trackKey]*inTrack), epoch: time.Now(),
		onTrack: func(RemoteTrack) (PacketWriter, error) { return &got, nil },
	}
	sealer := contextOf()
	send := func(number uint16) {
		plain, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 7, SequenceNumber: number}, Payload: []byte{1}}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := sealer.EncryptRTP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err = in.take(sealed); err != nil {
			t.Fatal(err)
		}
	}
	send(1)
	send(2)
	in.link.crypt.Store(&crypt{receive: contextOf()})
	send(3) // before secured is called
	if err = in.secured(); err != nil {
		t.Fatal(err)
	}
	send(4)
	if want := []uint16{1, 2, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("the track got %v, want %v", got, want)
	}
	s.end(ErrClosed)
	s.workers.Wait()
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
