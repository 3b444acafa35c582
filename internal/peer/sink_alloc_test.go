package peer_test

import (
	"testing"

	"github.com/pion/rtp"

	"porthole/internal/peer"
)

func TestWriteRTPAllocatesNothing(t *testing.T) {
	s := peer.DiscardingViewer(peer.SendTrack{SSRC: 1, RTXSSRC: 2}, peer.SendTrack{SSRC: 3})
	header, payload := &rtp.Header{Version: 2, SSRC: 3}, make([]byte, 1200)
	allocs := testing.AllocsPerRun(1000, func() {
		if _, err := s.WriteRTP(header, payload); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("WriteRTP allocates %v times a packet, want 0", allocs)
	}
}

// BenchmarkWriteRTP is the whole way of a packet to the kernel, over loopback.
func BenchmarkWriteRTP(b *testing.B) {
	engine := newEngine(b, peer.Config{})
	w := startWatching(b, engine, newClient(b, clientConfig{plain: true}), edits{})
	header := &rtp.Header{Version: 2, SSRC: w.session.Tracks()[0].SSRC, PayloadType: w.session.Tracks()[0].PayloadType}
	payload := make([]byte, 1100)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		header.SequenceNumber++
		if _, err := w.session.WriteRTP(header, payload); err != nil {
			b.Fatal(err)
		}
	}
}
