package broadcast_test

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/ntp"
)

func TestLostPacketsAreSentAgain(t *testing.T) {
	for _, rtx := range []bool{false, true} {
		bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
			cam := publish(t, b, 30)
			cam.picture()
			v, s := watch(t, b, func(c *broadcast.ViewerConfig) {
				if rtx {
					c.Video.RTXSSRC, c.Video.RTXPayloadType = rtxSSRC, 103
				}
			})
			cam.run(time.Second)
			sent := s.take()
			lost := sent[len(sent)-10]
			nack := &rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{lost.SequenceNumber, lost.SequenceNumber + 999})}
			v.HandleRTCP([]rtcp.Packet{nack})
			synctest.Wait()
			v.HandleRTCP([]rtcp.Packet{nack}) // an impatient viewer gets it once
			synctest.Wait()
			got := s.take()
			if len(got) != 1 {
				t.Fatalf("rtx %v: %d packets for a NACK of one that exists", rtx, len(got))
			}
			p := got[0]
			if p.Timestamp != lost.Timestamp || p.Marker != lost.Marker {
				t.Errorf("rtx %v: header differs: %+v", rtx, p.Header)
			}
			want := lost.payload
			if rtx {
				want = string(binary.BigEndian.AppendUint16(nil, lost.SequenceNumber)) + want
				if p.SSRC != rtxSSRC || p.PayloadType != 103 {
					t.Errorf("RTX came as SSRC %x, payload type %d", p.SSRC, p.PayloadType)
				}
			} else if p.SequenceNumber != lost.SequenceNumber || p.SSRC != videoSSRC {
				t.Errorf("sent again as %d on %x", p.SequenceNumber, p.SSRC)
			}
			if p.payload != want {
				t.Errorf("rtx %v: payload %q, want %q", rtx, p.payload, want)
			}
			if n := v.Stats().Resent; n != 1 {
				t.Errorf("counted %d", n)
			}
		})
	}
}

func TestSenderReportsKeepTracksInStep(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Audio, codec.Video}})
		if err != nil {
			t.Fatal(err)
		}
		video, _ := p.AddLayer(broadcast.LayerConfig{Codec: h264})
		audio, _ := p.AddLayer(broadcast.LayerConfig{Codec: opus})
		// The publisher's clock is years off, and its audio is captured 100 ms
		// before the picture with the same arrival time.
		off := -3 * 365 * 24 * time.Hour
		write := func(i int) {
			now := time.Now().Add(off)
			_ = video.WriteRTP(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i * 1800), Marker: true}, Payload: []byte("\x65")})
			_ = audio.WriteRTP(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i * 960), Marker: true}, Payload: []byte("a")})
			video.SenderReport(now, uint32(i*1800))
			audio.SenderReport(now.Add(-100*time.Millisecond), uint32(i*960))
			time.Sleep(20 * time.Millisecond)
		}
		write(0)
		_, s := watch(t, b, nil)
		for i := 1; i < 200; i++ {
			write(i)
		}
		last := map[uint32]*rtcp.SenderReport{}
		names := map[string]bool{}
		for _, r := range s.reports {
			switch r := r.(type) {
			case *rtcp.SenderReport:
				last[r.SSRC] = r
			case *rtcp.SourceDescription:
				names[r.Chunks[0].Items[0].Text] = true
			}
		}
		v, a := last[videoSSRC], last[audioSSRC]
		if v == nil || a == nil {
			t.Fatal("a track got no sender report")
		}
		if len(names) != 1 || !names["porthole"] {
			t.Errorf("CNAMEs: %v", names)
		}
		// Of a video and an audio packet that were written together, the audio's
		// sample is 100 ms older by the reports.
		packets := s.take()
		capture := func(r *rtcp.SenderReport, rate float64) float64 {
			for i := len(packets) - 1; ; i-- {
				if p := packets[i]; p.SSRC == r.SSRC {
					return float64(r.NTPTime)/(1<<32) + float64(int32(p.Timestamp-r.RTPTime))/rate
				}
			}
		}
		if lag := capture(v, 90_000) - capture(a, 48_000); lag < 0.095 || lag > 0.105 {
			t.Errorf("audio is %.0f ms older than the picture by the reports, want 100", lag*1000)
		}
		for _, r := range last {
			sent := ntp.Time(r.NTPTime)
			if d := time.Since(sent).Abs(); d > 3*time.Second {
				t.Errorf("the report's clock is %v off ours", d)
			}
		}
	})
}

func TestRoundTripAndLossAreKnownFromReports(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		v, s := watch(t, b, nil)
		cam.run(100 * time.Millisecond)
		sr, ok := s.reports[0].(*rtcp.SenderReport)
		if !ok {
			t.Fatalf("first report is %T", s.reports[0])
		}
		time.Sleep(150 * time.Millisecond) // of which the viewer held it for 100
		const elapsed = 250 * time.Millisecond
		v.HandleRTCP([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{
			SSRC: videoSSRC, FractionLost: 64, LastSenderReport: uint32(sr.NTPTime >> 16), Delay: 65536 / 10,
		}}}})
		stats := v.Stats()
		if want := elapsed - 100*time.Millisecond; (stats.RTT - want).Abs() > time.Millisecond {
			t.Errorf("round trip %v, want %v", stats.RTT, want)
		}
		if stats.FractionLost != 0.25 {
			t.Errorf("loss %v, want a quarter", stats.FractionLost)
		}
	})
}

func TestViewerIsToldWhenItEnds(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		v, s := watch(t, b, nil)
		cam.run(100 * time.Millisecond)
		v.Close(nil)
		v.Close(nil)
		var goodbyes []*rtcp.Goodbye
		for _, r := range s.reports {
			if bye, ok := r.(*rtcp.Goodbye); ok {
				goodbyes = append(goodbyes, bye)
			}
		}
		if len(goodbyes) != 1 || len(goodbyes[0].Sources) != 1 || goodbyes[0].Sources[0] != videoSSRC {
			t.Errorf("got %v, want one goodbye for the track that was sent", goodbyes)
		}
	})
}

func TestViewerWhoseNetworkIsHopelessIsEnded(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		v, _ := watch(t, b, nil)
		for range 20 { // reports that nothing ever arrived
			cam.run(time.Second)
			v.HandleRTCP([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: videoSSRC, FractionLost: 255}}}})
		}
		wantEnd(t, v, broadcast.ErrNothingArrives)
	})
}
