package broadcast_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"porthole/internal/broadcast"
)

// A keyframe is for everybody. However a viewer makes the publisher be asked for them,
// it gets a few in a row and then one in four seconds; somebody else's are its own.
func TestOneViewerCausesFewKeyframes(t *testing.T) {
	const time60 = time.Minute
	flip := func(i int, a, b func()) {
		if i%2 == 0 {
			a()
		} else {
			b()
		}
	}
	for name, annoy := range map[string]func(v *broadcast.Viewer, i int){
		"by PLI": func(v *broadcast.Viewer, _ int) {
			for range 10 {
				v.HandleRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: videoSSRC}})
			}
		},
		"by FIR": func(v *broadcast.Viewer, _ int) {
			v.HandleRTCP([]rtcp.Packet{&rtcp.FullIntraRequest{MediaSSRC: videoSSRC}})
		},
		"by changing its encoding": func(v *broadcast.Viewer, i int) {
			flip(i, func() { v.Choose(broadcast.Choice{RID: "h"}) }, func() { v.Choose(broadcast.Choice{RID: "l"}) })
		},
		"by changing its bound": func(v *broadcast.Viewer, i int) {
			flip(i/100, func() { v.HandleRTCP([]rtcp.Packet{tmmbr(videoSSRC, 0)}) },
				func() { v.HandleRTCP([]rtcp.Packet{tmmbr(videoSSRC, 100_000_000)}) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
				encoders := simulcast(t, b, map[string]int{"h": 400, "l": 100}, "h", "l")
				asked := func() (n int32) {
					for _, e := range encoders {
						n += e.asked.Load()
					}
					return n
				}
				runAll(t, encoders, time.Second)
				v, _ := watch(t, b, nil)
				control, controlSink := watch(t, b, nil)
				runAll(t, encoders, time.Second)
				before := asked()
				controlSink.take()
				for i := range int(time60 / frameTime) {
					annoy(v, i)
					runAll(t, encoders, frameTime)
				}
				n := asked() - before
				t.Logf("%d keyframes in a minute", n)
				// And two of each encoding, to see whether the publisher answers at all.
				if most := int32(4+60/4+1) + 2*int32(len(encoders)); n > most || n == 0 {
					t.Errorf("the publisher was asked for %d keyframes in a minute, want 1 to %d", n, most)
				}
				if v.Err() != nil {
					t.Errorf("it ended: %v", v.Err())
				}
				checkContiguous(t, controlSink.take())
				before = asked()
				control.HandleRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: videoSSRC}})
				runAll(t, encoders, time.Second)
				if asked() == before {
					t.Error("the publisher is not asked for a viewer who has asked for nothing yet")
				}
			})
		})
	}
}

// Many viewers together, or one who comes and goes, get more than one viewer does, but
// not a stream of keyframes.
func TestManyViewersCauseFewKeyframes(t *testing.T) {
	for name, annoy := range map[string]func(t *testing.T, b *broadcast.Broadcaster, viewers []*broadcast.Viewer){
		"by PLI": func(_ *testing.T, _ *broadcast.Broadcaster, viewers []*broadcast.Viewer) {
			for _, v := range viewers {
				v.HandleRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: videoSSRC}})
			}
		},
		"by coming and going": func(t *testing.T, b *broadcast.Broadcaster, viewers []*broadcast.Viewer) {
			t.Helper()
			for i := range viewers[:2] {
				viewers[i].Close(nil)
				viewers[i], _ = watch(t, b, nil)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
				// A picture larger than the history that is given out without asking.
				encoders := simulcast(t, b, map[string]int{"": 20_000}, "")
				runAll(t, encoders, 2*time.Second)
				viewers := make([]*broadcast.Viewer, 6)
				for i := range viewers {
					viewers[i], _ = watch(t, b, nil)
				}
				runAll(t, encoders, time.Second)
				before := encoders[0].asked.Load()
				const seconds = 60
				for range seconds * 5 {
					annoy(t, b, viewers)
					runAll(t, encoders, 6*frameTime)
				}
				n := encoders[0].asked.Load() - before
				t.Logf("%d keyframes in a minute", n)
				if most := int32(8 + seconds/2 + 1); n > most || n < seconds/4 {
					t.Errorf("the publisher was asked for %d keyframes in a minute, want %d to %d", n, seconds/4, most)
				}
			})
		})
	}
}

// What a viewer's requests make us answer is bounded too: a request of a few bytes gets
// a compound packet of some hundred.
func TestAnswersToBitRateRequestsAreBounded(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		v, s := watch(t, b, nil)
		cam.run(time.Second)
		s.set(func(s *sink) { s.reports = nil })
		entry := []byte(*tmmbr(videoSSRC, 5_000_000).(*rtcp.RawPacket))
		packet := append([]byte(nil), entry...)
		for len(packet)+8 < 1200 {
			packet = append(packet, entry[12:]...)
		}
		packet[2], packet[3] = byte((len(packet)/4-1)>>8), byte(len(packet)/4-1)
		request := rtcp.RawPacket(packet)
		const seconds = 8
		for range seconds * 100 {
			v.HandleRTCP([]rtcp.Packet{&request})
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		told := 0
		for _, r := range s.reports {
			if _, ok := r.(*rtcp.RawPacket); ok {
				told++
			}
		}
		if most := 8 + 4*seconds; told > most || told == 0 {
			t.Errorf("%d answers to %d entries of %d requests, want 1 to %d", told, (len(packet)-12)/8, seconds*100, most)
		}
	})
}

// Who is gone is sent nothing, whatever of its feedback is still on its way.
func TestFeedbackAfterTheEndIsNothing(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		v, s := watch(t, b, nil)
		cam.run(time.Second)
		v.Close(nil)
		s.take()
		s.set(func(s *sink) { s.reports = nil })
		v.HandleRTCP([]rtcp.Packet{
			tmmbr(videoSSRC, 1_000_000), &rtcp.PictureLossIndication{MediaSSRC: videoSSRC},
			&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: []rtcp.NackPair{{PacketID: 1, LostPackets: 0xffff}}},
		})
		synctest.Wait()
		if n := len(s.reports) + len(s.take()); n != 0 || cam.requests() != 0 {
			t.Errorf("%d packets were sent after the end, %d keyframes asked for", n, cam.requests())
		}
	})
}
