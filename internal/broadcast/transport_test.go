package broadcast_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

const numberID = 9

// transportNumber returns the transport-wide number of a packet.
func transportNumber(t *testing.T, p received) uint16 {
	t.Helper()
	b := p.GetExtension(numberID)
	if len(b) != 2 {
		t.Fatalf("packet %d of %x carries no transport-wide number: %x", p.SequenceNumber, p.SSRC, b)
	}
	return binary.BigEndian.Uint16(b)
}

// soundAndPicture publishes both and returns what writes a moment of them.
func soundAndPicture(t *testing.T, b *broadcast.Broadcaster) (moment func()) {
	t.Helper()
	p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Audio, codec.Video}})
	if err != nil {
		t.Fatal(err)
	}
	video, errVideo := p.AddLayer(broadcast.LayerConfig{Codec: h264})
	audio, errAudio := p.AddLayer(broadcast.LayerConfig{Codec: opus})
	if err = errors.Join(errVideo, errAudio); err != nil {
		t.Fatal(err)
	}
	var pictures, parts uint32
	write := func(l *broadcast.Layer, seq, timestamp uint32, marker bool, payload string) {
		if err := l.WriteRTP(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(seq), Timestamp: timestamp, Marker: marker}, Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for i := range uint32(frameParts) {
			write(video, parts, pictures*frameTicks, i == frameParts-1, map[bool]string{true: "\x65 idr", false: "\x41 part"}[i == 0 && pictures%30 == 0])
			parts++
		}
		write(audio, pictures, pictures*1600, true, "sound")
		pictures++
		time.Sleep(frameTime)
		synctest.Wait()
	}
}

// Numbers count what a viewer is sent in order: sound, pictures and what is sent again. A
// packet that was not taken uses none up.
func TestPacketsAreNumberedOverAllTracks(t *testing.T) {
	bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
		moment := soundAndPicture(t, b)
		moment()
		v, s := watch(t, b, func(c *broadcast.ViewerConfig) {
			c.Audio.TransportCCExtensionID, c.Video.TransportCCExtensionID = numberID, numberID
			c.Video.RTXSSRC, c.Video.RTXPayloadType = rtxSSRC, 103
		})
		bySource := map[uint32]int{}
		next, began := uint16(0), false
		check := func() {
			for _, p := range s.take() {
				n := transportNumber(t, p)
				if began && n != next {
					t.Fatalf("packet %d of %x is number %d, want %d", p.SequenceNumber, p.SSRC, n, next)
				}
				began, next = true, n+1
				bySource[p.SSRC]++
				if p.SSRC == videoSSRC && p.Marker {
					v.HandleRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: []rtcp.NackPair{{PacketID: p.SequenceNumber}}}})
				}
			}
		}
		for i := range 60 {
			s.set(func(s *sink) { s.full, s.err = i%20 == 5, map[bool]error{true: errors.New("no path")}[i%20 == 10] })
			moment()
			check()
		}
		for _, ssrc := range []uint32{audioSSRC, videoSSRC, rtxSSRC} {
			if bySource[ssrc] < 40 {
				t.Errorf("%d packets of %x were sent: the test shows too little", bySource[ssrc], ssrc)
			}
		}
	})
}

// What is sent again under its own number is the same to the last byte, the transport-wide
// number included.
func TestWhatIsSentAgainWithoutRTXKeepsItsNumber(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		v, s := watch(t, b, func(c *broadcast.ViewerConfig) { c.Video.TransportCCExtensionID = numberID })
		cam.run(time.Second)
		sent := s.take()
		lost, newest := sent[len(sent)-10], sent[len(sent)-1]
		v.HandleRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: []rtcp.NackPair{{PacketID: lost.SequenceNumber}}}})
		synctest.Wait()
		again := s.take()
		if len(again) != 1 || transportNumber(t, again[0]) != transportNumber(t, lost) {
			t.Fatalf("sent again: %+v, first: %+v", again, lost)
		}
		cam.picture()
		synctest.Wait()
		if n := transportNumber(t, s.take()[0]); n != transportNumber(t, newest)+1 {
			t.Errorf("number %d follows %d", n, transportNumber(t, newest))
		}
	})
}

// All packets of a picture but the last are of one size, so that they leave in one system call.
func TestPacketsOfAPictureAreOfOneSize(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		_, s := watch(t, b, func(c *broadcast.ViewerConfig) {
			c.Video.TransportCCExtensionID, c.Video.CaptureTimeExtensionID = numberID, 5
			c.Video.MID, c.Video.MIDExtensionID = "0", 4
		})
		cam.run(5 * time.Second)
		packets := s.take()[52:] // those before carry the MID
		for i := 1; i < len(packets); i++ {
			before, p := packets[i-1], packets[i]
			if p.Timestamp == before.Timestamp && !p.Marker && p.MarshalSize() != before.MarshalSize() {
				t.Fatalf("a header of %d bytes follows one of %d", p.MarshalSize(), before.MarshalSize())
			}
		}
	})
}

// What a viewer says of its path reaches it, and neither a malformed packet nor one after
// its end harms anybody.
func TestTransportFeedbackIsCounted(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		v, _ := watch(t, b, func(c *broadcast.ViewerConfig) { c.Video.TransportCCExtensionID = numberID })
		cam.run(100 * time.Millisecond)
		v.HandleTransportFeedback([]byte{0, 1, 0, 1, 0, 0, 0, 0, 0x20, 1, 4, 0})
		v.HandleTransportFeedback(nil)
		v.HandleRTCP([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e6}})
		if n := v.Stats().Feedbacks; n != 2 {
			t.Errorf("counted %d, want 2", n)
		}
		v.Close(nil)
		v.HandleTransportFeedback([]byte{0, 1})
		if n := v.Stats().Feedbacks; n != 2 {
			t.Errorf("counted %d after the end, want 2", n)
		}
	})
}

// On a path that has carried everything for a while, a picture in eight or so is numbered, with the sound beside it: whole
// pictures. At the first packet that the viewer misses, all are.
func TestFewPicturesAreNumberedOnAFreePath(t *testing.T) {
	bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
		source := ladderOfThree(t, b)
		simulate(time.Second, source)
		v := watchOver(t, b, newPath(50e6, 200*time.Millisecond, 10*time.Millisecond))
		share := func(seconds int) float64 {
			v.mu.Lock()
			v.packets, v.packetsNumbered = 0, 0
			v.mu.Unlock()
			live(seconds, source, v)
			v.mu.Lock()
			defer v.mu.Unlock()
			return float64(v.packetsNumbered) / float64(v.packets)
		}
		if got := share(3); got != 1 {
			t.Errorf("%.2f of the packets of the beginning were numbered, not all", got)
		}
		share(1)
		if got := share(20); got < 0.08 || got > 0.2 {
			t.Errorf("%.2f of the packets were numbered on a free path", got)
		}
		v.mu.Lock()
		newest := v.numbers[videoSSRC]
		v.mu.Unlock()
		v.viewer.HandleRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: []rtcp.NackPair{{PacketID: newest}}}})
		if got := share(2); got < 0.9 {
			t.Errorf("%.2f of the packets were numbered after a loss", got)
		}
	})
}
