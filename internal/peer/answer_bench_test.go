package peer_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/reach"
)

// BenchmarkAnswer bounds what an offer costs until its answer is there, and that it does
// not grow with the number of addresses that this machine has.
func BenchmarkAnswer(b *testing.B) {
	for _, addresses := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("%d addresses", addresses), func(b *testing.B) {
			engine := newEngine(b, peer.Config{Media: ":0"})
			eth0 := reach.Interface{Name: "eth0"}
			for i := range addresses {
				eth0.Addrs = append(eth0.Addrs, netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}))
			}
			engine.WithInterfaces(eth0)
			c := newClient(b, clientConfig{})
			c.watch(b)
			offer := parse(b, negotiate.Watch, c.offer(b))
			chosen := codecs(b, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus)
			b.ReportAllocs()
			for b.Loop() {
				s, err := engine.Send(b.Context(), peer.SendConfig{Offer: offer, Codecs: chosen, StreamID: "webcam"})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				s.Close(nil)
				b.StartTimer()
			}
		})
	}
}
