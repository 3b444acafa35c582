//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hostileLines are what an offer repeats, as far as the bounds let it: what cost most
// before there were any.
var hostileLines = []string{
	"a=rtcp-fb:* nack %d", "a=fmtp:%d " + strings.Repeat("a=1;", 12), "a=candidate:%d 1 udp %[1]d 192.0.2.1 5000 typ host",
	"a=extmap:%d urn:%[1]d", "a=rtpmap:%d H264/90000", "a=ssrc:%d cname:x",
}

// offerAttacks are offers that are as large as they may be and are answered all the same.
func offerAttacks() []attack {
	const interval = 10 * time.Millisecond // twice what the rate allows
	large := func(protocol string, offer func(testing.TB, *server) string) func(testing.TB, *server) maker {
		return func(t testing.TB, s *server) maker {
			text := offer(t, s)
			return func(i int) *http.Request {
				stream := "webcam"
				if protocol == "whip" {
					stream = fmt.Sprint("attack-", i)
				}
				return newRequest(http.MethodPost, fmt.Sprintf("%s/%s/%s", s.url, protocol, stream), largeOffer(hostileLines[i%len(hostileLines)], text))
			}
		}
	}
	return []attack{
		{"large offers of viewers", repeat(interval, large("whep", viewersOffer)), map[string]int{"201": 6}},
		{"large offers of publishers", repeat(interval, large("whip", publishersOffer)), map[string]int{"201": 6}},
		{"counter-offers", repeat(interval, func(_ testing.TB, s *server) maker {
			return func(int) *http.Request {
				r := newRequest(http.MethodPost, s.url+"/whep/webcam", "")
				r.Header.Del("Content-Type")
				r.Header.Set("Prefer", "counter-offer")
				return r
			}
		}), map[string]int{"406": 10, "429": 100}},
	}
}

// largeOffer is an offer with as many of a line as a body and the bounds have room for.
func largeOffer(line, offer string) string {
	var text strings.Builder
	text.WriteString(offer)
	for i := strings.Count(offer, "\n"); i < 1950 && text.Len() < 126<<10; i++ {
		fmt.Fprintf(&text, line+"\r\n", i)
	}
	return text.String()
}

// viewersOffer is one that can be answered, by nobody who will ever connect.
func viewersOffer(t testing.TB, s *server) string {
	t.Helper()
	v, err := newViewer(s)
	if err != nil {
		t.Fatal(err)
	}
	defer v.close()
	return offerOf(t, v.peer)
}

// publishersOffer is the same for publishing.
func publishersOffer(t testing.TB, s *server) string {
	t.Helper()
	p, err := newPublisher(s)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	return offerOf(t, p.peer)
}

func offerOf(t testing.TB, p *peer) string {
	t.Helper()
	offer, err := p.offer()
	if err != nil {
		t.Fatal(err)
	}
	return offer
}
