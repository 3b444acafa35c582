//go:build e2e && linux

package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// attacker dials from an address that is not the viewer's.
func attacker() *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: 5 * time.Second}
}

// connectionAttacks are those of many connections. Most of 8,000 are refused.
func connectionAttacks() []attack {
	const refused = 7000
	type where func(*server) string
	pages := func(s *server) string { return strings.TrimPrefix(s.url, "http://") }
	media := func(s *server) string { return s.media.String() }
	flood := func(address where, request string) func(testing.TB, *server) func(context.Context, *tallies) {
		return func(t testing.TB, s *server) func(context.Context, *tallies) {
			const metric = "porthole_connections_refused_total"
			before := s.metric(t, metric)
			return func(ctx context.Context, answers *tallies) {
				attackByConnections(ctx, address(s), 8000, request)
				answers.add("refused", int(s.metric(t, metric)-before))
			}
		}
	}
	return []attack{
		{"silent connections", flood(pages, ""), map[string]int{"refused": refused}},
		{"half requests", flood(pages, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: "+strings.Repeat("x", 16<<10)), map[string]int{"refused": refused}},
		{"event streams", flood(pages, "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"), map[string]int{"refused": refused}},
		{"half packets of ICE over TCP", flood(media, "\x00\x64half of a packet"), map[string]int{"refused": refused}},
	}
}

// attackByConnections opens n connections, sends the same on each, and holds those that
// the server holds until ctx ends.
func attackByConnections(ctx context.Context, address string, n int, request string) {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for range n {
		c, err := attacker().DialContext(ctx, "tcp", address)
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

// requestAttacks are those of many requests that are no offers.
func requestAttacks() []attack {
	const fast = 2 * time.Millisecond
	return []attack{
		{"requests to the API", repeat(fast, func(_ testing.TB, s *server) maker {
			return func(int) *http.Request { return newRequest(http.MethodGet, s.url+"/metrics", "") }
		}), map[string]int{"200": 800}},
		{"snapshots of all sizes", repeat(fast, func(_ testing.TB, s *server) maker {
			return func(i int) *http.Request {
				return newRequest(http.MethodGet, fmt.Sprintf("%s/snapshot/webcam.jpg?width=%d", s.url, 16+i%600), "")
			}
		}), map[string]int{"200": 5, "429": 50}},
		{"foreign sites", repeat(fast, foreignSites), map[string]int{"403": 300, "421": 150}},
		{"long headers of PATCHes", patches, map[string]int{"201": 1, "204": 25}},
	}
}

// foreignSites ask for all that changes something or costs something, by a foreign page
// and by a foreign name.
func foreignSites(_ testing.TB, s *server) maker {
	return func(i int) *http.Request {
		var r *http.Request
		switch i % 4 {
		case 0:
			r = newRequest(http.MethodPost, s.url+"/whip/webcam", "v=0\r\n")
		case 1:
			r = newRequest(http.MethodPost, s.url+"/whep/webcam", "v=0\r\n")
		case 2:
			r = newRequest(http.MethodDelete, s.url+"/whip/webcam/session", "")
		default:
			r = newRequest(http.MethodGet, s.url+"/api/sessions", "")
		}
		if r.Header.Set("Origin", "https://evil.example"); i%3 == 0 {
			r.Host = "rebound.example"
		}
		return r
	}
}

// patches trickle candidates to sessions of the attacker's, as often as the rate allows,
// with as long a header as there may be.
func patches(t testing.TB, s *server) func(context.Context, *tallies) {
	offer := viewersOffer(t, s)
	return func(ctx context.Context, answers *tallies) {
		client := clientFrom(t, net.IPv4(127, 0, 0, 2))
		var sessions []string
		defer func() { endSessions(t, sessions) }()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		left := 0
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			r := newRequest(http.MethodPost, s.url+"/whep/webcam", offer)
			if left > 0 {
				r = longPatch(sessions[len(sessions)-1], offer, i)
			}
			location := ask(ctx, client, r, answers)
			if left--; location != "" {
				sessions, left = append(sessions, location), 63
			}
		}
	}
}

// maker makes one request after the other.
type maker func(i int) *http.Request

// repeat makes an attack of requests, one at each interval, some of them at a time. The
// sessions that they began are over afterwards.
func repeat(interval time.Duration, requests func(testing.TB, *server) maker) func(testing.TB, *server) func(context.Context, *tallies) {
	return func(t testing.TB, s *server) func(context.Context, *tallies) {
		next := requests(t, s)
		return func(ctx context.Context, answers *tallies) {
			var sending sync.WaitGroup
			var mu sync.Mutex
			var sessions []string
			due := make(chan *http.Request)
			client := clientFrom(t, net.IPv4(127, 0, 0, 2))
			for range 16 {
				sending.Go(func() {
					for r := range due {
						if location := ask(ctx, client, r, answers); location != "" {
							mu.Lock()
							sessions = append(sessions, location)
							mu.Unlock()
						}
					}
				})
			}
			tick := time.NewTicker(interval)
			defer tick.Stop()
			for i := 0; ctx.Err() == nil; i++ {
				select {
				case <-ctx.Done():
				case due <- next(i):
					<-tick.C
				}
			}
			close(due)
			sending.Wait()
			endSessions(t, sessions)
		}
	}
}

// ask makes one request, notes its status, and returns the URL of the session that it
// began.
func ask(ctx context.Context, client *http.Client, r *http.Request, answers *tallies) (session string) {
	answer, err := client.Do(r.WithContext(ctx))
	if err != nil {
		if ctx.Err() == nil {
			answers.add("none", 1)
		}
		return ""
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	answers.status(answer.StatusCode)
	if location := answer.Header.Get("Location"); answer.StatusCode == http.StatusCreated || answer.StatusCode == http.StatusNotAcceptable {
		if u, err := r.URL.Parse(location); err == nil && location != "" {
			return u.String()
		}
	}
	return ""
}

// endSessions ends what an attack has begun, so that the next one begins with nothing.
func endSessions(t testing.TB, sessions []string) {
	client := clientFrom(t, net.IPv4(127, 0, 0, 3))
	for _, session := range sessions {
		for again := true; again; {
			answer, err := client.Do(newRequest(http.MethodDelete, session, ""))
			if err != nil {
				t.Errorf("end a session: %v", err)
				return
			}
			answer.Body.Close()
			if again = answer.StatusCode == http.StatusTooManyRequests; again {
				time.Sleep(20 * time.Millisecond) // which is what the rate allows
			}
		}
	}
}

// newRequest makes a request of an offer's type; its parts are the test's own.
func newRequest(method, address, body string) *http.Request {
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		panic(fmt.Sprintf("%s %s: %v", method, address, err))
	}
	r.Header.Set("Content-Type", "application/sdp")
	return r
}

// between is what stands between two texts, for the first time.
func between(text, begin, end string) string {
	_, rest, _ := strings.Cut(text, begin)
	found, _, _ := strings.Cut(rest, end)
	return found
}

// idOf is the id in a session's URL.
func idOf(t testing.TB, session string) string {
	t.Helper()
	u, err := url.Parse(session)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path[strings.LastIndex(u.Path, "/")+1:]
}
