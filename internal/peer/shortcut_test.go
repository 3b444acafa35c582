package peer

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
)

// RTCP of a connected viewer is read where it comes from the socket, but for what its ICE agent
// takes for a sign of life; all else goes its usual way.
func TestShortcutOfFeedback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := 0
		l, viewer := sealing(t, srtp.ProtectionProfileAeadAes128Gcm, &listener{packets: func([]rtcp.Packet) { read++ }})
		pli := func() []byte {
			plain, err := rtcp.Marshal([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: 5}})
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := viewer.EncryptRTCP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			return sealed
		}
		var s shortcuts
		from := netip.MustParseAddrPort("192.0.2.1:5000")
		mapped := netip.AddrPortFrom(netip.MustParseAddr("::ffff:192.0.2.1"), 5000) // as a socket of both families tells it
		if s.take(pli(), from) {
			t.Fatal("a packet of nobody was taken")
		}
		s.add(from, l)
		if s.take(pli(), from) {
			t.Error("the agent does not hear that its client lives")
		}
		for range 40 { // four a second
			time.Sleep(time.Second / 4)
			s.take(pli(), mapped)
		}
		if read != 30 {
			t.Errorf("%d of 40 packets took the shortcut, want all but one a second", read)
		}
		for name, packet := range map[string][]byte{
			"STUN": {0, 1, 0, 0}, "DTLS": {22, 0xfe, 0xfd, 0}, "RTP": {0x80, 96, 0, 1}, "short": {0x80}, "none": nil,
		} {
			if s.take(packet, from) {
				t.Errorf("%s took the shortcut", name)
			}
		}
		other, _ := sealing(t, srtp.ProtectionProfileAeadAes128Gcm, &listener{packets: func([]rtcp.Packet) { t.Error("another link's packet was read") }})
		s.remove(from, other)
		if s.take(pli(), from); read != 31 {
			t.Error("somebody else ended the shortcut")
		}
		s.remove(mapped, l)
		if s.take(pli(), from) {
			t.Error("a packet of a link that has left was taken")
		}
	})
}
