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
		sendOf := func(from *srtp.Context, packets ...rtcp.Packet) {
			plain, err := rtcp.Marshal(packets)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := from.EncryptRTCP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			l.readRTCP(sealed)
		}
		send := func(from *srtp.Context) {
			sendOf(from, &rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 1}}})
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

		// Large ones count by their size.
		time.Sleep(time.Minute)
		large := &rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: make([]rtcp.NackPair, 250)} // 1,012 bytes
		heard = 0
		for range seconds * 200 {
			time.Sleep(time.Second / 200)
			sendOf(viewer, large)
		}
		if most := (heardBytesBurst + seconds*heardBytesPerSecond) / 1012; heard > most+1 || heard < most-10 {
			t.Errorf("%d large packets of a flood were read, want about %d", heard, most)
		}

		// What nobody has asked for is not even parsed, and takes nothing along.
		time.Sleep(time.Minute)
		heard = 0
		sendOf(viewer, &rtcp.ReceiverReport{}, rtcp.NewCNAMESourceDescription(1, "x"), &rtcp.ExtendedReport{},
			&rtcp.TransportLayerCC{
				Header:            rtcp.Header{Type: rtcp.TypeTransportSpecificFeedback, Count: rtcp.FormatTCC, Length: 5},
				PacketStatusCount: 65535,
				PacketChunks:      []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: 0, RunLength: 8191}},
			}, &rtcp.PictureLossIndication{MediaSSRC: 1}, &rtcp.FullIntraRequest{MediaSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: 1}}})
		if heard != 3 {
			t.Errorf("%d parts of a packet were read, want the report and the two requests for a keyframe", heard)
		}
	})
}
