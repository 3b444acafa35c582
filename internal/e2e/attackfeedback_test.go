//go:build e2e && linux

package e2e_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// feedbackAttacks are those of a viewer that is connected and sends RTCP, a packet each
// millisecond.
func feedbackAttacks() []attack {
	return []attack{
		{"NACKs", byFeedback(func(i int, media uint32, newest uint16) rtcp.Packet {
			return &rtcp.TransportLayerNack{MediaSSRC: media, Nacks: []rtcp.NackPair{{PacketID: newest - uint16(i%100) - 17, LostPackets: 0xffff}}}
		}), map[string]int{"sent": 2000, "nacks": 100, "resent": 20}},
		{"PLIs", byFeedback(func(_ int, media uint32, _ uint16) rtcp.Packet {
			return &rtcp.PictureLossIndication{MediaSSRC: media}
		}), map[string]int{"sent": 2000, "plis": 100}},
		{"SDES", byFeedback(func(i int, _ uint32, _ uint16) rtcp.Packet {
			description := &rtcp.SourceDescription{}
			for j := range 31 {
				description.Chunks = append(description.Chunks, rtcp.SourceDescriptionChunk{
					Source: uint32(i*31 + j), Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "somebody else each time"}},
				})
			}
			return description
		}), map[string]int{"sent": 2000}},
		{"TMMBRs", byFeedback(func(i int, media uint32, _ uint16) rtcp.Packet { return tmmbr(media, uint32(i)) }), map[string]int{"sent": 2000}},
		{"reports of new sources", byFeedback(func(i int, media uint32, _ uint16) rtcp.Packet {
			return &rtcp.ReceiverReport{SSRC: uint32(1_000_000 + i), Reports: []rtcp.ReceptionReport{{SSRC: media}}}
		}), map[string]int{"sent": 2000, "sources dropped": 100}},
	}
}

// byFeedback connects a viewer and makes an attack of what it sends. next makes a packet
// about the source of the pictures, of which newest is the sequence number.
func byFeedback(next func(i int, media uint32, newest uint16) rtcp.Packet) func(testing.TB, *server) func(context.Context, *tallies) {
	return func(t testing.TB, s *server) func(context.Context, *tallies) {
		const dropped = "porthole_feedback_sources_dropped_total"
		v, err := newViewer(s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = v.close() })
		v.client = clientFrom(t, net.IPv4(127, 0, 0, 2))
		if err := v.signal("/whep/webcam"); err != nil {
			t.Fatalf("connect the attacker: %v", err)
		}
		v.waitPlaying(t)
		before := s.metric(t, dropped)
		return func(ctx context.Context, answers *tallies) {
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-ctx.Done():
					answers.add("sources dropped", int(s.metric(t, dropped)-before))
					addHeard(t, s, v, answers)
					_ = v.delete()
					return
				case <-tick.C:
				}
				packet := next(i, v.video.source(), v.video.newest())
				if err := v.pc.WriteRTCP([]rtcp.Packet{packet}); err == nil {
					answers.add("sent", 1)
				}
			}
		}
	}
}

// addHeard notes what the server says that it heard of a viewer.
func addHeard(t testing.TB, s *server, v *viewer, answers *tallies) {
	t.Helper()
	var session struct {
		Viewer struct{ NACKs, PLIs, Resent int }
	}
	r := s.call(t, http.MethodGet, "/api/sessions/"+idOf(t, v.resource), "")
	if err := json.Unmarshal([]byte(r.body), &session); err != nil {
		t.Errorf("read the attacker's session: %v in %s", err, r.body)
	}
	answers.add("nacks", session.Viewer.NACKs)
	answers.add("plis", session.Viewer.PLIs)
	answers.add("resent", session.Viewer.Resent)
}

// tmmbr asks for another bit rate (RFC 5104 section 4.2.1), which grows with i.
func tmmbr(media, i uint32) rtcp.Packet {
	const transportFeedback, wish = 205, 3
	packet := []byte{0x80 | wish, transportFeedback, 0, 4}
	for _, word := range []uint32{1, 0, media, 10<<26 | (1000+i%1000)<<9} { // whose wish it is; exponent and mantissa last
		packet = append(packet, byte(word>>24), byte(word>>16), byte(word>>8), byte(word))
	}
	raw := rtcp.RawPacket(packet)
	return &raw
}
