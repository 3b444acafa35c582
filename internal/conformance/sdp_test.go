package conformance_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// published posts an offer to a WHIP endpoint, which must take it, and returns the
// answer. The session is ended again.
func published(t testing.TB, s *server, offer string) description {
	t.Helper()
	r := s.created("/whip/row", offer)
	s.delete(r.session())
	return parse(r.body)
}

// SDP-01: an answer has the sections of its offer.
func TestSDP01SameSections(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "live", role{codecs: []codec{h264, opus}})
	for _, name := range []string{
		"chromium-sendonly", "firefox-sendonly", "ffmpeg-whip", "gstreamer", "obs", "obs-simulcast",
		"chromium-recvonly", "safari-recvonly", "libdatachannel-recvonly",
	} {
		for _, proto := range []string{"UDP/TLS/RTP/SAVPF", "RTP/SAVPF"} {
			endpoint := "/whip/row"
			if strings.HasSuffix(name, "recvonly") {
				endpoint = "/whep/live"
			}
			offer := strings.ReplaceAll(fixture(t, name), "UDP/TLS/RTP/SAVPF", proto)
			r := s.created(endpoint, offer)
			s.delete(r.session())
			requireSameSections(t, name, parse(offer), parse(r.body))
		}
	}
}

func requireSameSections(t testing.TB, name string, offer, answer description) {
	t.Helper()
	if len(answer.sections) != len(offer.sections) {
		t.Fatalf("%s: %d sections for %d:\n%s", name, len(answer.sections), len(offer.sections), answer.text)
	}
	for i, section := range answer.sections {
		kind, _, proto, _ := header(section)
		wantKind, _, wantProto, _ := header(offer.sections[i])
		if kind != wantKind || proto != wantProto || value(section, "mid") != value(offer.sections[i], "mid") {
			t.Errorf("%s: section %d is %s with mid %s, offered as %s with mid %s", name, i,
				section[0], value(section, "mid"), offer.sections[i][0], value(offer.sections[i], "mid"))
		}
	}
}

// SDP-02: no direction means sendrecv.
func TestSDP02NoDirection(t *testing.T) {
	t.Parallel()
	s := start(t)
	published(t, s, whipOffer(t, "a=sendonly\n", "")).each(t, "a=recvonly")
	publish(t, s, "live", role{})
	parse(s.created("/whep/live", whepOffer(t, "a=recvonly\n", "")).body).each(t, "a=sendonly")
}

// SDP-03: one transport for all.
func TestSDP03Bundle(t *testing.T) {
	t.Parallel()
	s := start(t)
	published(t, s, whipOffer(t)).wants(t, "a=group:BUNDLE 0 1")
	s.post("/whip/row", whipOffer(t, "a=group:BUNDLE 0 1\n", "")).is(422)
	s.post("/whip/row", whipOffer(t, "BUNDLE 0 1", "BUNDLE 0")).is(422)
	d := published(t, s, strings.Replace(withoutSection(whipOffer(t), "audio"), "a=group:BUNDLE 1\r\n", "", 1))
	if _, port, _, _ := header(d.sections[0]); port == "0" {
		t.Errorf("a single section without a group is rejected:\n%s", d.text)
	}
	// FFmpeg lists a section that it does not have.
	published(t, s, strings.Replace(withoutSection(whipOffer(t), "audio"), "BUNDLE 1", "BUNDLE 0 1", 1)).wants(t, "a=group:BUNDLE 1")
}

// SDP-04: port 0 with bundle-only is no rejection.
func TestSDP04BundleOnly(t *testing.T) {
	t.Parallel()
	s := start(t)
	d := published(t, s, whipOffer(t, "m=video 9", "m=video 0", "a=mid:1", "a=bundle-only\na=mid:1"))
	if _, port, _, _ := header(d.sections[1]); port == "0" {
		t.Errorf("the section is rejected:\n%s", d.text)
	}
	d.each(t, "a=recvonly")
}

// SDP-05: no bundle-only in an answer, and no port 0 in what is accepted.
func TestSDP05NoBundleOnlyInAnswers(t *testing.T) {
	t.Parallel()
	s := start(t)
	published(t, s, whipOffer(t, "m=video 9", "m=video 0", "a=mid:1", "a=bundle-only\na=mid:1")).lacks(t, "a=bundle-only", `m=\S+ 0 `)
	published(t, s, fixture(t, "gstreamer")).lacks(t, "a=bundle-only", `m=\S+ 0 `)
}

// SDP-06: RTCP is multiplexed, always.
func TestSDP06RTCPMux(t *testing.T) {
	t.Parallel()
	s := start(t)
	published(t, s, whipOffer(t)).each(t, "a=rtcp-mux")
	s.post("/whip/row", whipOffer(t, "a=rtcp-mux\n", "")).is(422)
}

// SDP-07: rtcp-mux-only is echoed, beside rtcp-mux.
func TestSDP07RTCPMuxOnly(t *testing.T) {
	t.Parallel()
	s := start(t)
	d := published(t, s, whipOffer(t, "a=rtcp-mux\n", "a=rtcp-mux\na=rtcp-mux-only\n"))
	d.each(t, "a=rtcp-mux-only")
	d.each(t, "a=rtcp-mux")
	published(t, s, whipOffer(t)).lacks(t, "a=rtcp-mux-only")
}

// SDP-08: no a=rtcp.
func TestSDP08NoRTCPPort(t *testing.T) {
	t.Parallel()
	s := start(t)
	published(t, s, fixture(t, "chromium-sendonly")).lacks(t, "a=rtcp:")
	published(t, s, fixture(t, "firefox-sendonly")).lacks(t, "a=rtcp:")
}

// SDP-09: the answer's DTLS role fits the offer's and is never actpass.
func TestSDP09Setup(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		for offered, want := range map[string]string{"actpass": "active", "active": "passive", "passive": "active"} {
			r := s.created(endpoint, strings.ReplaceAll(offer, "a=setup:actpass", "a=setup:"+offered))
			parse(r.body).each(t, "a=setup:"+want)
			s.delete(r.session())
		}
		s.post(endpoint, strings.ReplaceAll(offer, "a=setup:actpass", "a=setup:holdconn")).is(422)
	})
}

// toSession moves attributes from the sections to the session.
func toSession(sdp string, names ...string) string {
	for _, name := range names {
		lines := regexp.MustCompile(`(?m)^a=` + name + `:.*\r\n`)
		first := lines.FindString(sdp)
		sdp = strings.Replace(lines.ReplaceAllString(sdp, ""), "m=", first+"m=", 1)
	}
	return sdp
}

// SDP-10: what stands at session level holds for all sections.
func TestSDP10SessionLevel(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, setup := range []string{"actpass", "active", "passive"} {
		t.Run(setup, func(t *testing.T) {
			publish(t, s, "row-"+setup, role{offer: func(sdp string) string {
				sdp = strings.ReplaceAll(sdp, "a=setup:actpass", "a=setup:"+setup)
				return toSession(sdp, "ice-ufrag", "ice-pwd", "fingerprint", "setup")
			}})
		})
	}
	const transportCC = "9 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	d := published(t, s, whipOffer(t, "t=0 0", "t=0 0\na=extmap:"+transportCC, "a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP8/90000\na=rtcp-fb:96 transport-cc"))
	if !slices.Contains(values(d.sections[1], "extmap"), transportCC) {
		t.Errorf("the session's extmap is not in:\n%s", strings.Join(d.sections[1], "\n"))
	}
}

// SDP-11: payload types are the offer's.
func TestSDP11PayloadTypes(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "live", role{codecs: []codec{vp8, opus}})
	for name, endpoint := range map[string]string{"chromium-sendonly": "/whip/row", "firefox-sendonly": "/whip/row", "chromium-recvonly": "/whep/live", "firefox-recvonly": "/whep/live"} {
		offer := parse(fixture(t, name))
		r := s.created(endpoint, offer.text)
		s.delete(r.session())
		for i, section := range parse(r.body).sections {
			requireOfferedFormats(t, name, offer.sections[i], section)
		}
	}
}

func requireOfferedFormats(t testing.TB, name string, offered, answered []string) {
	t.Helper()
	_, port, _, formats := header(answered)
	_, _, _, possible := header(offered)
	if port == "0" {
		t.Errorf("%s: %s is rejected", name, offered[0])
	}
	at := -1
	for _, pt := range formats {
		i := slices.Index(possible, pt)
		if i < at {
			t.Errorf("%s: %q is not in the order of %q", name, formats, possible)
		}
		at = i
		for _, m := range values(answered, "rtpmap") {
			if strings.HasPrefix(m, pt+" ") && !slices.ContainsFunc(values(offered, "rtpmap"), func(o string) bool { return strings.EqualFold(o, m) }) {
				t.Errorf("%s: %q was not offered", name, m)
			}
		}
	}
	for _, f := range values(answered, "fmtp") {
		if _, apt, ok := strings.Cut(f, " apt="); ok && !slices.Contains(formats, apt) {
			t.Errorf("%s: retransmission of %s, which is not accepted", name, apt)
		}
	}
}

// SDP-12: nothing that was not offered.
func TestSDP12OnlyWhatWasOffered(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, name := range []string{"ffmpeg-whip", "obs", "gstreamer", "chromium-sendonly", "firefox-sendonly"} {
		offer := parse(fixture(t, name))
		for i, section := range published(t, s, offer.text).sections {
			for _, attribute := range []string{"rtcp-fb", "extmap", "rtcp-rsize", "extmap-allow-mixed"} {
				for _, v := range values(section, attribute) {
					if !slices.Contains(append(values(offer.sections[i], attribute), values(offer.session, attribute)...), v) {
						t.Errorf("%s: a=%s:%s was not offered", name, attribute, v)
					}
				}
			}
		}
	}
	published(t, s, whipOffer(t)).lacks(t, "a=rtcp-fb", "a=extmap", "a=rtcp-rsize")
}

// SDP-13: H.264 is echoed as it was offered, and carries no parameter sets.
func TestSDP13H264(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, fmtp := range []string{
		"profile-level-id=42e01f;packetization-mode=1", "profile-level-id=42001f;packetization-mode=1",
		"profile-level-id=42401f;packetization-mode=1", "profile-level-id=4d001f;packetization-mode=1",
		"profile-level-id=64001f;packetization-mode=1", "profile-level-id=640c1f;packetization-mode=1",
		"profile-level-id=42e01f;packetization-mode=0", "profile-level-id=42e01f",
		"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d0032;sprop-parameter-sets=Z0LAH9oBQBboQAAAAwBAAAAPI8YMqA==,aM48gA==",
	} {
		d := published(t, s, whipOffer(t, "VP8/90000", "H264/90000\na=fmtp:96 "+fmtp))
		answered := value(d.sections[1], "fmtp")
		for parameter := range strings.SplitSeq(fmtp, ";") {
			name, _, _ := strings.Cut(parameter, "=")
			if has := strings.Contains(answered, parameter); has == (name == "sprop-parameter-sets") {
				t.Errorf("%s is answered %s", fmtp, answered)
			}
		}
		if !strings.Contains(fmtp, "packetization-mode") && strings.Contains(answered, "packetization-mode=1") {
			t.Errorf("%s is answered %s", fmtp, answered)
		}
	}
	published(t, s, whipOffer(t, "VP8/90000", "H264/90000")) // no fmtp at all
}

// SDP-14: a viewer gets the payload type that fits the bitstream, or 422.
func TestSDP14ProfileMatch(t *testing.T) {
	t.Parallel()
	s := start(t)
	for stream, sps := range map[string][]byte{"base": baselineSPS, "high": highSPS} {
		p := newPublisher(t, s, role{codecs: []codec{h264}})
		p.sending["video"].reshape(func(int) [][]byte { return [][]byte{sps, pps, {0x65, 0x88, 0x84}} })
		p.join("/whip/"+stream, role{}).up().send() // OBS promises 42e01f in either case
		until(t, patience, "the stream to be live", func() bool { return s.stream(stream).Live })
	}
	const (
		baseline  = "packetization-mode=1;profile-level-id=42e01f"
		baseline0 = "packetization-mode=0;profile-level-id=42e01f"
		high      = "packetization-mode=1;profile-level-id=64001f"
	)
	for _, c := range []struct {
		stream  string
		offered []string // with the payload types 96, 97 …
		want    string   // payload type; empty: 422
	}{
		{"base", []string{baseline}, "96"},
		{"base", []string{high, baseline0, baseline}, "98"},
		{"high", []string{baseline, high}, "97"},
		{"high", []string{"packetization-mode=1;profile-level-id=640032"}, "96"}, // another level
		{"high", []string{baseline}, ""},
		{"high", []string{baseline, "packetization-mode=1;profile-level-id=42001f"}, ""},
		{"base", []string{baseline0}, ""},
		// Who leaves a parameter out takes what comes, if nothing that is said fits.
		{"base", []string{""}, "96"},
		{"base", []string{"", high, baseline}, "98"},
		{"base", []string{"profile-level-id=42e01f"}, "96"},
		{"base", []string{"packetization-mode=1"}, "96"},
		{"high", []string{""}, "96"},
		{"high", []string{"profile-level-id=42e01f"}, ""},
	} {
		r := s.post("/whep/"+c.stream, whepOffer(t, "m=video 9 UDP/TLS/RTP/SAVPF 96", "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98",
			"a=rtpmap:96 VP8/90000\n", h264Formats(c.offered)))
		if c.want == "" {
			r.is(422)
			if detail := r.problem(); !strings.Contains(detail, "sends H264 ") || !strings.Contains(detail, "takes H264 ") {
				t.Errorf("the refusal does not say what was sent and what was offered: %s", detail)
			}
			continue
		}
		if r.is(http.StatusCreated) {
			if _, _, _, formats := header(parse(r.body).sections[1]); formats[0] != c.want {
				t.Errorf("%s to %q: payload types %q, want %s", c.stream, c.offered, formats, c.want)
			}
			s.delete(r.session())
		}
	}
}

func h264Formats(fmtps []string) (lines string) {
	for i, fmtp := range fmtps {
		lines += fmt.Sprintf("a=rtpmap:%d H264/90000\na=fmtp:%d %s\n", 96+i, 96+i, fmtp)
	}
	return lines
}

// SDP-15: Opus is opus/48000/2, whatever its parameters.
func TestSDP15Opus(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, fmtp := range []string{
		"", "a=fmtp:111 stereo=1;sprop-stereo=1;maxaveragebitrate=96000;usedtx=1;x-unknown=7\n", "a=fmtp:111 minptime=10;useinbandfec=1\n",
	} {
		published(t, s, whipOffer(t, "a=fmtp:111 minptime=10;useinbandfec=1\n", fmtp)).wants(t, "a=rtpmap:111 opus/48000/2")
	}
	stereo := opus
	stereo.SDPFmtpLine = "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"
	publish(t, s, "stereo", role{codecs: []codec{stereo}})
	d := parse(s.created("/whep/stereo", whepOffer(t)).body)
	if fmtp := value(d.sections[0], "fmtp"); !strings.Contains(fmtp, "stereo=1") {
		t.Errorf("a stereo stream is announced as %q", fmtp)
	}
}

// SDP-16: a data channel's section keeps its place and is rejected.
func TestSDP16DataChannel(t *testing.T) {
	both(t, func(t *testing.T, s *server, endpoint, offer string) {
		const application = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n" +
			"a=ice-pwd:0123456789abcdefghijkl\r\na=setup:actpass\r\na=mid:2\r\na=sctp-port:5000\r\n"
		with := strings.Replace(offer, "BUNDLE 0 1", "BUNDLE 0 1 2", 1)
		first := strings.Replace(with, "m=audio", application+"m=audio", 1)
		for at, text := range map[int]string{2: with + application, 0: first} {
			r := s.created(endpoint, text)
			d := parse(r.body)
			requireSameSections(t, endpoint, parse(text), d)
			if _, port, _, _ := header(d.sections[at]); port != "0" {
				t.Errorf("the data channel is accepted: %s", d.sections[at][0])
			}
			d.wants(t, "a=group:BUNDLE 0 1")
			s.delete(r.session())
		}
	})
}

// SDP-17: the certificate is the one that the offer announces.
func TestSDP17Fingerprint(t *testing.T) {
	t.Parallel()
	s := start(t)
	line := regexp.MustCompile(`(?m)^(a=fingerprint:sha-256 )(..)(:.*\r\n)`)
	publish(t, s, "two", role{offer: func(sdp string) string {
		return line.ReplaceAllString(sdp, "a=fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB\r\n$0")
	}})
	upper := regexp.MustCompile(`^sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}$`)
	d := published(t, s, whipOffer(t))
	for _, lines := range append([][]string{d.session}, d.sections...) {
		for _, f := range values(lines, "fingerprint") {
			if !upper.MatchString(f) {
				t.Errorf("the answer has a=fingerprint:%s", f)
			}
		}
	}

	ro := role{codecs: []codec{vp8}, offer: func(sdp string) string {
		return line.ReplaceAllStringFunc(sdp, func(l string) string {
			parts := line.FindStringSubmatch(l)
			other := "00"
			if parts[2] == other {
				other = "01"
			}
			return parts[1] + other + parts[3]
		})
	}}
	p := newPublisher(t, s, ro).join("/whip/wrong", ro)
	p.gone(20 * time.Second)
	if p.pc.ConnectionState() == webrtc.PeerConnectionStateConnected {
		t.Error("a client with another certificate is connected")
	}
}

// SDP-18: the form of the text.
func TestSDP18Form(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "live", role{codecs: []codec{h264, opus}})
	for _, name := range []string{"chromium-sendonly", "firefox-sendonly", "ffmpeg-whip", "gstreamer", "obs", "obs-simulcast", "chromium-recvonly", "safari-recvonly"} {
		endpoint := "/whip/row"
		if strings.HasSuffix(name, "recvonly") {
			endpoint = "/whep/live"
		}
		r := s.created(endpoint, fixture(t, name))
		s.delete(r.session())
		if !strings.HasPrefix(r.body, "v=0\r\n") || !strings.HasSuffix(r.body, "\r\n") || len(r.body) >= 8192 ||
			strings.Count(r.body, "\n") != strings.Count(r.body, "\r\n") || strings.Contains(r.body, "\r\n\r\n") {
			t.Errorf("%s: the answer, of %d bytes, is\n%q", name, len(r.body), r.body)
		}
	}
}

// SDP-19: who sends names its stream, who receives does not.
func TestSDP19Msid(t *testing.T) {
	t.Parallel()
	s := start(t)
	published(t, s, fixture(t, "chromium-sendonly")).lacks(t, "a=msid:", "a=ssrc")
	publish(t, s, "live", role{})
	for _, section := range parse(s.created("/whep/live", whepOffer(t)).body).sections {
		if len(values(section, "msid")) != 1 {
			t.Errorf("%d a=msid in:\n%s", len(values(section, "msid")), strings.Join(section, "\n"))
		}
	}
}

// SDP-20: a lip-sync group of what we send in one stream is confirmed.
func TestSDP20LipSync(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "live", role{})
	for offered, want := range map[string]string{"a=group:LS 0 1\n": "a=group:LS 0 1", "a=group:LS 1 0\n": "a=group:LS 1 0"} {
		d := parse(s.created("/whep/live", whepOffer(t, "m=audio", offered+"m=audio")).body)
		d.wants(t, want, "a=group:BUNDLE 0 1")
	}
	parse(s.created("/whep/live", whepOffer(t)).body).lacks(t, "a=group:LS")
	published(t, s, whipOffer(t, "m=audio", "a=group:LS 0 1\nm=audio")).lacks(t, "a=group:LS") // we send nothing
}

// SDP-21: a section that is offered inactive is answered inactive, also when it carries
// the transport, and what else is offered flows.
func TestSDP21Inactive(t *testing.T) {
	t.Parallel()
	s := start(t)
	inactive := role{codecs: []codec{opus, vp8}, offer: func(sdp string) string {
		for _, direction := range []string{"a=sendonly", "a=recvonly"} {
			sdp = strings.Replace(sdp, direction, "a=inactive", 1) // the first section is the audio
		}
		return sdp
	}}
	check := func(answer string) {
		t.Helper()
		sections := parse(answer).sections
		if _, port, _, _ := header(sections[0]); port == "0" || !slices.Contains(sections[0], "a=inactive") {
			t.Errorf("an inactive section is answered:\n%s", strings.Join(sections[0], "\n"))
		}
	}
	p := publish(t, s, "row", inactive)
	check(p.reply.body)
	watchStream(t, s, "row", role{codecs: []codec{vp8, opus}}).plays("video")

	third := "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=inactive\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
	r := s.created("/whip/spare", strings.Replace(whipOffer(t), "BUNDLE 0 1", "BUNDLE 0 1 2", 1)+third)
	parse(r.body).wants(t, "a=group:BUNDLE 0 1 2", "a=inactive", "a=recvonly")
	s.delete(r.session())

	publish(t, s, "both", role{})
	v := watchStream(t, s, "both", inactive).plays("video")
	check(v.reply.body)
	if n := v.received["audio"].count(); n > 0 {
		t.Errorf("%d packets came in an inactive section", n)
	}
}
