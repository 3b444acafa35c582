//go:build e2e

package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestBadOffersLeaveNothingBehind sends what no client should, to both kinds of
// endpoint, and then counts what is left in the server.
func TestBadOffersLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	const sdp = "application/sdp"
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	baseline := s.goroutineBaseline(t)

	for _, path := range []string{"/whip/cam", "/whep/webcam"} {
		for _, c := range []struct {
			name, contentType, body string
			want                    int
		}{
			{"garbage", sdp, "\x00\xff this is no SDP", http.StatusBadRequest},
			{"an empty body", sdp, "", http.StatusBadRequest},
			{"a session without media", sdp, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", http.StatusBadRequest},
			{"a mebibyte", sdp, strings.Repeat("a=x:0123456789abcd\r\n", 1<<20/20), http.StatusRequestEntityTooLarge},
			{"another media type", "text/plain", offerFor(t, s, path), http.StatusUnsupportedMediaType},
			{"no media type", "", offerFor(t, s, path), http.StatusUnsupportedMediaType},
		} {
			t.Run(path+": "+c.name, func(t *testing.T) {
				r := s.call(t, http.MethodPost, path, c.body, "Content-Type", c.contentType)
				if r.status != c.want && !(c.want == http.StatusBadRequest && r.status == http.StatusUnprocessableEntity) {
					t.Errorf("status %d, want %d: %s", r.status, c.want, r.body)
				}
				if got := r.header.Get("Content-Type"); got != "application/problem+json" {
					t.Errorf("the answer's media type is %q, want application/problem+json", got)
				}
			})
		}
		t.Run(path+": a body that never ends", func(t *testing.T) { requireSlowBodyCut(t, s, path) })
	}

	if info := s.stream(t, "cam"); info.Live {
		t.Errorf("a stream came alive by it: %+v", info)
	}
	s.waitViewers(t, "webcam", 0, 5*time.Second)
	s.waitGoroutines(t, baseline, 20*time.Second)
}

// requireSlowBodyCut sends an offer a byte at a time, for ever, and waits for
// the server to have had enough.
func requireSlowBodyCut(t *testing.T, s *server, path string) {
	t.Helper()
	const patience = 40 * time.Second
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\nContent-Length: 60000\r\n\r\n", path)
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	defer close(stop)
	go each(100*time.Millisecond, stop, func(int) { io.WriteString(conn, "v") })

	start := time.Now()
	answer, err := io.ReadAll(conn)
	if err != nil && time.Since(start) >= patience {
		t.Fatalf("the server still waited after %v", patience)
	}
	t.Logf("cut after %v: %.60q", time.Since(start).Round(100*time.Millisecond), answer)
}
