//go:build linux && !race

package peer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/processtest"
)

// An offer as large as a body and as long as the bounds allow is answered, from its
// text on, in at most 20 ms of processor time, all threads counted.
func TestEveryOfferIsAnsweredCheaply(t *testing.T) {
	engine := newEngine(t, peer.Config{})
	viewer, publisher := newClient(t, clientConfig{}), newClient(t, clientConfig{})
	viewer.watch(t)
	publisher.publish(t)
	for role, text := range map[negotiate.Role]string{negotiate.Watch: viewer.offer(t), negotiate.Publish: publisher.offer(t)} {
		t.Run(fmt.Sprint(role), func(t *testing.T) { answersCheaply(t, engine, role, text) })
	}
}

// answersCheaply repeats each line that is known to be dear.
func answersCheaply(t *testing.T, engine *peer.Engine, role negotiate.Role, text string) {
	t.Helper()
	const most = 20 * time.Millisecond
	for _, line := range []string{
		"a=rtcp-fb:* nack %d", "a=unknown%d:" + strings.Repeat("x", 50), "a=ssrc:%d cname:x", "a=candidate:%d 1 udp %[1]d 192.0.2.1 5000 typ host",
		"a=extmap:%d urn:%[1]d", "a=fmtp:%d " + strings.Repeat("a=1;", 15), "a=rtpmap:%d H264/90000", "a=ssrc-group:FID %d 1", "a=rid:%d send", "a=simulcast:send " + strings.Repeat("a;", 800), "a=msid:a%d b", "a=ice-options:a%d", "a=fingerprint:sha-%d 00:11",
	} {
		body := text
		for i := 0; len(body) < 127<<10 && strings.Count(body, "\n") < 1990; i++ {
			body += fmt.Sprintf(line, i) + "\r\n"
		}
		least := time.Hour
		for range 3 {
			before := processtest.ProcessorTime(t)
			offer, err := negotiate.ParseOffer(role, []byte(body))
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			s := answerOffer(t, engine, offer)
			least = min(least, processtest.ProcessorTime(t)-before)
			s.Close(nil)
		}
		if least > most {
			t.Errorf("an offer of %d bytes with lines %q costs %v, %v are allowed", len(body), line, least, most)
		}
	}
}
