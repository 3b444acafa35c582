package whep_test

import (
	"mime"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"porthole/internal/servertest"
)

// counterOffer asks for an offer, with a body or without, and checks its form.
func counterOffer(t *testing.T, s *servertest.Server, body string) servertest.Reply {
	t.Helper()
	r := s.Do("POST", "/whep/cam", body, "Content-Type", "application/sdp", "Prefer", "counter-offer")
	if r.Status != 406 || r.Header.Get("Location") == "" || r.Header.Get("ETag") == "" || r.Header.Get("Link") != "" {
		t.Fatalf("status %d, headers %v: %s", r.Status, r.Header, r.Body)
	}
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/sdp" {
		t.Errorf("Content-Type %q", r.Header.Get("Content-Type"))
	}
	until, err := http.ParseTime(parameters["valid-until"])
	if left := time.Until(until); err != nil || left < 10*time.Second || left > 31*time.Second {
		t.Errorf("valid-until %q, %v left: %v", parameters["valid-until"], left, err)
	}
	if !strings.HasPrefix(r.Body, "v=0\r\n") || !strings.Contains(r.Body, "a=setup:actpass\r\n") ||
		!strings.Contains(r.Body, "a=candidate:") || !strings.Contains(r.Body, "a=end-of-candidates\r\n") ||
		strings.Count(r.Body, "a=sendonly\r\n") != strings.Count(r.Body, "m=") {
		t.Errorf("offer:\n%s", r.Body)
	}
	return r
}

// patchAnswer sends an answer without If-Match, as GStreamer does.
func patchAnswer(s *servertest.Server, session, answer string) servertest.Reply {
	return s.Do("PATCH", session, answer, "Content-Type", "application/sdp")
}

// WHEP-03, WHEP-04: with the roles swapped, everything else is as usual: candidates
// one by one, ICE restarts, events.
func TestCounterOffer(t *testing.T) {
	for name, post := range map[string]func(t *testing.T, s *servertest.Server) servertest.Reply{
		"without a body": func(t *testing.T, s *servertest.Server) servertest.Reply { return counterOffer(t, s, "") },
		"with an offer": func(t *testing.T, s *servertest.Server) servertest.Reply {
			return counterOffer(t, s, servertest.NewViewer(t, vp8, opus).Offer())
		},
		"by the URL": func(t *testing.T, s *servertest.Server) servertest.Reply {
			r := s.Do("POST", "/whep/cam?counter-offer", "")
			if r.Status != 406 || strings.Contains(r.Header.Get("Location"), "?") {
				t.Fatalf("status %d, Location %q: %s", r.Status, r.Header.Get("Location"), r.Body)
			}
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.Start(t, servertest.Config{})
			src := publish(t, s, vp8, opus)
			r := post(t, s)
			session := r.Header.Get("Location")
			c := servertest.NewReceiver(t, vp8, opus)
			if r := patchAnswer(s, session, c.AnswerTo(r.Body)); r.Status != 204 || r.Body != "" {
				t.Fatalf("PATCH: status %d: %s", r.Status, r.Body)
			}
			receive(t, src, c, vp8, opus)
			if r := patchAnswer(s, session, c.LocalDescription().SDP); r.Status != 422 {
				t.Errorf("a second answer: status %d", r.Status)
			}
			trickle := servertest.FragmentOf(c.LocalDescription().SDP)
			if r := s.Do("PATCH", session, trickle, "Content-Type", "application/trickle-ice-sdpfrag", "If-Match", r.Header.Get("ETag")); r.Status != 204 {
				t.Errorf("trickle: status %d: %s", r.Status, r.Body)
			}
			if r := s.Do("DELETE", session, ""); r.Status != 200 {
				t.Errorf("DELETE: status %d", r.Status)
			}
			servertest.Wait(t, "the goodbye", c.Ended)
			free(t, s)
		})
	}
}

// A client that has no use for one of the tracks gets the other.
func TestCounterOfferTakenInPart(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	src := publish(t, s, vp8, pcmu)
	r := counterOffer(t, s, "")
	c := servertest.NewReceiver(t, vp8)
	if r := patchAnswer(s, r.Header.Get("Location"), c.AnswerTo(r.Body)); r.Status != 204 {
		t.Fatalf("PATCH: status %d: %s", r.Status, r.Body)
	}
	receive(t, src, c, vp8)
}

// WHEP-04: a bad answer ends nothing, and the right one may follow.
func TestBadAnswers(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	src := publish(t, s, vp8)
	r := counterOffer(t, s, "")
	session, etag := r.Header.Get("Location"), r.Header.Get("ETag")
	c := servertest.NewReceiver(t, vp8)
	answer := c.AnswerTo(r.Body)
	for name, tt := range map[string]struct {
		body string
		want int
	}{
		"garbage":              {"v=0\r\nhello", 400},
		"empty":                {"", 400},
		"the offer itself":     {r.Body, 422},
		"no choice of a role":  {strings.ReplaceAll(answer, "a=setup:active", "a=setup:actpass"), 400},
		"no fingerprint":       {without(answer, "a=fingerprint"), 400},
		"another section":      {strings.ReplaceAll(strings.ReplaceAll(answer, "a=mid:0", "a=mid:7"), "BUNDLE 0", "BUNDLE 7"), 400},
		"another codec":        {strings.ReplaceAll(answer, "VP8/90000", "H265/90000"), 422},
		"everything rejected":  {strings.ReplaceAll(answer, "m=video 9", "m=video 0"), 422},
		"one section too many": {answer + section(answer), 400},
	} {
		if r := patchAnswer(s, session, tt.body); r.Status != tt.want {
			t.Errorf("%s: status %d, want %d: %s", name, r.Status, tt.want, r.Body)
		}
	}
	fragment := servertest.FragmentOf(answer)
	if r := s.Do("PATCH", session, fragment, "Content-Type", "application/trickle-ice-sdpfrag", "If-Match", etag); r.Status != 422 {
		t.Errorf("candidates before the answer: status %d: %s", r.Status, r.Body)
	}
	if r := s.Do("PATCH", session, answer, "Content-Type", "application/sdp", "If-Match", `"other"`); r.Status != 412 {
		t.Errorf("another tag: status %d", r.Status)
	}
	if r := patchAnswer(s, session, answer); r.Status != 204 {
		t.Fatalf("the right one: status %d: %s", r.Status, r.Body)
	}
	receive(t, src, c, vp8)
}

// section returns a copy of the last section of a description, with another mid.
func section(sdp string) string {
	return strings.ReplaceAll(sdp[strings.LastIndex(sdp, "m="):], "a=mid:0", "a=mid:1")
}

// without removes the lines that begin with prefix.
func without(sdp, prefix string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, prefix) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// WHEP-02, HTTP-23: nobody gets a counter-offer who did not ask for one, and what it
// asks for has to be there.
func TestNoCounterOffer(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	if r := s.Do("POST", "/whep/cam", "", "Prefer", "counter-offer"); r.Status != 409 || r.Header.Get("Retry-After") == "" {
		t.Errorf("nobody publishes: status %d: %s", r.Status, r.Body)
	}
	publish(t, s, vp9)
	offer := servertest.NewViewer(t, vp9).Offer()
	r := s.Do("POST", "/whep/cam", offer, "Content-Type", "application/sdp", "Accept", "text/html", "Prefer", "return=minimal")
	if r.Status != 201 {
		t.Errorf("another preference: status %d: %s", r.Status, r.Body)
	}
	other := servertest.NewViewer(t, vp8).Offer()
	if r := s.Do("POST", "/whep/cam", other, "Content-Type", "application/sdp", "Prefer", "counter-offer"); r.Status != 422 {
		t.Errorf("another codec: status %d: %s", r.Status, r.Body)
	}
	if r := s.Do("POST", "/whip/other", offer, "Content-Type", "application/sdp", "Prefer", "counter-offer"); r.Status != 422 {
		t.Errorf("WHIP: status %d: %s", r.Status, r.Body)
	}
	// A session that the client has offered for cannot be answered by it.
	if r := patchAnswer(s, r.Header.Get("Location"), offer); r.Status != 422 {
		t.Errorf("an answer to nothing: status %d", r.Status)
	}
	if n := s.Table.Len(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// Every codec that is relayed can be offered.
func TestCounterOfferOfEachCodec(t *testing.T) {
	for _, mime := range []string{vp8, vp9, webrtc.MimeTypeH264, opus, pcmu} {
		t.Run(mime, func(t *testing.T) {
			s := servertest.Start(t, servertest.Config{})
			src := publish(t, s, mime)
			r := counterOffer(t, s, "")
			c := servertest.NewReceiver(t, mime)
			if r := patchAnswer(s, r.Header.Get("Location"), c.AnswerTo(r.Body)); r.Status != 204 {
				t.Fatalf("PATCH: status %d: %s", r.Status, r.Body)
			}
			receive(t, src, c, mime)
		})
	}
}
