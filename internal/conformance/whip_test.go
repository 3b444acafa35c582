package conformance_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// WHIP-01: a publisher sends; the answer receives. Nothing but inactive sections
// is no stream.
func TestWHIP01Direction(t *testing.T) {
	t.Parallel()
	s := start(t)
	for direction, want := range map[string]int{"sendonly": 201, "sendrecv": 201, "recvonly": 422, "inactive": 422} {
		r := s.post("/whip/row", whipOffer(t, "a=sendonly", "a="+direction))
		if r.is(want) && want == 201 {
			parse(r.body).each(t, "a=recvonly")
			s.delete(r.session())
		}
	}
	s.post("/whip/row", strings.Replace(whipOffer(t), "a=sendonly", "a=recvonly", 1)).is(422) // one of two
	if n := s.sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// WHIP-02: one stream of at most one audio and one video track, which the client may
// have put into two MediaStreams.
func TestWHIP02OneStream(t *testing.T) {
	t.Parallel()
	s := start(t)
	offer := whipOffer(t)
	second := strings.Replace(offer, "BUNDLE 0 1", "BUNDLE 0 1 2", 1) +
		strings.NewReplacer("a=mid:1", "a=mid:2", " 96\r\n", " 97\r\n", "rtpmap:96", "rtpmap:97", "stream video", "stream video2").
			Replace(offer[strings.Index(offer, "m=video"):])
	s.post("/whip/row", second).is(422, 400)
	s.delete(s.created("/whip/row", whipOffer(t, "msid:stream video", "msid:other video")).session())
	for _, without := range []string{"audio", "video"} {
		s.delete(s.created("/whip/row", withoutSection(offer, without)).session())
	}
}

// WHIP-03: a missing msid, and "-", are tolerated.
func TestWHIP03Msid(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.delete(s.created("/whip/row", whipOffer(t, "a=msid:stream audio\n", "", "a=msid:stream video\n", "")).session())
	s.delete(s.created("/whip/row", whipOffer(t, "msid:stream", "msid:-")).session())
	s.delete(s.created("/whip/row", whipOffer(t, "a=msid:stream audio\n", "")).session())
}

// WHIP-04: all of an offer or none of it.
func TestWHIP04NoPartialSuccess(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.post("/whip/row", whipOffer(t, "VP8/90000", "XYZ/90000"))
	r.is(422, 400)
	if detail := r.problem(); !strings.Contains(detail, "XYZ") {
		t.Errorf("the refusal does not name the codec: %s", detail)
	}
	s.post("/whip/row", whipOffer(t, "opus/48000/2", "speex/16000")).is(422, 400)
	if s.sessions() != 0 || s.stream("row").Live {
		t.Error("something is left")
	}
}

// WHIP-05: every DTLS role is answered by the other one, and works.
func TestWHIP05DTLSRole(t *testing.T) {
	t.Parallel()
	s := start(t)
	setup := regexp.MustCompile(`a=setup:actpass`)
	for offered, want := range map[string][]string{"actpass": {"active", "passive"}, "active": {"passive"}, "passive": {"active"}} {
		t.Run(offered, func(t *testing.T) {
			p := publish(t, s, "row-"+offered, role{offer: func(sdp string) string {
				return setup.ReplaceAllString(sdp, "a=setup:"+offered)
			}})
			for _, section := range parse(p.reply.body).sections {
				if got := value(section, "setup"); !slices.Contains(want, got) {
					t.Errorf("%s is answered %s", offered, got)
				}
			}
		})
	}
}

// WHIP-06: no renegotiation; the stream goes on.
func TestWHIP06NoRenegotiation(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publish(t, s, "row", role{})
	v := watchStream(t, s, "row", role{}).plays("video")
	r := s.do(http.MethodPatch, p.session, whipOffer(t), "Content-Type", typeSDP, "If-Match", p.reply.header.Get("ETag"))
	r.is(415, 422)
	v.plays("video", "audio")
}

// WHIP-07: simulcast is taken whole.
func TestWHIP07Simulcast(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.created("/whip/obs", fixture(t, "obs-simulcast"))
	parse(r.body).wants(t, "a=rid:0 recv", "a=rid:1 recv", "a=rid:2 recv", "a=simulcast:recv 0;1;2")

	// And with media: a layer reaches a viewer.
	p := newSimulcaster(t, s)
	parse(p.reply.body).wants(t, "a=simulcast:recv q;h;f")
	until(t, patience, "the stream to be live", func() bool { return s.stream("row").Live })
	watchStream(t, s, "row", role{codecs: []codec{vp8}}).plays("video")
}

// WHIP-08: SVC needs no negotiation: VP9 with a scalability mode is plain VP9.
func TestWHIP08SVC(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.created("/whip/row", whipOffer(t, "VP8/90000", "VP9/90000\na=fmtp:96 profile-id=0\na=extmap:5 https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"))
	parse(r.body).wants(t, "a=rtpmap:96 VP9/90000")
	parse(r.body).lacks(t, "a=simulcast", "a=rid")
}

// WHIP-09: a strong, quoted ETag of its own for each session.
func TestWHIP09ETag(t *testing.T) {
	t.Parallel()
	s := start(t)
	form := regexp.MustCompile(`^"[!#-~]{8,}"$`)
	one, other := s.created("/whip/a", whipOffer(t)).header.Get("ETag"), s.created("/whip/b", whipOffer(t)).header.Get("ETag")
	for _, tag := range []string{one, other} {
		if !form.MatchString(tag) {
			t.Errorf("ETag is %s", tag)
		}
	}
	if one == other {
		t.Errorf("two sessions have the ETag %s", one)
	}
}

// WHIP-10: however a publisher ends, its session and its stream's name are free.
func TestWHIP10SessionEnds(t *testing.T) {
	t.Parallel()
	s := start(t)
	t.Run("DELETE", func(t *testing.T) {
		t.Parallel()
		p := publish(t, s, "delete", role{})
		s.delete(p.session)
		s.created("/whip/delete", whipOffer(t)) // at once: OBS does so
	})
	t.Run("goodbye", func(t *testing.T) {
		t.Parallel()
		p := publish(t, s, "goodbye", role{})
		p.leave()
		p.gone(2 * time.Second)
		s.created("/whip/goodbye", whipOffer(t))
	})
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		p := publish(t, s, "killed", role{})
		p.vanish()
		p.gone(35 * time.Second)
		s.created("/whip/killed", whipOffer(t))
	})
}

// WHIP-11: a second publisher is refused, unless it proves to be the first one: then
// it takes over, and the viewers stay.
func TestWHIP11SecondPublisher(t *testing.T) {
	t.Parallel()
	open := start(t)
	publish(t, open, "row", role{})
	r := open.post("/whip/row", whipOffer(t))
	r.is(http.StatusConflict)
	r.retries()

	s := start(t, "--publish-token", "secret")
	token := role{headers: []string{"Authorization", "Bearer secret"}}
	first := publish(t, s, "row", token)
	v := watchStream(t, s, "row", role{}).plays("video")
	s.post("/whip/row", whipOffer(t), "Authorization", "Bearer wrong").is(http.StatusUnauthorized)
	v.plays("video")

	// Who asks and does not come disturbs nobody, and neither does who has nothing to send.
	s.created("/whip/row", whipOffer(t), token.headers...)
	second := role{codecs: []codec{vp8, opus}, headers: token.headers}
	p := newPublisher(t, s, second).join("/whip/row", second).up()
	v.plays("video", "audio")
	s.do(http.MethodGet, first.session, "", token.headers...).is(http.StatusOK)

	p.send()
	wait(t, patience, "the goodbye to the first publisher", first.ended)
	first.gone(patience, token.headers...)
	v.plays("video", "audio")
	if v.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
		t.Errorf("the viewer's connection is %v", v.pc.ConnectionState())
	}
}

// WHIP-12: no extension is needed, and none is announced to publishers.
func TestWHIP12NoExtensions(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.created("/whip/row", whipOffer(t))
	for _, link := range r.header.Values("Link") {
		if !strings.Contains(link, "urn:ietf:params:whip:ext") && !strings.Contains(link, `rel="ice-server"`) {
			t.Errorf("Link: %s", link)
		}
	}
}

// WHIP-13: congestion control has what it needs; see also MEDIA-11.
func TestWHIP13CongestionFeedback(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.created("/whip/row", fixture(t, "chromium-sendonly"))
	d := parse(r.body)
	for _, section := range d.sections {
		if kind, _, _, _ := header(section); kind != "video" {
			continue
		}
		if !slices.ContainsFunc(values(section, "rtcp-fb"), func(v string) bool { return strings.HasSuffix(v, " transport-cc") }) ||
			!slices.ContainsFunc(values(section, "extmap"), func(v string) bool { return strings.Contains(v, "transport-wide-cc") }) {
			t.Errorf("no transport-wide feedback in:\n%s", strings.Join(section, "\n"))
		}
	}
}
