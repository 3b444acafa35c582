package whip_test

import (
	"path"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/peer"
	"porthole/internal/servertest"
)

// A publisher whose encoder starts again goes on under another SSRC, with numbers and
// timestamps of its own. Viewers get one stream without a gap.
func TestEncoderStartsAgain(t *testing.T) {
	for name, announced := range map[string]bool{"announced SSRC": true, "unannounced SSRC": false} {
		t.Run(name, func(t *testing.T) {
			s := servertest.Start(t, servertest.Config{})
			c := servertest.NewPublisher(t, vp8)
			offer := c.Offer()
			if !announced {
				offer = without(offer, "a=ssrc")
			}
			c.Accept(s.Post("/whip/cam", offer))
			publish(t, s, c)
			viewer := servertest.NewViewer(t, vp8)
			viewer.Join(s, "/whep/cam")
			stop := servertest.Steadily(t, func(seq uint16) { c.Send(vp8, seq) })
			tape := viewer.Record()
			tape.Holes(t, 0, 50)
			for i := range uint32(3) {
				again := func(h *rtp.Header) {
					h.SSRC = 0x1000 + i%2 // and back to the first
					h.SequenceNumber += uint16(i+1) * 20_011
					h.Timestamp += (i + 1) << 29
				}
				before := tape.Len()
				c.Rewrite.Store(&again)
				if holes, missing := tape.Holes(t, before, 100); holes > 0 {
					t.Errorf("the change has %d holes of %d packets", holes, missing)
				}
			}
			stop()
			if info := stream(s); !info.Live || len(info.Tracks) != 1 {
				t.Errorf("the stream is %+v", info)
			}
		})
	}
}

// The publisher's payloader has another number than its offer (GStreamer's pt= and the
// payload= of its caps). Who asks why there is no picture is told both numbers.
func TestPayloadTypeThatWasNotAgreed(t *testing.T) {
	s := servertest.Start(t, servertest.Config{Timeouts: peer.Timeouts{FirstMedia: 2 * time.Second}})
	c := servertest.NewPublisher(t, vp8)
	other := func(h *rtp.Header) { h.PayloadType = 97 }
	c.Rewrite.Store(&other)
	session := "/api/sessions/" + path.Base(c.Join(s, "/whip/cam"))
	servertest.Wait(t, "the publisher's connection", c.Connected)
	stop := servertest.Steadily(t, func(seq uint16) { c.Send(vp8, seq) })
	for _, when := range []string{`"state":"connected"`, `"state":"closed"`} { // now, and after its end
		servertest.Until(t, when+" with its diagnosis", func() bool {
			body := s.Do("GET", session+"/diagnosis", "").Body
			return strings.Contains(body, when) && strings.Contains(body, `"code":"wrong_payload_type"`) &&
				strings.Contains(body, "the publisher sends payload type 97") && strings.Contains(body, "the answer agreed on 96 (VP8)")
		})
	}
	stop()
	if body := s.Do("GET", session, "").Body; !strings.Contains(body, `"unexpectedPayload":{"payloadType":97,"packets":`) {
		t.Errorf("the session says %s", body)
	}
}
