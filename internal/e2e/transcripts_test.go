//go:build e2e && linux

package e2e_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestTranscriptsOfAFloodAreBounded sends as many PATCHes as a session's transcript can
// count, each with a header as long as one may be, to session after session, as fast as
// the server takes them: without a limit on requests, so that it is the transcripts'
// bound that holds.
func TestTranscriptsOfAFloodAreBounded(t *testing.T) {
	const (
		sessions = 60
		patches  = 63
		most     = 64 // MiB, of 111 that are sent as headers
	)
	s := startProgram(t, plainBinary(t), "--source", patternSource, "--rate-limit", "0", "--log-level", "info")
	s.waitLive(t, "webcam", true, 20*time.Second)
	offer := viewersOffer(t, s)
	flood := func(n int) []string {
		var begun []string
		var mu sync.Mutex
		var clients sync.WaitGroup
		answers := &tallies{}
		due := make(chan struct{}, n)
		for range n {
			due <- struct{}{}
		}
		close(due)
		for range 4 {
			client := clientFrom(t, net.IPv4(127, 0, 0, 2))
			clients.Go(func() {
				for range due {
					session := ask(context.Background(), client, newRequest(http.MethodPost, s.url+"/whep/webcam", offer), answers)
					mu.Lock()
					begun = append(begun, session)
					mu.Unlock()
					for i := range patches {
						ask(context.Background(), client, longPatch(session, offer, i), answers)
					}
				}
			})
		}
		clients.Wait()
		if got := answers.all(); got["201"] != n || got["204"] != n*patches {
			t.Fatalf("the server answered %v, want %d times 201 and %d times 204", got, n, n*patches)
		}
		return begun
	}
	endSessions(t, flood(4)) // what the first requests bring into being
	before := s.residentMiB(t)
	begun := flood(sessions)
	kept := s.residentMiB(t) - before
	t.Logf("%.1f MiB are kept of %d sessions with %d PATCHes each", kept, sessions, patches)
	if kept > most {
		t.Errorf("%.1f MiB are kept, want at most %d", kept, most)
	}
	endSessions(t, begun)
}

// longPatch trickles a candidate to a session, with a header of 30 KB.
func longPatch(session, offer string, i int) *http.Request {
	r := newRequest(http.MethodPatch, session, "a=ice-ufrag:"+between(offer, "a=ice-ufrag:", "\r\n")+"\r\na=ice-pwd:"+between(offer, "a=ice-pwd:", "\r\n")+
		"\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n")
	r.Header.Set("Content-Type", "application/trickle-ice-sdpfrag")
	r.Header.Set("User-Agent", fmt.Sprint(i)+strings.Repeat("x", 30<<10))
	return r
}
