//go:build linux && !race

package peer_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
)

// An offer as large as a body and as long as the bounds allow is answered, from its
// text on, in at most 20 ms of processor time, all threads counted.
func TestEveryOfferIsAnsweredCheaply(t *testing.T) {
	const most = 20 * time.Millisecond
	engine := newEngine(t, peer.Config{})
	c := newClient(t, clientConfig{})
	c.watch(t)
	text := c.offer(t)
	for _, line := range []string{
		"a=rtcp-fb:* nack %d", "a=unknown%d:" + strings.Repeat("x", 50), "a=ssrc:%d cname:x", "a=candidate:%d 1 udp %[1]d 192.0.2.1 5000 typ host",
		"a=extmap:%d urn:%[1]d", "a=fmtp:%d " + strings.Repeat("a=1;", 15), "a=rtpmap:%d H264/90000", "a=ice-options:a%d", "a=fingerprint:sha-%d 00:11",
	} {
		body := text
		for i := 0; len(body) < 127<<10 && strings.Count(body, "\n") < 1990; i++ {
			body += fmt.Sprintf(line, i) + "\r\n"
		}
		least := time.Hour
		for range 3 {
			before := processTime(t)
			offer, err := negotiate.ParseOffer(negotiate.Watch, []byte(body))
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			s := answerOffer(t, engine, offer)
			least = min(least, processTime(t)-before)
			s.Close(nil)
		}
		if least > most {
			t.Errorf("an offer of %d bytes with lines %q costs %v, %v are allowed", len(body), line, least, most)
		}
	}
}

func processTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
