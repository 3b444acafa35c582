package negotiate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"porthole/internal/negotiate"
)

// pionAnswer is what pion makes of the plain offer, with the candidates that a
// test wants; every one is listed for both components, as pion does.
func pionAnswer(role negotiate.Role, candidates []string, replacements ...string) string {
	direction, source := "recvonly", ""
	if role == negotiate.Watch {
		direction = "sendonly"
		source = "a=ssrc:77 cname:porthole\na=ssrc:77 msid:porthole video\na=msid:porthole video\n"
	}
	var lines strings.Builder
	for _, c := range candidates {
		fmt.Fprintf(&lines, "a=candidate:%s\na=candidate:%s\n", c, strings.Replace(c, " 1 ", " 2 ", 1))
	}
	transport := "c=IN IP4 0.0.0.0\na=setup:active\n"
	credentials := "a=ice-ufrag:srvr\na=ice-pwd:serverpasswordserverpw\na=rtcp-mux\na=rtcp-rsize\n"
	text := "v=0\no=- 5 6 IN IP4 0.0.0.0\ns=-\nt=0 0\na=msid-semantic:WMS *\n" +
		"a=fingerprint:sha-256 00:11:22:33\na=extmap-allow-mixed\na=group:BUNDLE 0 1\n" +
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\n" + transport + "a=mid:0\n" + credentials +
		"a=rtpmap:111 opus/48000/2\na=" + direction + "\n" + lines.String() + "a=end-of-candidates\n" +
		"m=video 9 UDP/TLS/RTP/SAVPF 96\n" + transport + "a=mid:1\n" + credentials +
		"a=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1;profile-level-id=42e01f;sprop-parameter-sets=Z0LAH9o,aM48\n" +
		source + "a=" + direction + "\n"
	for i := 0; i+1 < len(replacements); i += 2 {
		text = strings.ReplaceAll(text, replacements[i], replacements[i+1])
	}

	return strings.ReplaceAll(text, "\n", "\r\n")
}

// hosts are candidates as pion writes them.
func host(foundation, address string) string {
	return foundation + " 1 udp 2130706431 " + address + " 8081 typ host"
}

func mustFinish(t testing.TB, o *negotiate.Offer, answer string) string {
	t.Helper()
	text, err := finishAnswer(o, answer)
	if err != nil {
		t.Fatalf("FinishAnswer: %v", err)
	}
	again, err := finishAnswer(o, text)
	if err != nil || again != text {
		t.Errorf("finishing a finished answer (error %v) changed\n%s\nto\n%s", err, text, again)
	}

	return text
}

func TestFinishAnswerOrdersCandidates(t *testing.T) {
	// Each list is in the order that the client should see.
	tests := []struct {
		name string
		want []string
	}{
		{"everything", []string{
			host("1", "203.0.113.7"),
			host("2", "192.168.1.20"),
			host("3", "100.64.3.4"),
			host("4", "169.254.9.9"),
			host("5", "2001:db8::7"),
			host("6", "fe80::7"),
			"7 1 udp 1694498815 198.51.100.1 8081 typ srflx raddr 0.0.0.0 rport 8081",
			"9 1 tcp 1671430143 192.168.1.20 8081 typ host tcptype passive",
			"a 1 tcp 1671430143 2001:db8::7 8081 typ host tcptype passive",
			"8 1 udp 16777215 198.51.100.9 50000 typ relay raddr 198.51.100.1 rport 8081",
			host("b", "porthole.local"),
			host("c", "127.0.0.1"),
			host("d", "::1"),
			"e 1 tcp 1671430143 127.0.0.1 8081 typ host tcptype passive",
		}},
		{"only loopback", []string{
			host("1", "127.0.0.1"),
			"2 1 tcp 1671430143 127.0.0.1 8081 typ host tcptype passive",
		}},
		{"loopback that was named, before what a STUN server tells", []string{
			host("1", "127.0.0.1"),
			"2 1 udp 1694498815 198.51.100.1 8081 typ srflx raddr 0.0.0.0 rport 0",
			"3 1 tcp 1671430143 127.0.0.1 8081 typ host tcptype passive",
			"4 1 udp 16777215 198.51.100.9 50000 typ relay raddr 0.0.0.0 rport 0",
		}},
		{"equals stay in their order", []string{host("1", "10.0.0.9"), host("2", "10.0.0.1"), host("3", "192.168.0.1")}},
		{"none", nil},
	}
	o := mustParse(t, negotiate.Publish, offerText(negotiate.Publish))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			given := make([]string, 0, len(tt.want))
			for i := range tt.want { // backwards, except where the order shall stay
				given = append([]string{tt.want[i]}, given...)
			}
			if strings.HasPrefix(tt.name, "equals") || tt.name == "everything" {
				given = append([]string(nil), tt.want...)
			}
			if tt.name == "everything" {
				given = append(given[5:], given[:5]...) // loopback in the middle, public far from the front
			}
			text := mustFinish(t, o, pionAnswer(negotiate.Publish, given))
			var lines strings.Builder
			for _, c := range tt.want {
				lines.WriteString("a=candidate:" + c + "\r\n")
			}
			if want := lines.String() + "a=end-of-candidates\r\n"; !strings.HasSuffix(section(t, text, 0), want) {
				t.Errorf("the first section does not end with\n%s:\n%s", want, section(t, text, 0))
			}
			wantNone(t, section(t, text, 1), "candidate")
		})
	}
}

func TestFinishAnswerStaysBelowFFmpegsLimit(t *testing.T) {
	o := mustParse(t, negotiate.Publish, offerText(negotiate.Publish))
	var many []string
	for i := range 200 {
		many = append(many, host(fmt.Sprint(i), fmt.Sprintf("10.0.0.%d", i)))
	}
	many = append(many, host("x", "203.0.113.7"), host("y", "127.0.0.1"))
	text := mustFinish(t, o, pionAnswer(negotiate.Publish, many))
	if len(text) >= 8192 || len(text) < 8000 {
		t.Errorf("%d bytes", len(text))
	}
	if first := strings.Index(text, "a=candidate:"); !strings.HasPrefix(text[first:], "a=candidate:x ") {
		t.Errorf("the best candidate does not come first: %.80s", text[first:])
	}
	wantNone(t, text, "127.0.0.1 8081")

	// What is too big without candidates keeps the one that it needs.
	padding := "a=x:" + strings.Repeat("y", 9000) + "\na=mid:1\n"
	text = mustFinish(t, o, pionAnswer(negotiate.Publish, many, "a=mid:1\n", padding))
	if n := strings.Count(text, "a=candidate:"); n != 1 {
		t.Errorf("%d candidates", n)
	}
}

func TestFinishAnswerSaysOnlyWhatWasOffered(t *testing.T) {
	const publish, watch = negotiate.Publish, negotiate.Watch
	one := []string{host("1", "10.0.0.1")}
	tests := []struct {
		name   string
		role   negotiate.Role
		offer  []string // replacements
		answer []string
		lines  []string
		absent []string
	}{
		{"always", publish, nil, []string{"a=mid:0\n", "a=mid:0\na=rtcp:9 IN IP4 0.0.0.0\na=bundle-only\n"},
			[]string{"a=rtcp-mux", "a=setup:active", "a=recvonly", "a=group:BUNDLE 0 1"}, []string{"a=rtcp:", "bundle-only", "a=inactive"}},
		{"rtcp-rsize not offered", publish, nil, nil, nil, []string{"rsize"}},
		{"rtcp-rsize offered", publish, []string{"a=rtcp-mux\n", "a=rtcp-mux\na=rtcp-rsize\n"}, nil, []string{"a=rtcp-rsize"}, nil},
		{"rtcp-mux-only not offered", publish, nil, nil, nil, []string{"mux-only"}},
		{"rtcp-mux-only offered", publish, []string{"a=rtcp-mux\n", "a=rtcp-mux\na=rtcp-mux-only\n"}, nil, []string{"a=rtcp-mux-only"}, nil},
		{"trickle offered", publish, nil, nil, []string{"a=ice-options:trickle"}, []string{"ice2"}},
		{"trickle and ice2 offered, with a comma", publish, []string{"a=ice-options:trickle", "a=ice-options:ice2,trickle"}, nil, []string{"a=ice-options:ice2 trickle"}, nil},
		{"an option that nobody here knows", publish, []string{"a=ice-options:trickle", "a=ice-options:renomination"}, []string{"t=0 0", "t=0 0\na=ice-options:trickle renomination"}, nil, []string{"ice-options"}},
		{"no options offered", publish, []string{"a=ice-options:trickle\n", ""}, []string{"t=0 0", "t=0 0\na=ice-options:trickle"}, nil, []string{"ice-options"}},
		{"no source in a WHIP answer", publish, nil, []string{"a=mid:1\n", "a=mid:1\na=ssrc:5 cname:x\na=ssrc-group:FID 5 6\na=msid:x y\n"}, nil, []string{"ssrc", "msid"}},
		{"a source in a WHEP answer", watch, nil, nil, []string{"a=msid:porthole video", "a=ssrc:77 cname:porthole", "a=sendonly"}, nil},
		{"the transport as offered", publish, []string{"UDP/TLS/RTP/SAVPF", "RTP/SAVPF"}, nil, []string{"m=audio 9 RTP/SAVPF 111", "m=video 9 RTP/SAVPF 96"}, []string{"UDP/TLS"}},
		{"no parameter sets", publish, nil, nil, []string{"a=fmtp:96 packetization-mode=1;profile-level-id=42e01f"}, []string{"sprop"}},
		{"no parameter sets and nothing else", publish, nil, []string{"packetization-mode=1;profile-level-id=42e01f;", ""}, nil, []string{"fmtp"}},
		{"header extensions", publish, []string{"a=mid:1\n", "a=mid:1\na=extmap:4 urn:m\n"}, []string{"a=mid:1\n", "a=mid:1\na=extmap:4 urn:m\na=extmap:5 urn:n\n"}, []string{"a=extmap:4 urn:m"}, []string{"urn:n"}},
		{"an active client", publish, []string{"actpass", "active"}, []string{"a=setup:active", "a=setup:passive"}, []string{"a=setup:passive"}, nil},
		{"a passive client", publish, []string{"actpass", "passive"}, nil, []string{"a=setup:active"}, nil},
		{"header extensions for one direction", publish, []string{"a=mid:1\n", "a=mid:1\na=extmap:4/sendonly urn:m\na=extmap:5/sendrecv urn:n\na=extmap:6/recvonly urn:o\n"}, []string{"a=mid:1\n", "a=mid:1\na=extmap:4 urn:m\na=extmap:5 urn:n\na=extmap:6 urn:o\n"}, []string{"a=extmap:4/recvonly urn:m", "a=extmap:5 urn:n"}, []string{"urn:o"}},
		{"mixed extensions not offered", publish, nil, nil, nil, []string{"extmap-allow-mixed"}},
		{"mixed extensions offered", publish, []string{"t=0 0", "t=0 0\na=extmap-allow-mixed"}, nil, []string{"a=extmap-allow-mixed"}, nil},
		{"lip sync to a viewer", watch, []string{"t=0 0", "t=0 0\na=group:LS 1 0 7"}, nil, []string{"a=group:LS 1 0", "a=group:BUNDLE 0 1"}, nil},
		{"lip sync of one track", watch, []string{"t=0 0", "t=0 0\na=group:LS 1"}, nil, nil, []string{"group:LS"}},
		{"lip sync to a publisher", publish, []string{"t=0 0", "t=0 0\na=group:LS 0 1"}, nil, nil, []string{"group:LS"}},
		{"the order of the bundle", publish, []string{"BUNDLE 0 1", "BUNDLE 1 0"}, nil, []string{"a=group:BUNDLE 1 0"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := mustParse(t, tt.role, offerText(tt.role, tt.offer...))
			text := mustFinish(t, o, pionAnswer(tt.role, one, tt.answer...))
			wantLines(t, text, tt.lines...)
			wantNone(t, text, tt.absent...)
			if !strings.HasPrefix(text, "v=0\r\n") || strings.Count(text, "\n") != strings.Count(text, "\r\n") {
				t.Errorf("not CRLF throughout: %q", text)
			}
		})
	}
}

// The candidates belong to the first section of the bundle, wherever it is.
func TestFinishAnswerPutsCandidatesIntoTheBundlesFirstSection(t *testing.T) {
	o := mustParse(t, negotiate.Publish, offerText(negotiate.Publish, "BUNDLE 0 1", "BUNDLE 1 0"))
	text := mustFinish(t, o, pionAnswer(negotiate.Publish, []string{host("1", "10.0.0.1")}))
	wantNone(t, section(t, text, 0), "candidate")
	wantLines(t, section(t, text, 1), "a=candidate:"+host("1", "10.0.0.1"), "a=end-of-candidates")
}

func TestFinishAnswerRejectsInPlace(t *testing.T) {
	data := "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=sctp-port:5000\r\n"
	body := offerText(negotiate.Watch, "BUNDLE 0 1", "BUNDLE d 0 1")
	at := strings.Index(body, "m=audio")
	o := mustParse(t, negotiate.Watch, body[:at]+data+body[at:])

	// The stream has no audio: pion says so without a mid, and leaves the
	// candidates in the section that it rejects.
	answer := pionAnswer(negotiate.Watch, []string{host("1", "10.0.0.1")}, "BUNDLE 0 1", "BUNDLE 1",
		"m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 0 UDP/TLS/RTP/SAVPF 0", "a=mid:0\n", "")
	text := mustFinish(t, o, answer)

	if got, want := section(t, text, 0), "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\na=inactive\r\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := section(t, text, 1), "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	wantLines(t, section(t, text, 2), "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=candidate:"+host("1", "10.0.0.1"), "a=end-of-candidates")
	wantLines(t, text, "a=group:BUNDLE 1")
}

// What was offered inactive is answered inactive, not rejected, and may carry the transport.
func TestFinishAnswerKeepsInactive(t *testing.T) {
	for role, direction := range map[negotiate.Role]string{negotiate.Publish: "sendonly", negotiate.Watch: "recvonly"} {
		o := mustParse(t, role, offerText(role, "a=mid:0\na="+direction, "a=mid:0\na=inactive"))
		answered := map[negotiate.Role]string{negotiate.Publish: "recvonly", negotiate.Watch: "sendonly"}[role]
		text := mustFinish(t, o, pionAnswer(role, []string{host("1", "10.0.0.1")}, "opus/48000/2\na="+answered, "opus/48000/2\na=inactive"))
		wantLines(t, section(t, text, 0), "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=inactive", "a=candidate:"+host("1", "10.0.0.1"))
		wantLines(t, section(t, text, 1), "a="+answered)
		wantLines(t, text, "a=group:BUNDLE 0 1")
	}
}

func TestFinishAnswerRefuses(t *testing.T) {
	const publish, watch = negotiate.Publish, negotiate.Watch
	rejectVideo := []string{"m=video 9", "m=video 0"}
	tests := []struct {
		name   string
		role   negotiate.Role
		answer []string
		codec  bool // ErrNoCommonCodec
		says   string
	}{
		{"a rejected section of a publisher", publish, rejectVideo, true, `m=video (mid "1"), which offers H264 Constrained Baseline`},
		{"a section that is left out", publish, []string{"a=mid:1", "a=mid"}, true, "m=video"},
		{"an inactive section of a publisher", publish, []string{"a=recvonly", "a=inactive"}, true, "m=audio"},
		{"all sections of a viewer", watch, append(rejectVideo, "m=audio 9", "m=audio 0"), true, "nothing that this client takes"},
		{"the wrong direction", watch, []string{"a=sendonly", "a=sendrecv"}, false, "not sendonly"},
		{"a section that was not offered", watch, []string{"a=mid:1", "a=mid:7"}, false, `"7"`},
		{"no DTLS role", watch, []string{"a=setup:active", "a=setup:actpass"}, false, "a=setup:actpass"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := mustParse(t, tt.role, offerText(tt.role))
			_, err := finishAnswer(o, pionAnswer(tt.role, nil, tt.answer...))
			if err == nil || errors.Is(err, negotiate.ErrNoCommonCodec) != tt.codec || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error %v, want one that says %q", err, tt.says)
			}
			if errors.Is(err, negotiate.ErrMalformed) || errors.Is(err, negotiate.ErrUnusable) {
				t.Errorf("error %v blames the client", err)
			}
		})
	}

	// Both sides waiting for the other is found here rather than by a timeout.
	o := mustParse(t, publish, offerText(publish, "actpass", "passive"))
	if _, err := finishAnswer(o, pionAnswer(publish, nil, "a=setup:active", "a=setup:passive")); err == nil {
		t.Error("two passive sides were accepted")
	}
}
