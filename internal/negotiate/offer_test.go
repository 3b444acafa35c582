package negotiate_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
)

func TestParseOfferOfRealClients(t *testing.T) {
	tests := []struct {
		name       string
		sections   []string // kind, mid, first codec's payload type and rtx
		options    []string
		candidates bool
		rids       int
	}{
		{"chromium-sendonly", []string{"audio 0 111 0", "video 1 96 97"}, []string{"trickle"}, true, 0},
		{"chromium-recvonly", []string{"video 0 96 97", "audio 1 111 0"}, []string{"trickle"}, true, 0},
		{"firefox-sendonly", []string{"audio 2 109 0", "video 3 120 124"}, []string{"trickle"}, true, 0},
		{"firefox-recvonly", []string{"video 2 120 124", "audio 3 109 0"}, []string{"trickle"}, true, 0},
		{"ffmpeg-whip", []string{"audio 0 111 0", "video 1 106 105"}, nil, false, 0},
		{"obs", []string{"audio 0 111 0", "video 1 96 0"}, []string{"ice2", "trickle"}, false, 0},
		{"obs-simulcast", []string{"audio 0 111 0", "video 1 96 0"}, []string{"ice2", "trickle"}, false, 3},
		{"gstreamer", []string{"video video0 96 97", "audio audio1 98 0"}, []string{"trickle"}, true, 0},
		{"libdatachannel-recvonly", []string{"audio audio 111 0", "video video 102 0", "application data rejected"}, []string{"ice2", "trickle"}, true, 0},
		{"safari-recvonly", []string{"audio 0 111 0", "video 1 96 97"}, []string{"trickle"}, false, 0}, // .local only
	}
	if len(tests) != len(fixtures(t)) {
		t.Errorf("%d fixtures, %d tests", len(fixtures(t)), len(tests))
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := mustParse(t, roleOf(tt.name), string(fixture(t, tt.name)))
			var sections []string
			for _, m := range o.Media {
				s := fmt.Sprintf("%s %s rejected", m.Kind, m.Mid)
				if !m.Rejected {
					supported, err := m.Supported()
					if err != nil {
						t.Fatal(err)
					}
					c := supported[0]
					s = fmt.Sprintf("%s %s %d %d", m.Kind, m.Mid, c.PayloadType, c.RTX)
				}
				sections = append(sections, s)
			}
			if !slices.Equal(sections, tt.sections) {
				t.Errorf("sections %q, want %q", sections, tt.sections)
			}
			if !slices.Equal(o.IceOptions, tt.options) {
				t.Errorf("ice options %q, want %q", o.IceOptions, tt.options)
			}
			if o.HasCandidates != tt.candidates {
				t.Errorf("has candidates: %v, want %v", o.HasCandidates, tt.candidates)
			}
			if last := o.Media[1]; len(last.RIDs) != tt.rids {
				t.Errorf("RIDs %q, want %d", last.RIDs, tt.rids)
			}
		})
	}
}

func TestParseOfferIsIdempotent(t *testing.T) {
	for name, body := range fixtures(t) {
		first := mustParse(t, roleOf(name), string(body))
		second := mustParse(t, roleOf(name), first.SDP)
		if second.SDP != first.SDP {
			t.Errorf("%s: parsing the normalised offer changed it:\n%s\nto:\n%s", name, first.SDP, second.SDP)
		}
	}
}

func TestParseOfferRefuses(t *testing.T) {
	const publish, watch = negotiate.Publish, negotiate.Watch
	secondVideo := section2(offerText(publish, "a=mid:1", "a=mid:2"))
	tests := []struct {
		name string
		role negotiate.Role
		body string
		want error
		says string // what the person who reads it has to know
	}{
		{"empty body", publish, "", negotiate.ErrMalformed, "empty"},
		{"only blank lines", publish, "\r\n\r\n", negotiate.ErrMalformed, "empty"},
		{"not SDP", publish, "hello", negotiate.ErrMalformed, "line 1"},
		{"not SDP after a good start", publish, "v=0\r\nhello", negotiate.ErrMalformed, "line 2"},
		{"cut off", publish, "v=0\r\n", negotiate.ErrMalformed, "t="},
		{"control character", publish, offerText(publish, "s=-", "s=\x00"), negotiate.ErrMalformed, "line 3"},
		{"no fingerprint", publish, offerText(publish, "a=fingerprint:", "a=x-print:"), negotiate.ErrMalformed, "a=fingerprint"},
		{"fingerprint is no hash", publish, offerText(publish, "3E:5D", "hello"), negotiate.ErrMalformed, "a=fingerprint"},
		{"no mid", publish, offerText(publish, "a=mid:1\n", ""), negotiate.ErrMalformed, "a=mid"},
		{"same mid twice", publish, offerText(publish, "a=mid:1", "a=mid:0"), negotiate.ErrMalformed, "a=mid:0"},
		{"no ufrag", publish, offerText(publish, "a=ice-ufrag", "a=x"), negotiate.ErrMalformed, "ice-ufrag"},
		{"no pwd", watch, offerText(watch, "a=ice-pwd", "a=x"), negotiate.ErrMalformed, "ice-pwd"},
		{"payload types without rtpmap", publish, offerText(publish, "a=rtpmap:111", "a=x"), negotiate.ErrMalformed, "a=rtpmap"},

		{"no section", publish, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", negotiate.ErrUnusable, "no audio and no video"},
		{"only a data channel", watch, offerText(watch, "m=audio", "m=application", "m=video", "m=application"), negotiate.ErrUnusable, "no audio and no video"},
		{"recvonly to WHIP", publish, offerText(watch), negotiate.ErrUnusable, "make it sendonly"},
		{"inactive to WHIP", publish, offerText(publish, "a=sendonly", "a=inactive"), negotiate.ErrUnusable, "make those of the stream sendonly"},
		{"one recvonly section to WHIP", publish, offerText(publish, "a=mid:1\na=sendonly", "a=mid:1\na=recvonly"), negotiate.ErrUnusable, `m=video (mid "1") is recvonly`},
		{"sendonly to WHEP", watch, offerText(publish), negotiate.ErrUnusable, "make it recvonly"},
		{"too many inactive sections", publish, offerText(publish) + inactiveVideos(7), negotiate.ErrUnusable, "9 audio and video sections"},
		{"inactive to WHEP", watch, offerText(watch, "a=recvonly", "a=inactive"), negotiate.ErrUnusable, "inactive"},
		{"inactive for the whole session", watch, offerText(watch, "a=recvonly\n", "", "t=0 0", "t=0 0\na=inactive"), negotiate.ErrUnusable, "inactive"},
		{"two videos to WHIP", publish, offerText(publish, "BUNDLE 0 1", "BUNDLE 0 1 2") + secondVideo, negotiate.ErrUnusable, "more than one video"},
		{"two audios to WHEP", watch, offerText(watch, "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "m=audio 9 UDP/TLS/RTP/SAVPF 96"), negotiate.ErrUnusable, "more than one audio"},
		{"no bundle", publish, offerText(publish, "a=group:BUNDLE 0 1\n", ""), negotiate.ErrUnusable, "max-bundle"},
		{"a section outside the bundle", watch, offerText(watch, "BUNDLE 0 1", "BUNDLE 0"), negotiate.ErrUnusable, `m=video (mid "1") is outside`},
		{"no rtcp-mux", publish, offerText(publish, "a=rtcp-mux\n", ""), negotiate.ErrUnusable, "RTCP mux policy"},
		{"no rtcp-mux in one section", publish, offerText(publish, "a=rtcp-mux\na=rtpmap:96", "a=rtpmap:96"), negotiate.ErrUnusable, `m=video (mid "1")`},
		{"DTLS on hold", publish, offerText(publish, "actpass", "holdconn"), negotiate.ErrUnusable, "holdconn"},
		{"no DTLS", publish, offerText(publish, "UDP/TLS/RTP/SAVPF", "UDP"), negotiate.ErrUnusable, "UDP/TLS/RTP/SAVPF"},
		{"unknown hash", publish, offerText(publish, "sha-256", "md5"), negotiate.ErrUnusable, "sha-256"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := negotiate.ParseOffer(tt.role, []byte(tt.body))
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got offer %v, error %v; want %q that says %q", o, err, tt.want, tt.says)
			}
		})
	}
}

// section2 returns the last section of an offer.
func section2(text string) string {
	return text[strings.LastIndex(text, "m="):]
}

func TestParseOfferNormalises(t *testing.T) {
	const publish, watch = negotiate.Publish, negotiate.Watch
	const fingerprint = "a=fingerprint:sha-256 3E:5D:09:C4:7A:61:F8:22:9B:E0:14:AD:57:C3:88:0F:6B:D2:41:96:EE:70:35:1C:A9:04:BF:68:DB:12:F7:80"
	tests := []struct {
		name   string
		role   negotiate.Role
		body   string
		n      int // section to look at, -1 the session
		lines  []string
		absent []string
	}{
		{"a missing direction is sendrecv, which is sendonly for WHIP", publish, offerText(publish, "a=sendonly\n", ""), 1, []string{"a=sendonly"}, nil},
		{"sendrecv is sendonly for WHIP", publish, offerText(publish, "a=sendonly", "a=sendrecv"), 1, []string{"a=sendonly"}, []string{"sendrecv"}},
		{"sendrecv is recvonly for WHEP", watch, offerText(watch, "a=recvonly", "a=sendrecv"), 0, []string{"a=recvonly"}, []string{"sendrecv"}},
		{"the direction of the session counts where there is no other", watch, offerText(watch, "a=recvonly\n", "", "t=0 0", "t=0 0\na=recvonly"), 1, []string{"a=recvonly"}, nil},
		{"a viewer does not send", watch, offerText(watch, "a=recvonly", "a=sendrecv\na=ssrc:7 cname:x\na=msid:s t\na=rid:h send\na=simulcast:send h"), 1, nil, []string{"ssrc", "msid", "rid", "simulcast"}},
		{"session-level transport applies to every section", publish,
			offerText(publish, "a=ice-ufrag:abcd\n", "", "a=ice-pwd:0123456789abcdefghijkl\n", "", "a=setup:actpass\n", "", fingerprint+"\n", "",
				"t=0 0", "t=0 0\na=ice-ufrag:efgh\na=ice-pwd:lkjihgfedcba9876543210\na=setup:active\n"+fingerprint), 1,
			[]string{"a=ice-ufrag:efgh", "a=ice-pwd:lkjihgfedcba9876543210", "a=setup:active", fingerprint}, nil},
		{"session-level transport is in the sections only", publish, offerText(publish, "t=0 0", "t=0 0\na=setup:active\n"+fingerprint), -1, nil, []string{"setup", "fingerprint"}},
		{"session-level extensions apply to every section", publish, offerText(publish, "t=0 0", "t=0 0\na=extmap:4 urn:x"), 1, []string{"a=extmap:4 urn:x"}, nil},
		{"bundle-only with port 0 is on", publish, offerText(publish, "m=video 9", "m=video 0", "a=mid:1", "a=mid:1\na=bundle-only"), 1, []string{"m=video 9 UDP/TLS/RTP/SAVPF 96 97"}, []string{"bundle-only"}},
		{"a bundle-only section borrows the transport", publish, bundleOnly(), 1, []string{"a=ice-ufrag:abcd", "a=setup:actpass", "a=rtcp-mux", fingerprint}, nil},
		{"a single section needs no bundle", publish, strings.Replace(offerText(publish, "a=group:BUNDLE 0 1\n", ""), section2(offerText(publish)), "", 1), -1, []string{"a=group:BUNDLE 0"}, nil},
		{"mids in the bundle that are not offered", publish, offerText(publish, "BUNDLE 0 1", "BUNDLE 9 0 1 8"), -1, []string{"a=group:BUNDLE 0 1"}, nil},
		{"other groups", publish, offerText(publish, "a=group:BUNDLE", "a=group:LS 0 1\na=group:BUNDLE"), -1, []string{"a=group:BUNDLE 0 1"}, []string{"LS"}},
		{"the bundle keeps its order", watch, offerText(watch, "BUNDLE 0 1", "BUNDLE 1 0"), -1, []string{"a=group:BUNDLE 1 0"}, nil},
		{"ice options with a comma", publish, offerText(publish, "a=ice-options:trickle", "a=ice-options:ice2,trickle"), -1, []string{"a=ice-options:ice2 trickle"}, nil},
		{"ice options of a section", publish, offerText(publish, "a=ice-options:trickle\n", "", "a=mid:1", "a=mid:1\na=ice-options:trickle"), -1, []string{"a=ice-options:trickle"}, nil},
		{"component 2, mDNS, TCP and names are left out", publish, offerText(publish, "a=candidate:", "a=candidate:1 2 udp 1 10.0.0.1 1000 typ host\n"+
			"a=candidate:2 1 udp 1 f00.local 1000 typ host\na=candidate:3 1 tcp 1 10.0.0.3 9 typ host tcptype active\n"+
			"a=candidate:4 1 udp 1 example.org 1000 typ host\na=candidate:5 1 udp 1 10.0.0.5 0 typ host\na=candidate:nonsense\na=candidate:"), 0,
			[]string{"a=candidate:1 1 udp 2113937151 127.0.0.1 40000 typ host"}, []string{"candidate:1 2", "candidate:2", "candidate:3", "candidate:4", "candidate:5", "nonsense"}},
		{"a passive client stays passive", publish, offerText(publish, "actpass", "passive"), 0, []string{"a=setup:passive"}, nil},
		{"no setup means either", publish, offerText(publish, "a=setup:actpass\n", ""), 0, []string{"a=setup:actpass"}, nil},
		{"the strongest common fingerprint", publish, offerText(publish, "a=fingerprint", "a=fingerprint:sha-1 AA:BB\na=fingerprint"), 0, []string{fingerprint}, []string{"sha-1"}},
		{"payload types that are not described", publish, offerText(publish, "SAVPF 96 97", "SAVPF 96 97 98 x 96"), 1, []string{"m=video 9 UDP/TLS/RTP/SAVPF 96 97"}, nil},
		{"a repair of nothing", publish, offerText(publish, "apt=96", "apt=95"), 1, []string{"m=video 9 UDP/TLS/RTP/SAVPF 96"}, []string{"apt", "rtx"}},
		{"a stray blank in rtpmap", publish, offerText(publish, "rtpmap:96 ", "rtpmap:96  "), 1, []string{"a=rtpmap:96 H264/90000"}, nil},
		{"header extensions of the other direction, and broken ones", publish, offerText(publish, "a=mid:1", "a=mid:1\na=extmap:1/recvonly urn:a\na=extmap:2/sendonly urn:b\na=extmap:0 urn:c\na=extmap:x urn:d\na=extmap:3"), 1,
			[]string{"a=extmap:2/sendonly urn:b"}, []string{"urn:a", "urn:c", "urn:d", "extmap:3"}},
		{"layers to receive are not layers to send", publish, offerText(publish, "a=mid:1", "a=mid:1\na=rid:h send\na=rid:q recv\na=simulcast:recv q send h"), 1,
			[]string{"a=rid:h send", "a=simulcast:send h"}, []string{"rid:q", "recv"}},
		{"unknown kinds of lines", publish, offerText(publish, "t=0 0", "b=XX:what\nt=0 0", "a=mid:0", "b=TIAS-OR-SO\na=mid:0"), 0, []string{"a=mid:0"}, []string{"TIAS"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := mustParse(t, tt.role, tt.body)
			got := section(t, o.SDP, tt.n)
			wantLines(t, got, tt.lines...)
			wantNone(t, got, tt.absent...)
		})
	}
}

// bundleOnly is an offer like the example of RFC 9725: the second section has
// no transport of its own.
func bundleOnly() string {
	text := offerText(negotiate.Publish)
	at := strings.Index(text, "m=video")
	audio, video := text[:at], text[at:]
	var kept []string
	for line := range strings.SplitSeq(video, "\r\n") {
		switch key, _, _ := strings.Cut(line, ":"); key {
		case "a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup", "a=rtcp-mux", "c=IN IP4 0.0.0.0":
		default:
			kept = append(kept, line)
		}
	}

	return audio + strings.Replace(strings.Join(kept, "\r\n"), "m=video 9", "m=video 0", 1) + "a=bundle-only\r\n"
}

func TestParseOfferAcceptsLoosely(t *testing.T) {
	tests := []struct{ name, body string }{
		{"bare line feeds", strings.ReplaceAll(offerText(negotiate.Publish), "\r", "")},
		{"no newline at the end", strings.TrimSpace(offerText(negotiate.Publish))},
		{"blanks at line ends", strings.ReplaceAll(offerText(negotiate.Publish), "\r\n", " \r\n")},
		{"the old name of the transport", offerText(negotiate.Publish, "UDP/TLS/RTP/SAVPF", "RTP/SAVPF")},
		{"one stream id and none", offerText(negotiate.Publish, "a=mid:1", "a=mid:1\na=msid:one v")},
		{"a stream id and a dash", offerText(negotiate.Publish, "a=mid:0", "a=mid:0\na=msid:- a", "a=mid:1", "a=mid:1\na=msid:one v")},
		{"a fingerprint in small letters", offerText(negotiate.Publish, "3E:5D", "3e:5d")},
		{"attributes before the connection line", offerText(negotiate.Publish, "c=IN IP4 0.0.0.0\n", "", "a=mid:1", "a=mid:1\nc=IN IP4 0.0.0.0")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mustParse(t, negotiate.Publish, tt.body)
		})
	}
}

func TestParseOfferKeepsThePlaceOfRejectedSections(t *testing.T) {
	data := "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\na=sctp-port:5000\r\n"
	body := offerText(negotiate.Watch, "m=video 9", "m=video 0") // switched off by the client
	at := strings.Index(body, "m=audio")
	o := mustParse(t, negotiate.Watch, body[:at]+data+body[at:])

	var got []string
	for _, m := range o.Media {
		got = append(got, fmt.Sprint(m.Kind, " ", m.Mid, " ", m.Rejected))
	}
	want := []string{"application d true", "audio 0 false", "video 1 true"}
	if !slices.Equal(got, want) {
		t.Errorf("sections %q, want %q", got, want)
	}
	wantNone(t, o.SDP, "m=application", "m=video")
	wantLines(t, o.SDP, "a=group:BUNDLE 0")
}

// A page that offers a data channel first lets it carry the transport.
func TestParseOfferTakesTheTransportFromADataChannel(t *testing.T) {
	body := offerText(negotiate.Watch, "BUNDLE 0 1", "BUNDLE d 0 1", "m=audio 9", "m=audio 0", "m=video 9", "m=video 0",
		"a=mid:0", "a=mid:0\na=bundle-only", "a=mid:1", "a=mid:1\na=bundle-only",
		"a=ice-ufrag:abcd\n", "", "a=ice-pwd:0123456789abcdefghijkl\n", "", "a=setup:actpass\n", "")
	data := "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=ice-ufrag:wxyz\r\n" +
		"a=ice-pwd:lkjihgfedcba9876543210\r\na=setup:active\r\na=candidate:1 1 udp 5 127.0.0.1 5555 typ host\r\n"
	at := strings.Index(body, "m=audio")
	o := mustParse(t, negotiate.Watch, body[:at]+data+body[at:])

	if o.Ufrag != "wxyz" || !o.HasCandidates {
		t.Errorf("ufrag %q, has candidates %v", o.Ufrag, o.HasCandidates)
	}
	wantLines(t, section(t, o.SDP, 0), "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=ice-ufrag:wxyz", "a=setup:active",
		"a=candidate:1 1 udp 5 127.0.0.1 5555 typ host")
	wantLines(t, section(t, o.SDP, 1), "a=ice-ufrag:wxyz", "a=setup:active")
}

func TestParseOfferReadsCodecs(t *testing.T) {
	body := offerText(negotiate.Publish,
		"SAVPF 96 97", "SAVPF 96 97 98 99 100 101",
		"a=rtpmap:96 H264/90000", "a=rtcp-fb:* nack\na=rtcp-fb:96 nack pli\na=rtcp-fb:96 nack\na=rtpmap:96 h264/90000",
		"a=rtpmap:97", "a=rtpmap:98 ulpfec/90000\na=rtpmap:99 red/90000\na=rtpmap:100 vp8/90000\na=rtpmap:101 X-unknown/90000\na=rtpmap:97",
		"SAVPF 111", "SAVPF 111 0 8")
	o := mustParse(t, negotiate.Publish, body)

	want := []negotiate.Format{
		{PayloadType: 96, RTX: 97, Feedback: []string{"nack", "nack pli"}, Codec: codec.Codec{MimeType: "video/H264", ClockRate: 90000,
			Fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}},
		{PayloadType: 100, Codec: codec.Codec{MimeType: "video/VP8", ClockRate: 90000}, Feedback: []string{"nack"}},
		{PayloadType: 101, Codec: codec.Codec{MimeType: "video/X-unknown", ClockRate: 90000}, Feedback: []string{"nack"}},
	}
	equal := func(a, b negotiate.Format) bool { return fmt.Sprintf("%#v", a) == fmt.Sprintf("%#v", b) }
	if got := o.Media[1].Codecs; !slices.EqualFunc(got, want, equal) {
		t.Errorf("codecs\n%+v, want\n%+v", got, want)
	}
	audio := []negotiate.Format{
		{PayloadType: 111, Codec: codec.Codec{MimeType: "audio/opus", ClockRate: 48000, Channels: 2}},
		{PayloadType: 0, Codec: codec.Codec{MimeType: "audio/PCMU", ClockRate: 8000}},
		{PayloadType: 8, Codec: codec.Codec{MimeType: "audio/PCMA", ClockRate: 8000}},
	}
	if got := o.Media[0].Codecs; !slices.EqualFunc(got, audio, equal) {
		t.Errorf("codecs\n%+v, want\n%+v", got, audio)
	}
}

func TestParseOfferReadsWhatThePublisherSends(t *testing.T) {
	video := mustParse(t, negotiate.Publish, string(fixture(t, "chromium-sendonly"))).Media[1]
	mid := negotiate.Extension{ID: 4, URI: "urn:ietf:params:rtp-hdrext:sdes:mid"}
	if !slices.Contains(video.Extensions, mid) {
		t.Errorf("no %v in %v", mid, video.Extensions)
	}

	simulcast := mustParse(t, negotiate.Publish, string(fixture(t, "obs-simulcast"))).Media[1]
	if !slices.Equal(simulcast.RIDs, []string{"0", "1", "2"}) {
		t.Errorf("RIDs %q", simulcast.RIDs)
	}

	// Simulcast as it was before RIDs.
	old := mustParse(t, negotiate.Publish, offerText(negotiate.Publish, "a=mid:1", "a=mid:1\na=ssrc-group:FID 2 12\n"+
		"a=ssrc-group:SIM 1 2 3\na=ssrc-group:FID 1 11\na=ssrc-group:FID 3 13\na=ssrc:1 cname:x\na=ssrc:2 cname:x")).Media[1]
	if !slices.Equal(old.OtherLayers, []uint32{2, 3, 12, 13}) || !slices.Equal(old.Sources, []uint32{1, 2}) {
		t.Errorf("other layers %d, sources %d", old.OtherLayers, old.Sources)
	}
}

func TestParseOfferBoundsCandidates(t *testing.T) {
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "a=candidate:1 1 udp 1 10.0.%d.%d 1000 typ host\n", i/250, i%250)
	}
	o := mustParse(t, negotiate.Watch, offerText(negotiate.Watch, "a=mid:0\n", "a=mid:0\n"+many.String()))
	// Each is an address that the server sends checks to at a stranger's wish.
	if n := strings.Count(section(t, o.SDP, 0), "a=candidate:"); n > 50 {
		t.Errorf("%d candidates", n)
	}
}

// When the first section is rejected, the bundle moves to the transport of the
// next one. That is its own where it has one.
func TestParseOfferLeavesEverySectionATransport(t *testing.T) {
	borrowed := mustParse(t, negotiate.Watch, offerText(negotiate.Watch))
	wantLines(t, section(t, borrowed.SDP, 1), "a=candidate:1 1 udp 2113937151 127.0.0.1 40000 typ host")

	own := mustParse(t, negotiate.Watch, string(fixture(t, "chromium-recvonly")))
	wantLines(t, section(t, own.SDP, 1), "a=candidate:303023745 1 udp 2122194687 127.0.0.1 44300 typ host")
	wantNone(t, section(t, own.SDP, 1), "52616")

	other := mustParse(t, negotiate.Watch, offerText(negotiate.Watch,
		"a=mid:1", "a=mid:1\na=ice-ufrag:mine", "a=ice-ufrag:abcd\na=ice-pwd", "a=ice-pwd", "a=mid:0", "a=mid:0\na=ice-ufrag:abcd"))
	wantLines(t, section(t, other.SDP, 1), "a=ice-ufrag:mine")
	wantNone(t, section(t, other.SDP, 1), "candidate")
	if other.Ufrag != "abcd" {
		t.Errorf("ufrag %q", other.Ufrag)
	}
}

// Audio and video of two media streams are the two tracks of one stream to viewers.
func TestParseOfferTakesTwoMediaStreams(t *testing.T) {
	for name, changes := range map[string][]string{
		"msid":         {"a=mid:0", "a=mid:0\na=msid:one a", "a=mid:1", "a=mid:1\na=msid:two v"},
		"old notation": {"a=mid:0", "a=mid:0\na=ssrc:1 msid:one a", "a=mid:1", "a=mid:1\na=ssrc:2 msid:two v"},
	} {
		t.Run(name, func(t *testing.T) {
			o := mustParse(t, negotiate.Publish, offerText(negotiate.Publish, changes...))
			if !o.Media[0].Flows() || !o.Media[1].Flows() {
				t.Errorf("the sections are %+v", o.Media)
			}
		})
	}
}

// inactiveVideos are that many sections, with the mids from 2 on.
func inactiveVideos(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:%d\r\na=inactive\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\n", 2+i)
	}

	return b.String()
}

// An inactive section stays in the offer, as what it is: one more of a kind, or the
// one that carries the transport.
func TestParseOfferKeepsInactiveSections(t *testing.T) {
	for _, role := range []negotiate.Role{negotiate.Publish, negotiate.Watch} {
		direction := map[negotiate.Role]string{negotiate.Publish: "a=sendonly", negotiate.Watch: "a=recvonly"}[role]
		body := offerText(role, "a=mid:0\n"+direction, "a=mid:0\na=msid:one a\na=inactive")
		o := mustParse(t, role, body)
		if !o.Media[0].Inactive || o.Media[0].Flows() || o.Media[1].Inactive || !o.Media[1].Flows() {
			t.Fatalf("%v: %+v", role, o.Media)
		}
		audio := section(t, o.SDP, 0)
		wantLines(t, audio, "a=inactive")
		wantNone(t, audio, direction[2:], "msid")
		wantLines(t, section(t, o.SDP, 1), direction)

		if o = mustParse(t, role, offerText(role, "BUNDLE 0 1", "BUNDLE 0 1 2")+inactiveVideos(1)); !o.Media[2].Inactive {
			t.Errorf("%v: a second video section that is inactive: %+v", role, o.Media)
		}
	}
}

// The transport is what the sections say of it, read once.
func TestParseOfferReadsTheTransport(t *testing.T) {
	o := mustParse(t, negotiate.Publish, offerText(negotiate.Publish))
	want := &negotiate.Transport{
		Fingerprints: []string{"sha-256 3E:5D:09:C4:7A:61:F8:22:9B:E0:14:AD:57:C3:88:0F:6B:D2:41:96:EE:70:35:1C:A9:04:BF:68:DB:12:F7:80"},
		Candidates:   []string{"1 1 udp 2113937151 127.0.0.1 40000 typ host"},
	}
	if !reflect.DeepEqual(o.Transport, want) {
		t.Errorf("got %+v, want %+v", o.Transport, want)
	}
	o = mustParse(t, negotiate.Publish, offerText(negotiate.Publish, "actpass", "active", "a=ice-options", "a=ice-lite\na=ice-options"))
	if !o.Transport.Active || !o.Transport.Lite {
		t.Errorf("got %+v, want one that is active, and lite", o.Transport)
	}
}
