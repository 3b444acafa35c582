package peer_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/pion/rtp"

	"porthole/internal/peer"
)

func TestWriteRTPAllocatesNothing(t *testing.T) {
	loopback := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	udp, err := net.ListenUDP("udp4", loopback)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	nobody := netip.MustParseAddrPort("127.0.0.1:9")
	s, err := peer.DiscardingViewer(udp, nobody, peer.SendTrack{SSRC: 1, RTXSSRC: 2}, peer.SendTrack{SSRC: 3})
	if err != nil {
		t.Fatal(err)
	}
	header, payload := &rtp.Header{Version: 2, SSRC: 3}, make([]byte, 1160)
	if err := header.SetExtension(4, []byte("v0")); err != nil {
		t.Fatal(err)
	}
	allocs := testing.AllocsPerRun(1000, func() {
		header.SequenceNumber++
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
