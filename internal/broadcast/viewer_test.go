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
	"porthole/internal/ntp"
)

func TestViewerGetsItsOwnGaplessStream(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 60)
		cam.run(time.Second)
		_, s := watch(t, b, nil)
		cam.run(4 * time.Second)
		got := s.take()
		checkContiguous(t, got)
		if !isKey(got[0]) {
			t.Errorf("began with %q, want a keyframe", got[0].payload)
		}
		if got[0].SSRC != videoSSRC || got[0].PayloadType != videoPayload {
			t.Errorf("SSRC %x and payload type %d are not the viewer's", got[0].SSRC, got[0].PayloadType)
		}
		if want := 5 * 30 * frameParts; len(got) != want {
			t.Errorf("got %d packets, want %d: all from the last keyframe on", len(got), want)
		}
		if s.unflushed != 0 {
			t.Errorf("%d packets were not flushed", s.unflushed)
		}
	})
}

func TestViewerStartsAtOnceFromTheRingAndIsLive(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 120) // a keyframe every 4 s
		cam.ignores = true        // as OBS and FFmpeg do
		cam.run(3900 * time.Millisecond)
		joined := time.Now()
		_, s := watch(t, b, nil)
		cam.run(5 * time.Second)
		got := s.take()
		checkContiguous(t, got)
		if wait := got[frameParts-1].at.Sub(joined); !isKey(got[0]) || wait > 20*time.Millisecond {
			t.Errorf("first keyframe after %v (%q)", wait, got[0].payload)
		}
		// The history of 3.9 s spans an eighth of a second, and then the viewer
		// is live: no delay is kept.
		span := time.Duration(got[116*frameParts].Timestamp-got[0].Timestamp) * time.Second / 90_000
		if span > 130*time.Millisecond {
			t.Errorf("history spans %v for the player, want an eighth of a second", span)
		}
		last := got[len(got)-1]
		if late := time.Since(last.at); late > 2*frameTime {
			t.Errorf("the last picture was sent %v ago", late)
		}
	})
}

func TestFiftyViewersCauseNoKeyframeStorm(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 0)
		cam.run(time.Second)
		viewers := make([]*broadcast.Viewer, 50)
		for i := range viewers {
			viewers[i], _ = watch(t, b, nil)
		}
		ask := func() {
			for _, v := range viewers {
				v.HandleRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: videoSSRC}})
			}
		}
		cam.run(200 * time.Millisecond)
		ask()
		cam.run(time.Second)
		if n := cam.requests(); n != 0 {
			t.Errorf("50 viewers that join and ask caused %d keyframe requests; they have just been given one", n)
		}
		ask() // now they miss something
		cam.run(time.Second)
		if n := cam.requests(); n < 1 || n > 2 {
			t.Errorf("50 viewers that ask caused %d keyframe requests, want 1 or 2", n)
		}
	})
}

func TestHeldBackKeyframeRequestIsSentLater(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 0)
		cam.run(time.Second)
		v, _ := watch(t, b, nil)
		cam.run(500 * time.Millisecond)
		pli := []rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: videoSSRC}}
		v.HandleRTCP(pli)
		cam.run(100 * time.Millisecond) // answered
		v.HandleRTCP(pli)               // the viewer lost that keyframe, too
		if n := cam.requests(); n != 1 {
			t.Fatalf("%d requests within 100 ms, want 1", n)
		}
		cam.run(600 * time.Millisecond)
		if n := cam.requests(); n != 2 {
			t.Errorf("%d requests after 700 ms, want 2: the second one was only held back", n)
		}
	})
}

func TestSlowViewerJumpsToAKeyframeAndDisturbsNobody(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		slow, slowSink := watch(t, b, nil)
		_, control := watch(t, b, nil)
		cam.run(500 * time.Millisecond)
		slowSink.set(func(s *sink) { s.full = true })
		cam.run(1800 * time.Millisecond)
		before := slowSink.take()
		slowSink.set(func(s *sink) { s.full = false })
		cam.run(2 * time.Second)
		after := slowSink.take()
		if len(after) == 0 || !isKey(after[0]) {
			t.Fatal("the slow viewer did not go on at a keyframe")
		}
		checkContiguous(t, append(before, after...))
		if d := slow.Stats().Drops[broadcast.DropLate]; d == 0 {
			t.Error("the drop was not counted")
		}
		if got, want := len(control.take()), cam.frame*frameParts; got != want {
			t.Errorf("the other viewer got %d packets, want %d", got, want)
		}
	})
}

func TestKeyPictureLeavesInBursts(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 0)
		cam.picture()
		_, s := watch(t, b, nil)
		synctest.Wait()
		s.take()
		const parts = 130
		for i := range parts {
			payload := make([]byte, 1200)
			payload[0] = 0x41
			_ = cam.layer.WriteRTP(&rtp.Packet{Header: rtp.Header{SequenceNumber: cam.seq, Timestamp: cam.timestamp, Marker: i == parts-1}, Payload: payload})
			cam.seq++
		}
		time.Sleep(100 * time.Millisecond)
		bursts := map[time.Time]int{}
		got := s.take()
		for _, p := range got {
			bursts[p.at]++
		}
		if len(got) != parts {
			t.Fatalf("%d packets of %d arrived", len(got), parts)
		}
		for at, n := range bursts {
			if first := at.Equal(got[0].at); first && n > 49 || !first && n > 6 {
				t.Errorf("%d packets left at once at %v, want a batch of 48, and then what the pace lets go in 2 ms", n, at)
			}
		}
		if spread := got[parts-1].at.Sub(got[0].at); spread > 37*time.Millisecond {
			t.Errorf("the picture took %v", spread)
		}
	})
}

func TestOneViewersFailureIsItsOwn(t *testing.T) {
	for name, fail := range map[string]func(*sink){
		"panic": func(s *sink) { s.panics = true },
		"error": func(s *sink) { s.err = errors.New("network is unreachable") },
		"full":  func(s *sink) { s.full = true },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
				cam := publish(t, b, 30)
				cam.picture()
				bad, badSink := watch(t, b, nil)
				_, control := watch(t, b, nil)
				badSink.set(fail)
				cam.run(2 * time.Second)
				if got, want := len(control.take()), cam.frame*frameParts; got != want {
					t.Errorf("the other viewer got %d packets, want %d", got, want)
				}
				if name == "panic" {
					wantEnd(t, bad, broadcast.ErrPanic)
				} else if bad.Err() != nil {
					t.Errorf("ended with %v: that is for its connection to say", bad.Err())
				}
			})
		})
	}
}

func TestNoWriteAfterClose(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		v, s := watch(t, b, nil)
		cam.run(time.Second)
		reason := errors.New("enough")
		v.Close(reason)
		v.Close(errors.New("again"))
		s.take()
		cam.run(time.Second)
		if n := len(s.take()); n != 0 {
			t.Errorf("%d packets after Close", n)
		}
		wantEnd(t, v, reason)
		if err := v.Start(broadcast.ViewerConfig{Sink: s}); !errors.Is(err, reason) {
			t.Errorf("Start after Close: %v", err)
		}
		totals, viewers := b.Totals()
		if viewers != 0 || totals.Packets == 0 {
			t.Errorf("totals after Close: %+v, %d viewers", totals, viewers)
		}
	})
}

func TestMIDIsSentWhenNegotiated(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		_, s := watch(t, b, func(c *broadcast.ViewerConfig) { c.Video.MID, c.Video.MIDExtensionID = "v0", 4 })
		cam.run(3 * time.Second)
		got := s.take()
		if mid := string(got[0].GetExtension(4)); mid != "v0" {
			t.Errorf("first packet has MID %q", mid)
		}
		if last := got[len(got)-1]; last.Extension {
			t.Error("the extension is still sent when it has long been learned")
		}
	})
}

func TestCaptureTimeIsSentWhenNegotiated(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.run(frameTime)
		_, s := watch(t, b, func(c *broadcast.ViewerConfig) {
			c.Video.MID, c.Video.MIDExtensionID, c.Video.CaptureTimeExtensionID = "v0", 4, 5
		})
		cam.run(3 * time.Second)
		told := 0
		for i, p := range s.take() {
			capture := p.GetExtension(5)
			if i < 10 && string(p.GetExtension(4)) != "v0" {
				t.Fatalf("packet %d: no MID beside the capture time", i)
			}
			if len(capture) == 0 {
				continue
			}
			if !p.Marker {
				t.Fatalf("packet %d carries the capture time and is not its picture's last: the batch breaks", i)
			}
			told++
			if i < frameParts { // this one came from the ring
				continue
			}
			at := ntp.Time(binary.BigEndian.Uint64(capture))
			if d := p.at.Sub(at).Abs(); d > 2*time.Millisecond {
				t.Fatalf("packet %d: capture time is %v off", i, d)
			}
		}
		// Packets of one size leave at once, if none of them gets larger.
		if told < 3 || told > 4 {
			t.Errorf("%d pictures of three seconds tell when they were taken, want one a second", told)
		}
	})
}

// Where the last packet of a picture is shorter than the others, or the only one,
// the capture time makes no batch break, and every picture carries it.
func TestCaptureTimeIsInEveryPictureThatHasRoomForIt(t *testing.T) {
	for _, sizes := range [][]int{{100, 100, 84}, {100}} {
		bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
			cam := publish(t, b, 30)
			cam.picture()
			_, s := watch(t, b, func(c *broadcast.ViewerConfig) { c.Video.CaptureTimeExtensionID = 5 })
			s.take()
			for range 10 {
				cam.timestamp += frameTicks
				for i, size := range sizes {
					cam.seq++
					err := cam.layer.WriteRTP(&rtp.Packet{
						Header:  rtp.Header{SequenceNumber: cam.seq, Timestamp: cam.timestamp, Marker: i == len(sizes)-1},
						Payload: append([]byte("\x41"), make([]byte, size-1)...),
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(frameTime)
			}
			for i, p := range s.take() {
				if p.Marker != (len(p.GetExtension(5)) == 8) {
					t.Errorf("sizes %v, packet %d: marker %v, capture time %x", sizes, i, p.Marker, p.GetExtension(5))
				}
			}
		})
	}
}

// The first picture of a local source takes longest to encode: it must not make
// all later ones look as if they were taken in the future.
func TestCaptureTimeOfOurOwnClockIsTakenAsItIs(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video}, OwnClock: true})
		if err != nil {
			t.Fatal(err)
		}
		layer, err := p.AddLayer(broadcast.LayerConfig{Codec: h264})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		write := func(i int, age time.Duration) {
			time.Sleep(time.Until(began.Add(time.Duration(i)*frameTime + age)))
			ts := uint32(i * frameTicks)
			layer.SenderReport(time.Now().Add(-age), ts)
			_ = layer.WriteRTP(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: ts, Marker: true}, Payload: []byte("\x65")})
		}
		write(0, 30*time.Millisecond)
		_, s := watch(t, b, func(c *broadcast.ViewerConfig) { c.Video.CaptureTimeExtensionID = 5 })
		for i := 1; i < 30; i++ {
			write(i, 5*time.Millisecond)
		}
		for i, packet := range s.take()[1:] {
			at := ntp.Time(binary.BigEndian.Uint64(packet.GetExtension(5)))
			if age := packet.at.Sub(at); age < 4*time.Millisecond || age > 6*time.Millisecond {
				t.Fatalf("picture %d is told to be %v old, want 5ms", i, age)
			}
		}
	})
}

func TestPublishersExtensionIsPassedOnUnderTheViewersID(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Audio}})
		if err != nil {
			t.Fatal(err)
		}
		layer, err := p.AddLayer(broadcast.LayerConfig{Codec: opus, PassedExtensionID: 7})
		if err != nil {
			t.Fatal(err)
		}
		write := func(seq uint16, level byte) {
			packet := &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: uint32(seq) * 960}, Payload: []byte("a")}
			if level != 0 {
				_ = packet.SetExtension(7, []byte{level})
				_ = packet.SetExtension(9, []byte{99}) // somebody else's
			}
			if err := layer.WriteRTP(packet); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		write(1, 0)
		_, knows := watch(t, b, func(c *broadcast.ViewerConfig) { c.Audio.PassedExtensionID = 3 })
		_, ignores := watch(t, b, nil)
		synctest.Wait()
		knows.take()
		ignores.take()
		write(2, 42)
		write(3, 0)
		got := knows.take()
		if len(got) != 2 || string(got[0].GetExtension(3)) != "\x2a" || len(got[0].Extensions) != 1 || got[1].Extension {
			t.Errorf("a viewer who knows the extension got %+v", got)
		}
		for _, p := range ignores.take() {
			if p.Extension {
				t.Errorf("a viewer who does not got %+v", p.Header)
			}
		}
	})
}

// A panic in handling a viewer's feedback, or in saying goodbye to it, ends that
// viewer, and holds up nobody.
func TestPanicOutsideOfSending(t *testing.T) {
	panics := 0
	bubble(t, broadcast.Config{Senders: 1, OnPanic: func() { panics++ }}, func(t *testing.T, b *broadcast.Broadcaster) {
		p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video}})
		if err != nil {
			t.Fatal(err)
		}
		cam := &camera{t: t, publisher: p, keyEvery: 30}
		cam.layer, err = p.AddLayer(broadcast.LayerConfig{Codec: h264, RequestKeyframe: func() { panic("keyframe") }})
		if err != nil {
			t.Fatal(err)
		}
		cam.picture()
		bad, _ := watch(t, b, nil)
		rude, rudeSink := watch(t, b, nil)
		_, good := watch(t, b, nil)
		cam.run(time.Second)
		bad.HandleRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: videoSSRC}})
		wantEnd(t, bad, broadcast.ErrPanic)
		bad.Close(nil)
		rudeSink.set(func(s *sink) { s.panics = true })
		rude.Close(nil)
		good.take()
		cam.run(time.Second)
		if n := len(good.take()); n < 29*frameParts {
			t.Errorf("another viewer got %d packets in a second", n)
		}
		if panics != 2 {
			t.Errorf("%d panics were told, want 2", panics)
		}
		if info, _ := b.Stream("cam"); info.Viewers != 1 {
			t.Errorf("%d viewers hold a place", info.Viewers)
		}
	})
}
