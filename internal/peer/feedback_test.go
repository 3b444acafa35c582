package peer

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
)

// A viewer's flood of RTCP is read up to a bound, and one that somebody else sends from
// its address takes nothing of that.
func TestFloodOfFeedbackIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, salt := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 12)
		contextWith := func(key []byte) *srtp.Context {
			c, err := srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm, srtp.SRTCPReplayProtection(replayWindow))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		heard := 0
		l := &mediaLink{heard: newHeard()}
		l.crypt.Store(&crypt{receive: contextWith(key)})
		feedback := func(packets []rtcp.Packet) { heard += len(packets) }
		l.feedback.Store(&feedback)

		viewer, stranger := contextWith(key), contextWith(bytes.Repeat([]byte{3}, 16))
		send := func(from *srtp.Context) {
			plain, err := (&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 1}}}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := from.EncryptRTCP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			l.readRTCP(sealed)
		}
		for range 5000 {
			send(stranger)
		}
		for range heardBurst {
			send(viewer)
		}
		if heard != heardBurst {
			t.Errorf("%d of %d packets were read after a flood by somebody else", heard, heardBurst)
		}
		const seconds = 5
		for range seconds * 2000 {
			time.Sleep(time.Second / 2000)
			send(viewer)
		}
		if most := heardBurst + seconds*heardPerSecond + 1; heard > most || heard < most-10 {
			t.Errorf("%d packets of a flood were read, want about %d", heard, most)
		}
	})
}
