package negotiate_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"porthole/internal/negotiate"
)

// Whatever is posted, the answer is an error of ours or an offer that stands on
// its own: normalising it again changes nothing.
func FuzzParseOffer(f *testing.F) {
	for name, body := range fixtures(f) {
		f.Add(body, roleOf(name) == negotiate.Watch)
	}
	f.Add([]byte(offerText(negotiate.Publish)), false)
	f.Add([]byte(offerText(negotiate.Watch)), true)
	f.Add([]byte(bundleOnly()), false)
	f.Add([]byte(offerText(negotiate.Watch, "BUNDLE 0 1", "BUNDLE 0 1 2")+inactiveVideos(1)), true)
	f.Add([]byte("v=0\r\nhello"), false)
	f.Fuzz(func(t *testing.T, body []byte, watch bool) {
		role := negotiate.Publish
		if watch {
			role = negotiate.Watch
		}
		o, err := negotiate.ParseOffer(role, body)
		if err != nil {
			if !errors.Is(err, negotiate.ErrMalformed) && !errors.Is(err, negotiate.ErrUnusable) {
				t.Fatalf("error %v is of no known kind", err)
			}
			return
		}
		again, err := negotiate.ParseOffer(role, []byte(o.SDP))
		if err != nil {
			t.Fatalf("normalised offer is refused: %v\n%s", err, o.SDP)
		}
		if again.SDP != o.SDP {
			t.Fatalf("not stable:\n%s\n%s", o.SDP, again.SDP)
		}
		if !reflect.DeepEqual(again.Transport, o.Transport) {
			t.Fatalf("the transport is %+v, and %+v by the normalised offer", o.Transport, again.Transport)
		}
		for _, m := range o.Media {
			_, _ = m.Supported()
			for _, c := range m.Codecs {
				_, _ = m.Match(c.Codec)
			}
		}
	})
}

// Formatting a parsed fragment and parsing it again gives the same candidates.
func FuzzParseFragment(f *testing.F) {
	f.Add([]byte("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uY\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n" +
		"a=candidate:1 1 udp 2130706431 198.51.100.1 39132 typ host\r\na=end-of-candidates\r\n"))
	f.Add([]byte("a=ice-ufrag:EsAw\na=mid:0\na=candidate:2 1 udp 7 ::1 5 typ srflx raddr :: rport 9\na=mid:1\na=candidate:3 1 udp 1 10.0.0.1 5 typ host"))
	f.Add([]byte("hello"))
	f.Fuzz(func(t *testing.T, body []byte) {
		parsed, err := negotiate.ParseFragment(body)
		if err != nil {
			if !errors.Is(err, negotiate.ErrMalformed) {
				t.Fatalf("error %v is of no known kind", err)
			}
			return
		}
		text := negotiate.FormatFragment(parsed)
		again, err := negotiate.ParseFragment([]byte(text))
		if err != nil {
			t.Fatalf("formatted fragment is refused: %v\n%s", err, text)
		}
		if again.Ufrag != parsed.Ufrag || again.Pwd != parsed.Pwd ||
			again.EndOfCandidates != parsed.EndOfCandidates || len(again.Candidates) != len(parsed.Candidates) {
			t.Fatalf("got %+v, want %+v", again, parsed)
		}
		for i, c := range parsed.Candidates {
			if got := again.Candidates[i]; got.Mid != c.Mid || got.Value != c.Value {
				t.Fatalf("got %+v, want %+v", got, c)
			}
		}
	})
}

// Answers are ours, but they hold what clients sent. A finished answer is
// stable, and its candidates stay where FFmpeg looks for them.
func FuzzFinishAnswer(f *testing.F) {
	one := []string{host("1", "10.0.0.1"), host("2", "127.0.0.1")}
	f.Add(offerText(negotiate.Publish), pionAnswer(negotiate.Publish, one), false)
	f.Add(offerText(negotiate.Watch), pionAnswer(negotiate.Watch, one), true)
	f.Add(offerText(negotiate.Watch), pionAnswer(negotiate.Watch, one, "m=audio 9", "m=audio 0", "a=mid:0\n", ""), true)
	f.Fuzz(func(t *testing.T, offer, answer string, watch bool) {
		role := negotiate.Publish
		if watch {
			role = negotiate.Watch
		}
		o, err := negotiate.ParseOffer(role, []byte(offer))
		if err != nil {
			return
		}
		text, err := finishAnswer(o, answer)
		if err != nil {
			return
		}
		again, err := finishAnswer(o, text)
		if err != nil || again != text {
			t.Fatalf("not stable (%v):\n%s\n%s", err, text, again)
		}
		if got, want := strings.Count(text, "\r\nm="), len(o.Media); got != want {
			t.Fatalf("%d sections, want %d:\n%s", got, want, text)
		}
		if len(text) >= 8192 && strings.Count(text, "a=candidate:") > 1 {
			t.Fatalf("%d bytes with candidates to spare", len(text))
		}
	})
}
