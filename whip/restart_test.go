package whip_test

import (
	"testing"

	"porthole/internal/servertest"
)

// ICE-05, ICE-06: a publisher changes its network while it sends. Its stream, its
// tracks and its viewers stay. One client announces its SSRC, as most do, the other
// leaves it out, as Firefox and GStreamer may.
func TestRestart(t *testing.T) {
	for name, announced := range map[string]bool{"announced SSRC": true, "unannounced SSRC": false} {
		t.Run(name, func(t *testing.T) {
			s := servertest.Start(t, servertest.Config{})
			c := servertest.NewPublisher(t, vp8)
			offer := c.Offer()
			if !announced {
				offer = without(offer, "a=ssrc")
			}
			r := s.Post("/whip/cam", offer)
			session, etag := c.Accept(r), r.Header.Get("ETag")
			publish(t, s, c)
			viewer := servertest.NewViewer(t, vp8)
			viewer.Join(s, "/whep/cam")
			stop := servertest.Steadily(t, func(seq uint16) { c.Send(vp8, seq) })
			tape := viewer.Record()
			steady := func() {
				t.Helper()
				if holes, missing := tape.Holes(t, tape.Len(), 50); holes > 0 {
					t.Errorf("%d holes of %d packets while nothing changed", holes, missing)
				}
			}
			steady()
			for range 2 {
				before := tape.Len()
				r := c.RestartICE(s, session)
				if tag := r.Header.Get("ETag"); tag == "" || tag == etag {
					t.Errorf("ETag %q after %q", tag, etag)
				}
				etag = r.Header.Get("ETag")
				holes, missing := tape.Holes(t, before, 50)
				t.Logf("the switch cost %d packets", missing)
				if holes > 1 {
					t.Errorf("the switch has %d holes of %d packets", holes, missing)
				}
				steady()
			}
			stop()
			if info := stream(s); !info.Live || len(info.Tracks) != 1 {
				t.Errorf("the stream is %+v", info)
			}
			if r := s.Do("DELETE", session, ""); r.Status != 200 {
				t.Errorf("DELETE: status %d", r.Status)
			}
			servertest.Wait(t, "the goodbye", c.Ended)
		})
	}
}
