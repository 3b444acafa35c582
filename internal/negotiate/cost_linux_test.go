//go:build linux && !race

package negotiate_test

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
)

// maxBody is what a request may have by default.
const maxBody = 128 << 10

// most is the processor time that a description of any content may cost. The worst that
// is known takes a fifth of it.
const most = 20 * time.Millisecond

// repeatable are the lines that an offer can repeat; %d is another number each time, %s is long.
func repeatable() []string {
	return []string{
		"a=rtcp-fb:* nack %d", "a=rtcp-fb:* nack pli", "a=rtcp-fb:96 ccm %d", "a=rtcp-fb:96 nack %s",
		"a=rtpmap:%d H264/90000", "a=rtpmap:96 H264/%d", "a=rtpmap:%d %s/90000",
		"a=fmtp:96 apt=%d", "a=fmtp:%d a=1;a=1;a=1;a=1;a=1;a=1", "a=fmtp:96 profile-level-id=%s", "a=fmtp:%d %s",
		"a=extmap:%d urn:%[1]d", "a=extmap:%d urn:x", "a=extmap:1 %s",
		"a=candidate:%d 1 udp %[1]d 192.0.2.1 5000 typ host", "a=candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
		"a=candidate:1 1 udp 1 x%d.local 5000 typ host", "a=candidate:%s",
		"a=ssrc:%d cname:x", "a=ssrc:%d msid:a b", "a=ssrc-group:FID %d 1", "a=ssrc-group:FID 1 %d", "a=ssrc-group:SIM %d %s",
		"a=rid:%d send", "a=rid:1 send %s", "a=simulcast:send %s", "a=msid:a%d b", "a=group:LS %d", "a=group:BUNDLE 0 1 %s",
		"a=fingerprint:sha-256 00", "a=fingerprint:sha-%d 00:11", "a=ice-options:a%d", "a=ice-options:%s", "a=ice-ufrag:a%d",
		"a=mid:%d", "a=setup:actpass", "a=sendrecv", "a=unknown%d", "a=%s", "b=AS:%d", "c=IN IP4 10.0.0.%d", "i=%s",
		"m=audio 0 RTP/AVP %d", "m=video 9 UDP/TLS/RTP/SAVPF 96 %d", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
		"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:x%d\r\na=inactive\r\na=rtpmap:96 H264/90000", "",
	}
}

// hostile is the plain offer with as many of a line as fit into size bytes, at the end
// of the part of the session or of the last section.
func hostile(role negotiate.Role, line string, width, size int, session bool) string {
	text := offerText(role)
	var more strings.Builder
	long := strings.Repeat("9;8 ", width/4)
	for i := 0; len(text)+more.Len() < size; i++ {
		// Both, whichever the line has.
		filled := strings.ReplaceAll(line, "%s", long)
		filled = strings.ReplaceAll(strings.ReplaceAll(filled, "%[1]d", fmt.Sprint(i)), "%d", fmt.Sprint(i))
		more.WriteString(filled + "\r\n")
	}
	if session {
		return strings.Replace(text, "m=audio", more.String()+"m=audio", 1)
	}
	return text + more.String()
}

// judge does what whip and whep do with an offer before they make a connection.
func judge(role negotiate.Role, body []byte) error {
	o, err := negotiate.ParseOffer(role, body)
	if err != nil {
		return err
	}
	for _, m := range o.Media {
		if role == negotiate.Watch {
			_, _ = m.Match(codec.Codec{MimeType: "video/H264", ClockRate: 90_000, Fmtp: "profile-level-id=42e01f;packetization-mode=1"})
			_, _ = m.Match(codec.Codec{MimeType: "audio/opus", ClockRate: 48_000, Channels: 2})
		} else {
			_, _ = m.Supported()
		}
	}
	return nil
}

// Whatever line an offer repeats, as often as fits into a body or just within the
// bounds: it costs little. The same for fragments.
func TestEveryShapeOfOfferIsCheap(t *testing.T) {
	for _, line := range repeatable() {
		for _, size := range []int{16 << 10, 30 << 10, maxBody} { // what the bounds of session and lines let pass, and all
			for _, session := range []bool{false, true} {
				for _, width := range []int{60, 4000} {
					if width != 60 && !strings.Contains(line, "%s") {
						continue
					}
					isCheap(t, line, width, size, session)
				}
			}
		}
	}
}

// FuzzCost measures the time for each shape that the fuzzer makes up.
func FuzzCost(f *testing.F) {
	for i, line := range repeatable() {
		f.Add(line, 60, maxBody, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, line string, width, size int, session bool) {
		isCheap(t, line, min(max(width, 0), maxBody), min(max(size, 0), maxBody), session)
	})
}

func isCheap(t *testing.T, line string, width, size int, session bool) {
	t.Helper()
	for _, role := range []negotiate.Role{negotiate.Publish, negotiate.Watch} {
		body := []byte(hostile(role, line, width, size, session))
		if cpu := cpuOf(func() { _ = judge(role, body) }); cpu > most {
			t.Errorf("%v: an offer of %d bytes with lines %q (long: %d, in the session: %v) costs %v, %v are allowed",
				role, len(body), line, width, session, cpu, most)
		}
		if cpu := cpuOf(func() { _, _ = negotiate.ParseFragment(body) }); cpu > most {
			t.Errorf("a fragment of %d bytes with lines %q costs %v, %v are allowed", len(body), line, cpu, most)
		}
	}
}

// cpuOf returns the processor time of this thread that f takes, the least of three
// times: other processes cost none of it.
func cpuOf(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	least := time.Hour
	for range 3 {
		before := threadTime()
		f()
		least = min(least, threadTime()-before)
	}

	return least
}

func threadTime() time.Duration {
	const thisThread = 1 // RUSAGE_THREAD of Linux
	var usage syscall.Rusage
	if err := syscall.Getrusage(thisThread, &usage); err != nil {
		panic(err)
	}

	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
