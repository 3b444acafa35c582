package peer

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
)

type nowhere struct{}

func (nowhere) WriteRTP(*rtp.Packet) error { return nil }

// BenchmarkIngest is what a publisher's packet costs from the connection to its track.
func BenchmarkIngest(b *testing.B) {
	sections := []section{{mid: "0", kind: "video", codec: negotiate.Format{
		PayloadType: 96, Codec: codec.Codec{MimeType: "video/H264", ClockRate: 90_000}, Feedback: []string{"nack", "nack pli"},
	}}}
	key, salt := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 12)
	contextOf := func() *srtp.Context {
		c, err := srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm, srtp.SRTPReplayProtection(mediaReplayWindow))
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	reception, err := newReception(sections)
	if err != nil {
		b.Fatal(err)
	}
	types, err := payloadTypesOf(sections)
	if err != nil {
		b.Fatal(err)
	}
	m, err := newMetrics(nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	s := newSession(&Engine{metrics: m}, &negotiate.Offer{})
	l := &mediaLink{}
	l.crypt.Store(&crypt{receive: contextOf()})
	in := &ingest{
		session: s, link: l, types: types, reception: reception, serving: true,
		tracks: make(map[trackKey]*inTrack), epoch: time.Now(),
		onTrack: func(RemoteTrack) (PacketWriter, error) { return nowhere{}, nil },
	}
	sealer := contextOf()
	packet := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 7}, Payload: make([]byte, 1100)}
	buf := make([]byte, 0, receiveMTU)
	b.ReportAllocs()
	for b.Loop() {
		packet.SequenceNumber++
		plain, err := packet.Marshal()
		if err != nil {
			b.Fatal(err)
		}
		sealed, err := sealer.EncryptRTP(buf, plain, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err = in.take(sealed); err != nil {
			b.Fatal(err)
		}
	}
	s.end(ErrClosed)
	s.workers.Wait()
}
