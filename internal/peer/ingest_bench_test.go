package peer

import (
	"testing"

	"github.com/pion/rtp"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
)

type nowhere struct{}

func (nowhere) WriteRTP(*rtp.Packet) error { return nil }

// BenchmarkIngest is what a publisher's packet costs from the connection to its track.
func BenchmarkIngest(b *testing.B) {
	in := newFakeIngest(b, negotiate.Format{
		PayloadType: 96, Codec: codec.Codec{MimeType: "video/H264", ClockRate: 90_000}, Feedback: []string{"nack", "nack pli"},
	}, nowhere{})
	in.transport.crypt.Store(in.receive)
	packet := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 7}, Payload: make([]byte, 1100)}
	buf := make([]byte, 0, receiveMTU)
	b.ReportAllocs()
	for b.Loop() {
		packet.SequenceNumber++
		in.send(&packet, buf)
	}
}
