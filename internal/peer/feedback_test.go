package peer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
	"golang.org/x/time/rate"
)

// sealing returns a viewer's transport that gives what it hears to a listener, and what seals for it.
func sealing(tb testing.TB, profile srtp.ProtectionProfile, to *listener) (*mediaTransport, *srtp.Context) {
	tb.Helper()
	context := func() *srtp.Context {
		salt, errSalt := profile.SaltLen()
		key, errKey := profile.KeyLen()
		c, err := srtp.CreateContext(bytes.Repeat([]byte{1}, key), bytes.Repeat([]byte{2}, salt), profile, srtp.SRTCPReplayProtection(replayWindow))
		if err = errors.Join(errSalt, errKey, err); err != nil {
			tb.Fatal(err)
		}
		return c
	}
	l := &mediaTransport{heard: newHeard()}
	l.crypt.Store(&crypt{receive: context()})
	l.feedback.Store(to)
	return l, context()
}

// transportFeedback is what Chromium sends twenty times a second: n packets came, 250 µs apart.
func transportFeedback(n int) *rtcp.TransportLayerCC {
	p := &rtcp.TransportLayerCC{
		SenderSSRC: 1, MediaSSRC: 2, BaseSequenceNumber: 7, PacketStatusCount: uint16(n),
		PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: uint16(n)}},
	}
	for range n {
		p.RecvDeltas = append(p.RecvDeltas, &rtcp.RecvDelta{Type: rtcp.TypeTCCPacketReceivedSmallDelta, Delta: 250})
	}
	size := 12 + 8 + 2 + n
	p.Header = rtcp.Header{
		Padding: size%4 != 0, Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: uint16((size+3)/4 - 1),
	}
	return p
}

// Transport-wide feedback reaches who reads it as it is, without anything being allocated,
// beside all else that a viewer says; others never see it.
func TestTransportFeedbackIsHandedOnInPlace(t *testing.T) {
	for _, profile := range []srtp.ProtectionProfile{srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAes128CmHmacSha1_80} {
		var packets []rtcp.Packet
		fcis, bytesRead := 0, 0
		to := &listener{
			packets: func(p []rtcp.Packet) { packets = append(packets, p...) },
			transport: func(fci []byte) {
				if binary.BigEndian.Uint16(fci) != 7 || binary.BigEndian.Uint16(fci[2:]) != 12 {
					t.Errorf("the feedback begins with %x", fci[:4])
				}
				fcis++
				bytesRead += len(fci)
			},
		}
		l, viewer := sealing(t, profile, to)
		seal := func(packets ...rtcp.Packet) []byte {
			plain, err := rtcp.Marshal(packets)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := viewer.EncryptRTCP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			return sealed
		}
		l.readRTCP(seal(&rtcp.ReceiverReport{SSRC: 1}, transportFeedback(12), &rtcp.PictureLossIndication{MediaSSRC: 5}))
		if fcis != 1 || bytesRead != 24 || len(packets) != 2 {
			t.Fatalf("%d feedbacks of %d bytes and %d packets were read, want 1 of 24 and 2", fcis, bytesRead, len(packets))
		}
		if pli, ok := packets[1].(*rtcp.PictureLossIndication); !ok || pli.MediaSSRC != 5 {
			t.Errorf("after it came %+v", packets[1])
		}
		const runs = 100
		sealed := make([][]byte, 0, runs+1)
		for range runs + 1 {
			sealed = append(sealed, seal(transportFeedback(12)))
		}
		if n := testing.AllocsPerRun(runs, func() { l.readRTCP(sealed[0]); sealed = sealed[1:] }); n > allocationsOf[profile] {
			t.Errorf("%v: %v allocations for a feedback, want %v", profile, n, allocationsOf[profile])
		}
		if fcis != runs+2 {
			t.Errorf("%d feedbacks were read, want %d", fcis, runs+2)
		}

		// Who agreed to nothing is not read.
		to.transport = nil
		packets = nil
		remb := &rtcp.ReceiverEstimatedMaximumBitrate{SSRCs: []uint32{1}, Bitrate: 1e6}
		l.readRTCP(seal(transportFeedback(12), remb))
		if len(packets) != 0 {
			t.Errorf("%v were read, which nobody has agreed on", packets)
		}
		to.remb = func() bool { return true }
		l.readRTCP(seal(remb))
		if len(packets) != 1 {
			t.Errorf("%v were read, want what the viewer believes it can receive", packets)
		}
	}
}

// allocationsOf is what pion/srtp takes to open a packet.
var allocationsOf = map[srtp.ProtectionProfile]float64{srtp.ProtectionProfileAeadAes128Gcm: 0, srtp.ProtectionProfileAes128CmHmacSha1_80: 1}

// A lossy viewer at 8 Mbit/s that sends feedback twenty times a second stays within what is heard.
func TestUsualFeedbackFitsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fcis, nacks := 0, 0
		l, viewer := sealing(t, srtp.ProtectionProfileAeadAes128Gcm, &listener{
			packets: func(p []rtcp.Packet) { nacks += len(p) }, transport: func([]byte) { fcis++ },
		})
		send := func(p rtcp.Packet) {
			plain, err := rtcp.Marshal([]rtcp.Packet{p})
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := viewer.EncryptRTCP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			l.readRTCP(sealed)
		}
		const seconds = 120
		for range seconds * 20 {
			time.Sleep(time.Second / 20)
			send(transportFeedback(100))
			for range 3 {
				send(&rtcp.TransportLayerNack{MediaSSRC: 2, Nacks: make([]rtcp.NackPair, 20)})
			}
		}
		if fcis != seconds*20 || nacks != seconds*60 {
			t.Errorf("%d feedbacks and %d requests were read, want %d and %d", fcis, nacks, seconds*20, seconds*60)
		}
	})
}

// BenchmarkTransportFeedback is what a viewer's feedback costs before anybody has looked at it.
func BenchmarkTransportFeedback(b *testing.B) {
	l, viewer := sealing(b, srtp.ProtectionProfileAeadAes128Gcm, &listener{transport: func([]byte) {}})
	plain, err := rtcp.Marshal([]rtcp.Packet{transportFeedback(20)})
	if err != nil {
		b.Fatal(err)
	}
	l.heard = heard{rate.NewLimiter(rate.Inf, 0), rate.NewLimiter(rate.Inf, 0)}
	sealed := make([][]byte, 1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(sealed) == 0 {
			b.StopTimer()
			for j := range sealed {
				if sealed[j], err = viewer.EncryptRTCP(sealed[j][:0], plain, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
		}
		l.readRTCP(sealed[i%len(sealed)])
	}
}

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
		l := &mediaTransport{heard: newHeard()}
		l.crypt.Store(&crypt{receive: contextWith(key)})
		feedback := func(packets []rtcp.Packet) { heard += len(packets) }
		l.feedback.Store(&listener{packets: feedback})

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
