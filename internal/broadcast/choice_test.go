package broadcast_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// encoder sends one encoding of a simulcast; how large its packets are is its rate.
type encoder struct {
	layer  *broadcast.Layer
	rid    string
	size   int
	wanted atomic.Bool
	asked  atomic.Int32
	silent bool

	seq   uint16
	ts    uint32
	frame int
}

// simulcast publishes encodings of 30 pictures a second with a keyframe only when
// asked. The names are those of the sizes of their packets.
func simulcast(t *testing.T, b *broadcast.Broadcaster, sizes map[string]int, order ...string) []*encoder {
	t.Helper()
	p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video}})
	if err != nil {
		t.Fatal(err)
	}
	var encoders []*encoder
	for i, rid := range order {
		e := &encoder{rid: rid, size: sizes[rid], seq: uint16(1000 * i), ts: uint32(i) << 20}
		e.wanted.Store(true)
		e.layer, err = p.AddLayer(broadcast.LayerConfig{Codec: h264, RID: rid, RequestKeyframe: func() {
			e.asked.Add(1)
			e.wanted.Store(true)
		}})
		if err != nil {
			t.Fatal(err)
		}
		encoders = append(encoders, e)
	}
	return encoders
}

// picture writes the parts from..to of a picture of frameParts.
func (e *encoder) picture(t *testing.T, from, to int) {
	t.Helper()
	for i := from; i < to && !e.silent; i++ {
		payload := make([]byte, e.size)
		payload[0] = 0x41
		if i == 0 && e.wanted.Swap(false) {
			payload[0] = 0x65
		}
		copy(payload[1:], fmt.Sprintf("%s %d", e.rid, i))
		err := e.layer.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{SequenceNumber: e.seq, Timestamp: e.ts, Marker: i == frameParts-1},
			Payload: payload,
		})
		if err != nil {
			t.Fatal(err)
		}
		e.seq++
	}
	if to == frameParts {
		e.ts += frameTicks
	}
}

func runAll(t *testing.T, encoders []*encoder, d time.Duration) {
	t.Helper()
	for range int(d / frameTime) {
		for _, e := range encoders {
			e.picture(t, 0, frameParts)
		}
		time.Sleep(frameTime)
	}
}

// ridOf returns the encoding that a packet is of.
func ridOf(p received) string {
	rid, _, _ := strings.Cut(p.payload[1:], " ")
	return rid
}

// checkSwitches fails unless every encoding begins with a keyframe, after a whole
// picture of the last one, with no time lost. It returns the encodings in order.
func checkSwitches(t *testing.T, packets []received, gap time.Duration) (rids []string) {
	t.Helper()
	checkContiguous(t, packets)
	for i, p := range packets {
		switch {
		case i == 0:
			rids = append(rids, ridOf(p))
			continue
		case ridOf(p) == ridOf(packets[i-1]):
		default:
			rids = append(rids, ridOf(p))
			if !isKey(p) || !packets[i-1].Marker {
				t.Errorf("%s begins with a keyframe: %v, after a whole picture: %v", ridOf(p), isKey(p), packets[i-1].Marker)
			}
		}
		if pause := p.at.Sub(packets[i-1].at); pause > gap {
			t.Errorf("packet %d: nothing came for %v", i, pause)
		}
	}
	return rids
}

var three = map[string]int{"q": 100, "h": 300, "f": 1000}

func TestChosenEncodingTakesOverAtItsKeyframe(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, three, "q", "h", "f")
		runAll(t, encoders, 3*time.Second)
		v, s := watch(t, b, nil)
		runAll(t, encoders, 2*time.Second)
		if got := v.Stats().RID; got != "f" {
			t.Errorf("the server chose %q", got)
		}
		v.Choose(broadcast.Choice{RID: "q"})
		runAll(t, encoders, 2*time.Second)
		v.Choose(broadcast.Choice{RID: "h"})
		v.Choose(broadcast.Choice{RID: "h"})
		runAll(t, encoders, 2*time.Second)
		v.Choose(broadcast.Choice{})
		runAll(t, encoders, 2*time.Second)
		rids := checkSwitches(t, s.take(), 2*frameTime)
		if fmt.Sprint(rids) != "[f q h f]" {
			t.Errorf("it went %v", rids)
		}
		if got := v.Stats().RID; got != "f" {
			t.Errorf("it ends at %q", got)
		}
		for _, e := range encoders {
			if n := e.asked.Load(); n > 3 {
				t.Errorf("%s was asked for %d keyframes", e.rid, n)
			}
		}
	})
}

// While the publisher gives no keyframe, the old encoding goes on.
func TestChosenEncodingIsWaitedFor(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, three, "q", "f")
		runAll(t, encoders, 3*time.Second)
		v, s := watch(t, b, nil)
		runAll(t, encoders, time.Second)
		v.Choose(broadcast.Choice{RID: "q"})
		for range 90 { // three seconds in which every keyframe is lost
			encoders[0].wanted.Store(false)
			runAll(t, encoders, frameTime)
		}
		if rids := checkSwitches(t, s.take(), 2*frameTime); fmt.Sprint(rids) != "[f]" {
			t.Errorf("it went %v", rids)
		}
		if n := encoders[0].asked.Load(); n < 4 || n > 8 {
			t.Errorf("%d keyframes were asked for in three seconds", n)
		}
		encoders[0].wanted.Store(true)
		runAll(t, encoders, time.Second)
		if got := v.Stats().RID; got != "q" {
			t.Errorf("it ends at %q", got)
		}
	})
}

// A picture that was begun is sent to its end before another encoding takes over.
func TestSwitchIsBetweenPictures(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, three, "q", "f")
		runAll(t, encoders, 3*time.Second)
		v, s := watch(t, b, nil)
		runAll(t, encoders, time.Second)
		encoders[1].picture(t, 0, 2)
		v.Choose(broadcast.Choice{RID: "q"}) // wakes the sender, which sends the half
		time.Sleep(time.Millisecond)
		encoders[0].picture(t, 0, frameParts) // its keyframe
		time.Sleep(time.Millisecond)
		encoders[1].picture(t, 2, frameParts)
		runAll(t, encoders, time.Second)
		if rids := checkSwitches(t, s.take(), 2*frameTime); fmt.Sprint(rids) != "[f q]" {
			t.Errorf("it went %v", rids)
		}
	})
}

func TestChosenEncodingGoesAwayAndComesBack(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, three, "q", "h", "f")
		runAll(t, encoders, 3*time.Second)
		v, s := watch(t, b, nil)
		v.Choose(broadcast.Choice{RID: "h"})
		runAll(t, encoders, 2*time.Second)
		encoders[1].silent = true
		runAll(t, encoders, 4*time.Second)
		if got := v.Stats().RID; got != "f" {
			t.Errorf("without it, %q is sent", got)
		}
		encoders[1].silent = false
		runAll(t, encoders, 3*time.Second)
		if got := v.Stats().RID; got != "h" {
			t.Errorf("with it, %q is sent", got)
		}
		checkContiguous(t, s.take())
	})
}

// A choice is the viewer's: it holds for the next publisher too.
func TestChoiceOutlivesThePublisher(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, three, "q", "f")
		runAll(t, encoders, 3*time.Second)
		v, _ := watch(t, b, nil)
		v.Choose(broadcast.Choice{RID: "q"})
		runAll(t, encoders, 2*time.Second)
		encoders = republish(t, b, v)
		runAll(t, encoders, 3*time.Second)
		if got := v.Stats().RID; got != "q" {
			t.Errorf("%q is sent", got)
		}
	})
}

func republish(t *testing.T, b *broadcast.Broadcaster, v *broadcast.Viewer) []*encoder {
	t.Helper()
	if v.Err() != nil {
		t.Fatal(v.Err())
	}
	if err := broadcast.EndPublisher(b, "cam"); err != nil {
		t.Fatal(err)
	}
	return simulcast(t, b, three, "q", "f")
}

// A viewer who reports losses is sent less, and more again when it can.
func TestLossChoosesLowerEncoding(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, three, "q", "h", "f")
		runAll(t, encoders, 3*time.Second)
		v, s := watch(t, b, nil)
		highest := uint32(0)
		reporting := func(seconds int, lost uint8) {
			for range seconds {
				runAll(t, encoders, time.Second)
				highest++ // something arrives
				v.HandleRTCP([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{
					SSRC: videoSSRC, FractionLost: lost, LastSequenceNumber: highest,
				}}}})
			}
		}
		reporting(3, 0)
		reporting(3, 64)
		if got := v.Stats().RID; got != "h" {
			t.Errorf("after losses, %q is sent", got)
		}
		reporting(2, 0)
		if got := v.Stats().RID; got != "h" {
			t.Errorf("soon after, %q is sent", got)
		}
		reporting(12, 0)
		if got := v.Stats().RID; got != "f" {
			t.Errorf("after a time without, %q is sent", got)
		}
		if rids := checkSwitches(t, s.take(), 2*frameTime); fmt.Sprint(rids) != "[f h f]" {
			t.Errorf("it went %v", rids)
		}
	})
}

// What a viewer misses of the encoding that was left is sent again too.
func TestNACKReachesBackOverASwitch(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, three, "q", "h", "f")
		runAll(t, encoders, 3*time.Second)
		v, s := watch(t, b, nil)
		runAll(t, encoders, time.Second)
		for _, rid := range []string{"q", "h"} {
			v.Choose(broadcast.Choice{RID: rid})
			runAll(t, encoders, time.Second/2)
		}
		packets := s.take()
		ask := func(p received) (again []received) {
			v.HandleRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: []rtcp.NackPair{{PacketID: p.SequenceNumber}}}})
			time.Sleep(time.Millisecond)
			return s.take()
		}
		sent := make(map[string]int)
		for _, p := range packets[len(packets)-150:] {
			rid := ridOf(p)
			again := ask(p)
			if len(again) > 1 || len(again) == 1 && (again[0].payload != p.payload || again[0].Timestamp != p.Timestamp) {
				t.Fatalf("for packet %d of %s, %d came again, or another one", p.SequenceNumber, rid, len(again))
			}
			sent[rid] += len(again)
		}
		if sent["h"] == 0 || sent["q"] == 0 {
			t.Errorf("sent again: %v", sent)
		}
	})
}

// tmmbr is a viewer's request (RFC 5104 section 4.2.1).
func tmmbr(ssrc uint32, rate uint32) rtcp.Packet {
	exponent := 0
	for ; rate >= 1<<17; exponent++ {
		rate >>= 1
	}
	b := append([]byte{0x83, 205, 0, 4}, 0, 0, 0, 5, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = binary.BigEndian.AppendUint32(b, uint32(exponent)<<26|rate<<9)
	raw := rtcp.RawPacket(b)
	return &raw
}

// payloadRate returns the bits per second of what came in a time.
func payloadRate(packets []received, d time.Duration) float64 {
	bytes := 0
	for _, p := range packets {
		bytes += len(p.payload)
	}
	return float64(bytes) * 8 / d.Seconds()
}

func TestTMMBRBoundsOneEncoding(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, map[string]int{"": 1000}, "") // 960 kbit/s
		runAll(t, encoders, 3*time.Second)
		v, s := watch(t, b, nil)
		other, all := watch(t, b, nil)
		runAll(t, encoders, time.Second)
		s.take()
		all.take()
		v.HandleRTCP([]rtcp.Packet{tmmbr(videoSSRC, 300_000)})
		const time10 = 20 * time.Second
		runAll(t, encoders, time10)
		packets := s.take()
		if got := payloadRate(packets, time10); got > 310_000 || got < 50_000 {
			t.Errorf("%.0f bit/s were sent", got)
		}
		checkContiguous(t, packets)
		for i, p := range packets {
			if i > 0 && p.Timestamp-packets[i-1].Timestamp > 2*frameTicks && !isKey(p) {
				t.Fatalf("packet %d comes after a pause and is no keyframe", i)
			}
			if i > 0 && p.Timestamp != packets[i-1].Timestamp && !packets[i-1].Marker {
				t.Fatalf("half a picture was sent, before packet %d", i)
			}
		}
		if got := payloadRate(all.take(), time10); got < 900_000 {
			t.Errorf("another viewer was sent %.0f bit/s", got)
		}
		if n := encoders[0].asked.Load(); n > 12 {
			t.Errorf("%d keyframes were asked for: that is a burden on others", n)
		}
		if v.Stats().Drops[broadcast.DropBound] == 0 || other.Stats().Drops[broadcast.DropBound] != 0 {
			t.Errorf("dropped %d, of the other viewer %d", v.Stats().Drops[broadcast.DropBound], other.Stats().Drops[broadcast.DropBound])
		}

		v.HandleRTCP([]rtcp.Packet{tmmbr(videoSSRC, 5_000_000)}) // the viewer has room again
		runAll(t, encoders, 4*time.Second)
		s.take()
		runAll(t, encoders, 4*time.Second)
		if got := payloadRate(s.take(), 4*time.Second); got < 900_000 {
			t.Errorf("%.0f bit/s after the bound was lifted", got)
		}
	})
}

// A stream that keeps to the bound is not touched.
func TestTMMBRAboveTheStream(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, map[string]int{"": 1000}, "")
		runAll(t, encoders, 3*time.Second)
		v, s := watch(t, b, nil)
		runAll(t, encoders, time.Second)
		v.HandleRTCP([]rtcp.Packet{tmmbr(videoSSRC, 1_200_000)})
		runAll(t, encoders, 10*time.Second)
		checkSwitches(t, s.take(), 2*frameTime)
		if n := v.Stats().Dropped(); n != 0 {
			t.Errorf("%d packets were dropped", n)
		}
	})
}

func TestTMMBRChoosesAnEncodingThatFits(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, three, "q", "h", "f") // 96, 288 and 960 kbit/s
		runAll(t, encoders, 3*time.Second)
		v, s := watch(t, b, nil)
		v.Choose(broadcast.Choice{RID: "f"})
		runAll(t, encoders, time.Second)
		v.HandleRTCP([]rtcp.Packet{tmmbr(videoSSRC, 400_000)})
		runAll(t, encoders, 3*time.Second)
		s.take()
		runAll(t, encoders, 10*time.Second)
		if got := v.Stats().RID; got != "h" {
			t.Errorf("%q is sent", got)
		}
		packets := s.take()
		if got := payloadRate(packets, 10*time.Second); got > 400_000 || got < 250_000 {
			t.Errorf("%.0f bit/s were sent", got)
		}
		checkSwitches(t, packets, 2*frameTime)
	})
}

func TestTMMBRIsAnswered(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, three, "f")
		runAll(t, encoders, time.Second)
		v, s := watch(t, b, nil)
		runAll(t, encoders, time.Second)
		v.HandleRTCP([]rtcp.Packet{tmmbr(videoSSRC, 400_000), tmmbr(0xdead, 1)})
		var answers [][]byte
		s.set(func(s *sink) {
			for _, p := range s.reports {
				if raw, ok := p.(*rtcp.RawPacket); ok {
					answers = append(answers, *raw)
				}
			}
		})
		if len(answers) != 1 {
			t.Fatalf("%d answers, want 1", len(answers))
		}
		b0 := answers[0]
		if b0[0] != 0x84 || b0[1] != 205 || binary.BigEndian.Uint32(b0[4:]) != videoSSRC || binary.BigEndian.Uint32(b0[12:]) != 5 {
			t.Errorf("% x is no TMMBN of the track to whoever asked", b0)
		}
		if word := binary.BigEndian.Uint32(b0[16:]); uint64(word>>9&0x1ffff)<<(word>>26) != 400_000 {
			t.Errorf("it tells another bound: % x", b0[16:])
		}
	})
}

// Nothing at all is what a bound of zero means.
func TestTMMBROfZeroStops(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, map[string]int{"": 1000}, "")
		runAll(t, encoders, 10*time.Second) // by then it is known that the publisher answers
		v, s := watch(t, b, nil)
		runAll(t, encoders, time.Second)
		v.HandleRTCP([]rtcp.Packet{tmmbr(videoSSRC, 0)})
		s.take()
		asked := encoders[0].asked.Load()
		runAll(t, encoders, 10*time.Second)
		if n := len(s.take()); n != 0 {
			t.Errorf("%d packets were sent", n)
		}
		v.HandleRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: videoSSRC}})
		if n := encoders[0].asked.Load() - asked; n != 0 {
			t.Errorf("%d keyframes were asked for", n)
		}
		v.HandleRTCP([]rtcp.Packet{tmmbr(videoSSRC, 5_000_000)})
		runAll(t, encoders, 5*time.Second)
		if len(s.take()) == 0 {
			t.Error("nothing comes after the bound was lifted")
		}
	})
}

// The sound goes on while the picture does not.
func TestTMMBROfThePictureLeavesTheSound(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video, codec.Audio}})
		if err != nil {
			t.Fatal(err)
		}
		video, _ := p.AddLayer(broadcast.LayerConfig{Codec: h264})
		sound, _ := p.AddLayer(broadcast.LayerConfig{Codec: opus})
		e := &encoder{layer: video, size: 1000}
		e.wanted.Store(true)
		run := func(n int) {
			for range n {
				e.picture(t, 0, frameParts)
				e.frame++
				if err := sound.WriteRTP(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(e.frame), Timestamp: uint32(e.frame) * 1600}, Payload: []byte("sound")}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(frameTime)
			}
		}
		run(30)
		v, s := watch(t, b, nil)
		run(30)
		s.take()
		v.HandleRTCP([]rtcp.Packet{tmmbr(videoSSRC, 0)})
		run(60)
		heard := 0
		for _, packet := range s.take() {
			if packet.SSRC != audioSSRC {
				t.Fatal("a picture was sent")
			}
			heard++
		}
		if heard < 59 {
			t.Errorf("%d sounds of 60 were sent", heard)
		}
	})
}
