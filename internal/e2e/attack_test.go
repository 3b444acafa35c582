//go:build e2e && linux

package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAttacksCostTheAttacker does what one client address can do to a server with its
// default limits, while a viewer at another address watches. The machine may be busy:
// the viewer is compared with the same viewer before the attack.
func TestAttacksCostTheAttacker(t *testing.T) {
	const (
		watched = 5 * time.Second
		most    = 64 // MiB that an attack may make the process keep
		later   = 100
	)
	s := startProgram(t, plainBinary(t), "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	watch := func() func() loadReport { return startLoad(t, s, "webcam", 1, time.Millisecond, watched) }
	watch()() // what the first viewer brings into being
	before := watch()()

	offer := "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n"
	var feedback strings.Builder
	for i := 0; feedback.Len() < 120<<10; i++ {
		fmt.Fprintf(&feedback, "a=rtcp-fb:* nack %d\r\n", i)
	}
	flood := func(request string) func(context.Context) {
		return func(ctx context.Context) { attackByConnections(ctx, s, 8000, request) }
	}
	for _, tt := range []struct {
		name    string
		attack  func(ctx context.Context)
		refused float64 // connections at least
	}{
		{"silent connections", flood(""), 7000},
		{"half requests", flood("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + strings.Repeat("x", 16<<10)), 7000},
		{"event streams", flood("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"), 7000},
		{"requests to the API", func(ctx context.Context) {
			attackByRequests(ctx, s, http.MethodGet, "/metrics", "", 2*time.Millisecond)
		}, 0},
		{"large offers", func(ctx context.Context) {
			attackByRequests(ctx, s, http.MethodPost, "/whep/webcam", offer+feedback.String(), 100*time.Millisecond)
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const metric = "porthole_connections_refused_total"
			resident, refused := s.residentMiB(t), s.metric(t, metric)
			ctx, stop := context.WithCancel(t.Context())
			attacked := make(chan struct{})
			go func() { defer close(attacked); tt.attack(ctx) }()
			during := watch()()
			kept := s.residentMiB(t) - resident
			stop()
			<-attacked
			t.Logf("frame delay before: %v; during: %v; %.1f MiB more", before.FrameDelay, during.FrameDelay, kept)
			if n := s.metric(t, metric) - refused; n < tt.refused {
				t.Errorf("%.0f connections were refused, want %.0f at least", n, tt.refused)
			}
			if kept > most {
				t.Errorf("the attack makes the server keep %.1f MiB, want at most %d", kept, most)
			}
			if during.FrameDelay.Count*10 < before.FrameDelay.Count*8 {
				t.Errorf("%d pictures arrived, and %d before the attack", during.FrameDelay.Count, before.FrameDelay.Count)
			}
			if during.FrameDelay.P95 > before.FrameDelay.P95+later {
				t.Errorf("95 %% of the pictures are up to %.0f ms old, and %.0f ms before the attack", during.FrameDelay.P95, before.FrameDelay.P95)
			}
		})
	}
}

// attacker dials from an address that is not the viewer's.
func attacker() *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: 5 * time.Second}
}

// attackByConnections opens n connections, sends the same on each, and holds those that
// the server holds until ctx ends.
func attackByConnections(ctx context.Context, s *server, n int, request string) {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for range n {
		c, err := attacker().DialContext(ctx, "tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			continue // refused, or the end
		}
		_, _ = io.WriteString(c, request)              // the server may have closed it
		if open = append(open, c); len(open) == 2000 { // those at the front are held, this one was refused
			last := open[1000:]
			open = open[:1000]
			for _, c := range last {
				_ = c.Close()
			}
		}
	}
	<-ctx.Done()
}

// attackByRequests sends a request at each interval until ctx ends.
func attackByRequests(ctx context.Context, s *server, method, path, body string, interval time.Duration) {
	client := &http.Client{Transport: &http.Transport{DialContext: attacker().DialContext}, Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Content-Type", "application/sdp")
		if answer, err := client.Do(r); err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}
	}
}
