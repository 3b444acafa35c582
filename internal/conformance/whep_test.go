package conformance_test

import (
	"mime"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// WHEP-01: a viewer receives; the answer sends.
func TestWHEP01Direction(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	for direction, want := range map[string]int{"recvonly": 201, "sendrecv": 201, "sendonly": 422, "inactive": 422} {
		r := s.post("/whep/row", whepOffer(t, "a=recvonly", "a="+direction))
		if r.is(want) && want == 201 {
			parse(r.body).each(t, "a=sendonly")
			s.delete(r.session())
		}
	}
}

// WHEP-02: who does not ask for a counter-offer gets an answer, whatever it accepts.
func TestWHEP02Answer(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	for _, accept := range []string{"", "*/*", "application/sdp", "text/html"} {
		s.delete(s.created("/whep/row", whepOffer(t), "Accept", accept).session())
	}
}

// WHEP-05: nobody publishes: 409, and when to ask again.
func TestWHEP05NoPublisher(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.post("/whep/nobody", whepOffer(t))
	r.is(http.StatusConflict)
	r.retries()
	p := publish(t, s, "row", role{})
	s.delete(p.session)
	s.post("/whep/row", whepOffer(t)).is(http.StatusConflict)
}

// WHEP-06: HEAD tells what GET tells, and that this is a place for SDP.
func TestWHEP06Head(t *testing.T) {
	t.Parallel()
	s := start(t)
	head, get := s.do(http.MethodHead, "/whep/row", ""), s.do(http.MethodGet, "/whep/row", "")
	head.is(http.StatusOK)
	head.has("Content-Type", typeSDP)
	head.empty()
	for name := range get.header {
		if name != "Date" {
			head.has(name, get.header.Get(name))
		}
	}
	if len(head.header) != len(get.header) {
		t.Errorf("HEAD has %v, GET %v", head.header, get.header)
	}
}

// WHEP-07: all tracks are one MediaStream.
func TestWHEP07OneStream(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	streams := make(map[string]bool)
	d := parse(s.created("/whep/row", whepOffer(t)).body)
	for _, section := range d.sections {
		msids := values(section, "msid")
		if len(msids) != 1 {
			t.Fatalf("%d a=msid in:\n%s", len(msids), strings.Join(section, "\n"))
		}
		id, _, _ := strings.Cut(msids[0], " ")
		streams[id] = true
	}
	if len(streams) != 1 || streams["-"] {
		t.Errorf("the streams of %d sections are %v", len(d.sections), streams)
	}
}

// WHEP-08: a kind that the stream does not have costs nothing but its section.
func TestWHEP08OneKindOnly(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]codec{"video": vp8, "audio": opus} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			publish(t, s, "row", role{codecs: []codec{c}})
			both := []codec{opus, vp8}
			if kind == "audio" { // so that the section of the transport is the empty one in either case
				both = []codec{vp8, opus}
			}
			watchStream(t, s, "row", role{codecs: both}).plays(kind)
		})
	}
}

// WHEP-08: sound that the publisher begins with after a viewer has come is heard, and
// so is that of a publisher who comes after a silent fallback.
func TestWHEP08LateSound(t *testing.T) {
	t.Parallel()
	t.Run("of the publisher", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		p := newPublisher(t, s, role{codecs: []codec{vp8, opus}}).join("/whip/row", role{}).up()
		p.sending["video"].start(time.Now())
		until(t, patience, "the stream to be live", func() bool { return s.stream("row").Live })
		v := watchStream(t, s, "row", role{}).plays("video")
		parse(v.reply.body).each(t, "a=sendonly")
		p.sending["audio"].start(time.Now())
		v.plays("audio", "video")
	})
	t.Run("after a fallback", func(t *testing.T) {
		t.Parallel()
		s := start(t, "--fallback", "slate")
		publish(t, s, "slate", role{codecs: []codec{vp8}})
		v := watchStream(t, s, "row", role{}).plays("video")
		publish(t, s, "row", role{})
		v.plays("audio", "video")
	})
}

// WHEP-08: a picture that comes after a viewer ends the session, and the next one has it.
func TestWHEP08LatePicture(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := newPublisher(t, s, role{codecs: []codec{vp8, opus}}).join("/whip/row", role{}).up()
	p.sending["audio"].start(time.Now())
	until(t, patience, "the stream to be live", func() bool { return s.stream("row").Live })
	v := watchStream(t, s, "row", role{}).plays("audio")
	sound := watchStream(t, s, "row", role{codecs: []codec{opus}}).plays("audio")
	p.sending["video"].start(time.Now())
	wait(t, patience, "the goodbye", v.ended)
	v.gone(patience)
	watchStream(t, s, "row", role{}).plays("audio", "video")
	sound.plays("audio") // who did not offer to take a picture stays
}

// WHEP-09: a stream that a viewer cannot decode is 422, and the text says why.
func TestWHEP09NoCommonCodec(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{codecs: []codec{vp9, opus}})
	r := s.post("/whep/row", whepOffer(t))
	r.is(422, 400)
	if detail := r.problem(); !strings.Contains(detail, "VP9") || !strings.Contains(detail, "VP8") {
		t.Errorf("the refusal does not name what is sent and what was offered: %s", detail)
	}
	if n := s.stream("row").Viewers; n != 0 {
		t.Errorf("%d viewers are left", n)
	}
}

// WHEP-10: ICE, consent and the end of DTLS as for publishers.
func TestWHEP10Transport(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	v := watchStream(t, s, "row", role{}).plays("video")
	d := parse(v.reply.body)
	d.wants(t, "a=end-of-candidates")
	if len(values(d.sections[0], "candidate")) == 0 {
		t.Errorf("no candidates in:\n%s", d.text)
	}
	v.leave()
	v.gone(patience)
	until(t, patience, "the viewer's place to be free", func() bool { return s.stream("row").Viewers == 0 })
}

// WHEP-13: nothing of a 201 is needed but its body and Location, and whatever it
// links to has a name of WHEP's.
func TestWHEP13NothingRequired(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	v := watchStream(t, s, "row", role{}).plays("video", "audio") // a pion client knows no links
	for _, link := range v.reply.header.Values("Link") {
		if !strings.Contains(link, `rel="urn:ietf:params:whep:ext:`) && !strings.Contains(link, `rel="ice-server"`) &&
			!strings.Contains(link, "rel=urn:ietf:params:whep:ext:") {
			t.Errorf("Link: %s", link)
		}
	}
	if v.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
		t.Errorf("the connection is %v", v.pc.ConnectionState())
	}
}

// preferOffer asks the server to offer.
var preferOffer = []string{"Prefer", "counter-offer"}

// answerTo takes an offer of the server's and returns the complete answer.
func (p *peer) answerTo(offer string) string {
	p.t.Helper()
	err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer})
	if err != nil {
		p.t.Fatalf("the client refuses the offer: %v\n%s", err, offer)
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		p.t.Fatal(err)
	}
	wait(p.t, patience, "the client's own candidates", gathered)
	return p.pc.LocalDescription().SDP
}

// patchAnswer sends an answer as GStreamer does, without If-Match.
func (s *server) patchAnswer(session, answer string) reply {
	s.t.Helper()
	return s.do(http.MethodPatch, session, answer, "Content-Type", typeSDP)
}

// WHEP-03: a counter-offer, and its end when nobody answers it.
func TestWHEP03CounterOffer(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	r := s.post("/whep/row", whepOffer(t), preferOffer...)
	r.mustBe(http.StatusNotAcceptable)
	mediaType, parameters, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil || mediaType != typeSDP {
		t.Errorf("Content-Type is %q", r.header.Get("Content-Type"))
	}
	expires, err := http.ParseTime(parameters["valid-until"])
	if left := time.Until(expires); err != nil || left < 5*time.Second || left > 31*time.Second {
		t.Errorf("valid-until is %q, %v from now", parameters["valid-until"], left)
	}
	d := parse(r.body)
	d.each(t, "a=sendonly")
	d.each(t, "a=setup:actpass")
	d.wants(t, "a=end-of-candidates")
	if len(d.sections) != 2 || !strings.HasPrefix(r.body, "v=0\r\n") {
		t.Errorf("the offer is\n%s", r.body)
	}

	late := newPeer(t, s, role{codecs: []codec{vp8, opus}}).answerTo(r.body)
	s.do(http.MethodGet, r.session(), "").is(http.StatusOK)
	until(t, time.Until(expires)+patience, "the offer to expire", func() bool {
		return s.do(http.MethodGet, r.session(), "").status == http.StatusNotFound
	})
	if early := time.Until(expires); early > 2*time.Second { // whole seconds, and a busy machine
		t.Errorf("the offer was gone %v before it expired", early)
	}
	s.patchAnswer(r.session(), late).is(http.StatusNotFound, http.StatusGone)
	until(t, patience, "the viewer's place to be free", func() bool { return s.stream("row").Viewers == 0 })
}

// WHEP-04: the answer to a counter-offer.
func TestWHEP04AnswerToCounterOffer(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	r := s.post("/whep/row", whepOffer(t), preferOffer...)
	r.mustBe(http.StatusNotAcceptable)
	v := newPeer(t, s, role{codecs: []codec{vp8, opus}})
	answer := v.answerTo(r.body)
	for _, bad := range []string{"hello", "", strings.ReplaceAll(answer, "a=mid:", "a=x-mid:"), r.body} {
		s.patchAnswer(r.session(), bad).is(http.StatusBadRequest, http.StatusUnprocessableEntity)
	}
	good := s.patchAnswer(r.session(), answer)
	good.is(http.StatusNoContent)
	good.empty()
	v.up().plays("video", "audio")
	s.patchAnswer(r.session(), answer).is(http.StatusUnprocessableEntity)
	v.plays("video")
	s.delete(r.session())
	wait(t, patience, "the goodbye", v.ended)
}
