package conformance_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

var candidateLine = regexp.MustCompile(`(?m)^a=(candidate:.*|end-of-candidates)\r\n`)

// noCandidates takes the candidates out of an offer, as OBS and FFmpeg make theirs.
func noCandidates(sdp string) string { return candidateLine.ReplaceAllString(sdp, "") }

// ICE-02: candidates that come later (RFC 8840) are taken: 204, and nothing else.
func TestICE02Trickle(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		r := s.created(endpoint, offer)
		r = s.patch(r.session(), trickle(plainUfrag, plainPwd, goodCandidate), r.header.Get("ETag"))
		r.is(http.StatusNoContent)
		r.empty()
		if tag := r.header.Get("ETag"); tag != "" {
			t.Errorf("the 204 has the ETag %s", tag)
		}
	})
	t.Run("connects", func(t *testing.T) {
		s := start(t)
		ro := role{codecs: []codec{vp8}, offer: noCandidates}
		p := newPublisher(t, s, ro).join("/whip/row", ro)
		sections := parse(p.pc.LocalDescription().SDP).sections
		fragment := trickle(value(sections[0], "ice-ufrag"), value(sections[0], "ice-pwd"), "candidate:"+value(sections[0], "candidate"))
		s.patch(p.session, fragment, p.reply.header.Get("ETag")).is(http.StatusNoContent)
		p.up()
	})
}

// ICE-04: preconditions of a PATCH (RFC 9725 section 4.3.1).
func TestICE04IfMatch(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		r := s.created(endpoint, offer)
		fragment, tag := trickle(plainUfrag, plainPwd, goodCandidate), r.header.Get("ETag")
		for ifMatch, want := range map[string]int{
			"": 204, `"bad"`: 412, "bad": 412, "W/" + tag: 412, strings.Trim(tag, `"`): 412,
			tag: 204, `"bad", ` + tag: 204, "*": 204, `"*"`: 204,
		} {
			if got := s.patch(r.session(), fragment, ifMatch); got.status != want {
				t.Errorf("If-Match: %s is answered %d, want %d: %s", ifMatch, got.status, want, got.body)
			}
		}
		restart := trickle("other", "anotherpasswordanother", goodCandidate)
		s.patch(r.session(), restart, "").is(http.StatusPreconditionRequired)
		s.patch(r.session(), trickle("other", "", goodCandidate), "").is(http.StatusUnprocessableEntity) // an ICE session that is over
		s.patch(r.session(), fragment, "").is(http.StatusNoContent)                                      // nothing was restarted
	})
}

// ICE-04: an operator can do without the header for ICE restarts as well.
func TestICE04LenientPatch(t *testing.T) {
	t.Parallel()
	s := start(t, "--lenient-patch")
	r := s.created("/whip/row", whipOffer(t))
	fragment := trickle(plainUfrag, plainPwd, goodCandidate)
	s.patch(r.session(), fragment, "").is(http.StatusNoContent)
	s.patch(r.session(), fragment, `"bad"`).is(http.StatusPreconditionFailed)
	s.patch(r.session(), fragment, r.header.Get("ETag")).is(http.StatusNoContent)
	restart := trickle("other", "anotherpasswordanother", goodCandidate)
	s.patch(r.session(), restart, `"bad"`).is(http.StatusPreconditionFailed)
	s.patch(r.session(), restart, "").is(http.StatusOK)
}

// ICE-08: fragments as clients write them.
func TestICE08LenientFragments(t *testing.T) {
	const (
		credentials = "a=ice-ufrag:" + plainUfrag + "\r\na=ice-pwd:" + plainPwd + "\r\n"
		line        = "a=" + goodCandidate + "\r\n"
	)
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		r := s.created(endpoint, offer)
		for client, fragment := range map[string]string{
			"simple-whip-client":      credentials + "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n" + line,
			"medooze":                 credentials + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" + line + "m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\n" + line,
			"Eyevinn":                 credentials + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\na=candidate:1 0 udp 2113937151 127.0.0.1 40000 typ host\r\n",
			"reader.js":               credentials + "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n" + line + "a=end-of-candidates\r\n",
			"credentials in sections": "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n" + credentials + line,
			"LF":                      strings.ReplaceAll(credentials+"m=audio 9 RTP/AVP 0\r\na=mid:0\r\n"+line, "\r\n", "\n"),
			"no m= line":              credentials + "a=mid:0\r\n" + line,
			"no mid":                  credentials + "m=audio 9 RTP/AVP 0\r\n" + line,
			"an unknown mid":          credentials + "m=audio 9 RTP/AVP 0\r\na=mid:77\r\n" + line,
			"only the end":            credentials + "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates\r\n",
			"no candidates":           credentials,
			"group and options":       "a=group:BUNDLE 0 1\r\na=ice-options:trickle ice2\r\n" + credentials + "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n" + line,
		} {
			if got := s.patch(r.session(), fragment, r.header.Get("ETag")); got.status != http.StatusNoContent {
				t.Errorf("%s is answered %d: %s", client, got.status, got.body)
			}
		}
	})
}

// ICE-09: candidates that cannot be used are dropped without a word.
func TestICE09UnusableCandidates(t *testing.T) {
	t.Parallel()
	s := start(t)
	ro := role{codecs: []codec{vp8}, offer: noCandidates}
	p := newPublisher(t, s, ro).join("/whip/row", ro)
	section := parse(p.pc.LocalDescription().SDP).sections[0]
	fragment := trickle(value(section, "ice-ufrag"), value(section, "ice-pwd"),
		"candidate:1 1 udp 2113937151 0d6bc5bc-5d2e-4e0a-9d0c-0d33a9a1d0c5.local 40000 typ host",
		"candidate:2 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active",
		"candidate:3 1 udp 2113937151 no.such.host.invalid 40000 typ host",
		"candidate:4 1 udp x y z", "candidate:",
		"candidate:5 2 udp 2113937150 127.0.0.1 40001 typ host",
		"candidate:"+value(section, "candidate"))
	s.patch(p.session, fragment, p.reply.header.Get("ETag")).is(http.StatusNoContent)
	p.up()
}

// ICE-10: what is no fragment.
func TestICE10BadFragments(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		r := s.created(endpoint, offer)
		tag := r.header.Get("ETag")
		for mediaType, body := range map[string]string{"text/plain": "x", "": "x", "application/trickle-ice": "x"} {
			got := s.do(http.MethodPatch, r.session(), body, "Content-Type", mediaType, "If-Match", tag)
			got.is(http.StatusUnsupportedMediaType)
			got.has("Accept-Patch", typeFragment)
		}
		for _, body := range []string{"hello", "", "a=" + goodCandidate + "\r\n", "\x00\xff"} {
			s.patch(r.session(), body, tag).is(http.StatusBadRequest)
		}
		s.do(http.MethodPatch, r.session(), trickle(plainUfrag, plainPwd, goodCandidate),
			"Content-Type", "Application/Trickle-ICE-SDPFrag; charset=utf-8", "If-Match", tag).is(http.StatusNoContent)
	})
}

// ICE-11: all of the server's candidates are in the answer.
func TestICE11CompleteAnswer(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		d := parse(s.created(endpoint, offer).body)
		if len(values(d.sections[0], "candidate")) == 0 || len(values(d.sections[0], "end-of-candidates")) != 1 {
			t.Errorf("the first section has not all candidates:\n%s", d.text)
		}
	})
}

// ICE-12: an offer without candidates, and none later: the client's checks tell
// where it is.
func TestICE12NoCandidates(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{offer: noCandidates})
	watchStream(t, s, "row", role{offer: noCandidates}).plays("video", "audio")
}

// ICE-13: the answer has the options that were offered, and no others.
func TestICE13Options(t *testing.T) {
	t.Parallel()
	s := start(t)
	for offered, want := range map[string][]string{
		"": nil, "trickle": {"trickle"}, "ice2": {"ice2"}, "trickle ice2": {"trickle", "ice2"},
		"ice2,trickle": {"ice2", "trickle"}, "trickle renomination": {"trickle"},
	} {
		line := ""
		if offered != "" {
			line = "a=ice-options:" + offered + "\n"
		}
		r := s.created("/whip/row", whipOffer(t, "m=audio", line+"m=audio"))
		d := parse(r.body)
		var got []string
		for _, lines := range append([][]string{d.session}, d.sections...) {
			for _, v := range values(lines, "ice-options") {
				got = append(got, strings.Fields(v)...)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("%q is answered with %q", offered, got)
		}
		s.delete(r.session())
	}
}

// ICE-14: full ICE: the server makes checks itself.
func TestICE14FullICE(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publish(t, s, "row", role{})
	parse(p.reply.body).lacks(t, "a=ice-lite")
	p.wire.mu.Lock()
	defer p.wire.mu.Unlock()
	if p.wire.requests == 0 {
		t.Error("the server made no checks")
	}
}

// ICE-15: without the viewer's consent (RFC 7675), sending stops.
func TestICE15Consent(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	v := watchStream(t, s, "row", role{}).plays("video")
	before, timer := v.checks(), s.StartTimer()
	until(t, patience, "two checks of consent", func() bool { return v.checks() >= before+2 })
	if took := timer.Took(); took > 12*time.Second {
		t.Errorf("two checks took %v", took)
	}

	v.wire.lose(nil, func([]byte) bool { return true }) // it hears, and says nothing any more
	timer = s.StartTimer()
	until(t, 24*time.Second, "media to stop before the session ends", func() bool {
		sent := v.wire.count(kindRTP)
		time.Sleep(500 * time.Millisecond) // the pattern has 30 pictures a second
		return v.wire.count(kindRTP) == sent
	})
	v.gone(40 * time.Second)
	packets := v.wire.count(kindRTP)
	if took := timer.Took(); took > 32*time.Second { // 30 from the last answer, and the HTTP that tells us
		t.Errorf("the session was there for %v", took)
	}
	until(t, patience, "the viewer's place to be free", func() bool { return s.stream("row").Viewers == 0 })
	if more := v.wire.count(kindRTP); more > packets+10 { // on their way
		t.Errorf("%d packets came after the end", more-packets)
	}
}

// checks is how many of the server's checks came.
func (p *peer) checks() int {
	p.wire.mu.Lock()
	defer p.wire.mu.Unlock()
	return p.wire.requests
}

// ICE-16: who never connects is forgotten.
func TestICE16NeverConnected(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		t.Parallel()
		before := s.sessions()
		r := s.created(endpoint, offer)
		until(t, 20*time.Second, "the session to be gone", func() bool {
			return s.do(http.MethodGet, r.session(), "").status == http.StatusNotFound
		})
		until(t, patience, "its connection to be freed", func() bool { return s.sessions() <= before })
	})
}

// ICE-17: whom the server ends is told at once.
func TestICE17ServerEnds(t *testing.T) {
	t.Parallel()
	s := start(t, "--grace", "1s")
	p := publish(t, s, "row", role{})
	kicked := watchStream(t, s, "row", role{}).plays("video")
	waiting := watchStream(t, s, "row", role{}).plays("video")
	s.delete(kicked.session)
	wait(t, 2*time.Second, "the goodbye to a viewer that was ended", kicked.ended)
	s.delete(p.session)
	wait(t, 2*time.Second, "the goodbye to the publisher", p.ended)
	wait(t, patience, "the goodbye to a viewer without a publisher", waiting.ended)
}

// ICE-18: the first candidate is the one that simple clients need.
func TestICE18CandidateOrder(t *testing.T) {
	t.Parallel()
	const public = "203.0.113.7"
	for name, flags := range map[string][]string{
		"all interfaces": {"--media", ":0"}, "behind a NAT": {"--media", ":0", "--public-ip", public}, "loopback": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, flags...)
			candidates := values(parse(s.created("/whip/row", whipOffer(t)).body).sections[0], "candidate")
			first := strings.Fields(candidates[0])
			if first[1] != "1" || first[2] != "udp" || first[7] != "host" || strings.Contains(first[4], ":") {
				t.Errorf("the first candidate is %s", candidates[0])
			}
			nat := slices.IndexFunc(candidates, func(c string) bool { return strings.Contains(c, " "+public+" ") })
			if (nat >= 0) != strings.Contains(name, "NAT") {
				t.Errorf("the public address is candidate %d of %q", nat, candidates)
			}
			worst := -1
			for i, c := range candidates {
				class := candidateClass(c)
				if class < worst || i < nat && class > 0 {
					t.Errorf("candidate %d is in the wrong place of %q", i, candidates)
				}
				worst = class
			}
		})
	}
}

// candidateClass is the kind of place that a candidate has in an answer.
func candidateClass(candidate string) int {
	f := strings.Fields(candidate)
	addr := netip.MustParseAddr(f[4])
	switch {
	case addr.IsLoopback() && f[2] == "udp":
		return 5
	case addr.IsLoopback():
		return 6
	case f[2] == "tcp":
		return 4
	case !addr.Is4():
		return 3
	case addr.IsLinkLocalUnicast():
		return 2
	case addr.IsPrivate():
		return 1
	}
	return 0
}

// ICE-19: one component, since RTCP is multiplexed.
func TestICE19OneComponent(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		parse(s.created(endpoint, offer).body).lacks(t, `a=candidate:\S+ 2 `)
	})
}

// ICE-20: mDNS names, all that a browser's viewer tells, do no harm.
func TestICE20MDNS(t *testing.T) {
	t.Parallel()
	s := start(t)
	hidden := role{offer: func(sdp string) string {
		return strings.ReplaceAll(sdp, " 127.0.0.1 ", " 0d6bc5bc-5d2e-4e0a-9d0c-0d33a9a1d0c5.local ")
	}}
	publish(t, s, "row", hidden)
	watchStream(t, s, "row", hidden).plays("video")
}

// ICE-21: media over TCP (RFC 6544) for who cannot send UDP.
func TestICE21TCP(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	ro := role{
		codecs:   []codec{vp8, opus},
		settings: func(e *webrtc.SettingEngine) { e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4}) },
	}
	v := newViewer(t, s, ro)
	v.vanish() // as far as UDP goes
	v.join("/whep/row", ro).up().plays("video", "audio")
	passive := fmt.Sprintf(`(?m)^a=candidate:\S+ 1 tcp \d+ \S+ %d typ host tcptype passive`, s.media.Port())
	if !regexp.MustCompile(passive).MatchString(v.reply.body) {
		t.Errorf("no passive TCP candidate in:\n%s", v.reply.body)
	}
}
