package signaling_test

import (
	"bufio"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/events"
	"porthole/internal/negotiate"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
	"porthole/internal/sse"
)

// observableSession is a session whose stream changes when the test says so.
type observableSession struct {
	*fakeSession
	stream *fakeStream
}

type fakeStream struct {
	bus    *events.Bus
	mu     sync.Mutex
	status signaling.Status
}

func (s observableSession) Listen() *events.Listener { return s.stream.bus.Listen(0, events.Changes) }

func (s observableSession) Status() signaling.Status {
	s.stream.mu.Lock()
	defer s.stream.mu.Unlock()
	return s.stream.status
}

func (s *fakeStream) set(status signaling.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
	s.bus.Publish(events.StreamChanged{Stream: "cam"})
}

// newObservable starts a server whose sessions have events about one stream.
func newObservable(t *testing.T, mutate func(*signaling.Config, *sessions.Config)) (*fixture, *fakeStream) {
	t.Helper()
	stream := &fakeStream{bus: events.NewBus()}
	f := newFixture(t, negotiate.Watch, mutate)
	f.make = func(s *fakeSession) signaling.Session { return observableSession{s, stream} }
	return f, stream
}

// listener reads a feed.
type listener struct {
	t       *testing.T
	scanner *bufio.Scanner
	header  http.Header
	close   func()
}

// listen opens a feed, without a token, as an EventSource does.
func (f *fixture) listen(t *testing.T, path string) *listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", f.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("GET %s: status %d, %q", path, res.StatusCode, res.Header.Get("Content-Type"))
	}
	return &listener{t: t, scanner: bufio.NewScanner(res.Body), header: res.Header, close: cancel}
}

// next returns the next event as "name data", "" at the end.
func (l *listener) next() string {
	l.t.Helper()
	var name string
	for l.scanner.Scan() {
		line := l.scanner.Text()
		if event, ok := strings.CutPrefix(line, "event: "); ok {
			name = event
		} else if data, ok := strings.CutPrefix(line, "data: "); ok {
			return name + " " + data
		}
	}
	return ""
}

func (l *listener) want(events ...string) {
	l.t.Helper()
	for _, event := range events {
		if got := l.next(); got != event {
			l.t.Fatalf("event %q, want %q", got, event)
		}
	}
}

// feed makes one and returns its path.
func (f *fixture) feed(session, events string, headers ...string) string {
	f.t.Helper()
	r := f.do("POST", session+"/events", events, append([]string{"Content-Type", "application/json"}, headers...)...)
	if r.StatusCode != 201 || !strings.HasPrefix(r.Header.Get("Location"), session+"/events/") {
		f.t.Fatalf("POST events: status %d, Location %q: %s", r.StatusCode, r.Header.Get("Location"), r.body)
	}
	return r.Header.Get("Location")
}

// WHEP-11, HTTP-30
func TestEventsAreAdvertised(t *testing.T) {
	const rel = `rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="active,inactive,layers,viewercount,reconnect,network"`
	f, _ := newObservable(t, nil)
	r := f.post()
	if want := "<" + r.Header.Get("Location") + "/events>; " + rel; r.Header.Get("Link") != want {
		t.Errorf("Link %q, want %q", r.Header.Get("Link"), want)
	}
	for _, path := range []string{"/whep/cam", r.Header.Get("Location")} {
		for _, method := range []string{"OPTIONS", "GET"} {
			if link := f.do(method, path, "").Header.Get("Link"); link != "" {
				t.Errorf("%s %s: Link %q", method, path, link)
			}
		}
	}
	plain := newFixture(t, negotiate.Watch, nil)
	if link := plain.post().Header.Get("Link"); link != "" {
		t.Errorf("a session without events: Link %q", link)
	}
}

// WHEP-11
func TestEvents(t *testing.T) {
	f, stream := newObservable(t, nil)
	session, _ := f.created()
	l := f.listen(t, f.feed(session, `["viewercount","active","inactive","layers","active"]`))
	l.want(`viewercount {"viewercount":0}`) // and no inactive at first

	layers := func(bitrate uint64) map[string][]signaling.Layer {
		return map[string][]signaling.Layer{"1": {{RID: "hi", Bitrate: bitrate, Width: 640, Height: 360}}}
	}
	stream.set(signaling.Status{Active: true, Viewers: 2, Layers: layers(1)})
	l.want("active {}",
		`layers {"1":[{"rid":"hi","bitrate":1,"width":640,"height":360}]}`,
		`viewercount {"viewercount":2}`)

	stream.set(signaling.Status{Active: true, Viewers: 3, Layers: layers(2)}) // of which nothing is to tell
	l.want(`viewercount {"viewercount":3}`)
	stream.set(signaling.Status{Active: true, Viewers: 3, Layers: layers(0)})
	l.want(`layers {"1":[{"rid":"hi","width":640,"height":360}]}`)
	stream.set(signaling.Status{Viewers: 3})
	l.want("inactive {}")
	stream.set(signaling.Status{Active: true, Viewers: 3})
	l.want("active {}")
	if l.header.Get("Access-Control-Allow-Origin") != "*" || l.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", l.header)
	}
}

// Only what was asked for comes.
func TestEventsThatWereNotAskedFor(t *testing.T) {
	f, stream := newObservable(t, nil)
	session, _ := f.created()
	stream.set(signaling.Status{Active: true, Viewers: 2})
	l := f.listen(t, f.feed(session, `["inactive"]`))
	stream.set(signaling.Status{Active: true, Viewers: 5})
	waitFor(t, "the end", func() bool { return f.do("DELETE", session, "").StatusCode == 200 })
	if got := l.next(); got != "" {
		t.Errorf("event %q", got)
	}
}

// Who names no events gets all.
func TestAllEvents(t *testing.T) {
	f, stream := newObservable(t, nil)
	session, _ := f.created()
	stream.set(signaling.Status{Active: true})
	r := f.do("POST", session+"/events", "")
	if r.StatusCode != 201 {
		t.Fatalf("status %d: %s", r.StatusCode, r.body)
	}
	f.listen(t, r.Header.Get("Location")).want("active {}", `viewercount {"viewercount":0}`)
}

// WHEP-11: what ends a feed, and what is said at the end.
func TestEndOfEvents(t *testing.T) {
	for name, tt := range map[string]struct {
		end       func(f *fixture, session, feed string)
		reconnect bool
		gone      bool // the session, too
	}{
		"DELETE on the feed": {end: func(f *fixture, _, feed string) {
			if r := f.do("DELETE", feed, ""); r.StatusCode != 200 {
				t.Errorf("DELETE: status %d", r.StatusCode)
			}
			if r := f.do("DELETE", feed, ""); r.StatusCode != 404 {
				t.Errorf("DELETE again: status %d", r.StatusCode)
			}
		}},
		"DELETE on the session": {gone: true, end: func(f *fixture, session, _ string) { f.do("DELETE", session, "") }},
		"another track":         {gone: true, reconnect: true, end: func(f *fixture, _, _ string) { f.last().Close(broadcast.ErrTrackAdded) }},
		"another codec":         {gone: true, reconnect: true, end: func(f *fixture, _, _ string) { f.last().Close(broadcast.ErrCodecChanged) }},
		"the publisher is gone": {gone: true, end: func(f *fixture, _, _ string) { f.last().Close(broadcast.ErrPublisherGone) }},
		"the server drains":     {reconnect: true, end: func(f *fixture, _, _ string) { f.table.Drain() }},
		"the server stops": {gone: true, reconnect: true, end: func(f *fixture, _, _ string) {
			if err := f.table.Close(f.t.Context()); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := newObservable(t, nil)
			session, _ := f.created()
			feed := f.feed(session, `["viewercount","reconnect"]`)
			l := f.listen(t, feed)
			l.want(`viewercount {"viewercount":0}`)
			tt.end(f, session, feed)
			if tt.reconnect {
				l.want("reconnect {}")
			}
			l.want("")
			if tt.gone || name == "DELETE on the feed" {
				waitFor(t, "404", func() bool { return f.do("GET", feed, "").StatusCode == 404 })
			}
			if !tt.gone && f.do("GET", session, "").StatusCode != 200 {
				t.Error("the session is gone")
			}
		})
	}
}

// A player that comes again gets the feed, and the old connection ends.
func TestEventsComeBack(t *testing.T) {
	f, _ := newObservable(t, nil)
	session, _ := f.created()
	feed := f.feed(session, `["viewercount"]`)
	first := f.listen(t, feed)
	first.want(`viewercount {"viewercount":0}`)
	second := f.listen(t, feed)
	second.want(`viewercount {"viewercount":0}`)
	first.want("")
	second.close() // the server notices by itself: no goroutine is left
}

// WHEP-11, HTTP-08, HTTP-13: what is refused.
func TestRefusedEvents(t *testing.T) {
	f, _ := newObservable(t, func(c *signaling.Config, _ *sessions.Config) {
		c.Auth = auth.New(auth.Config{ViewToken: "view"})
	})
	token := []string{"Authorization", "Bearer view"}
	session, _ := f.created(token...)
	feed := f.feed(session, `["active"]`, token...)
	for _, tt := range []struct {
		name, method, path, body, mediaType string
		anonymous                           bool
		want                                int
		allow                               string
	}{
		{name: "an unknown event", method: "POST", path: session + "/events", body: `["active","x"]`, want: 400},
		{name: "no event", method: "POST", path: session + "/events", body: `[]`, want: 400},
		{name: "null", method: "POST", path: session + "/events", body: `null`, want: 400},
		{name: "not an array", method: "POST", path: session + "/events", body: `{"a":1}`, want: 400},
		{name: "garbage", method: "POST", path: session + "/events", body: `hello`, want: 400},
		{name: "another type", method: "POST", path: session + "/events", body: `["active"]`, mediaType: "text/plain", want: 415},
		{name: "too large", method: "POST", path: session + "/events", body: `["` + strings.Repeat("a", 1<<18), want: 413},
		{name: "no token", method: "POST", path: session + "/events", body: `["active"]`, anonymous: true, want: 401},
		{name: "an unknown session", method: "POST", path: "/whep/cam/nope/events", body: `["active"]`, want: 404},
		{name: "GET where feeds are made", method: "GET", path: session + "/events", want: 405, allow: "POST, OPTIONS"},
		{name: "DELETE without a token", method: "DELETE", path: feed, anonymous: true, want: 401},
		{name: "POST on a feed", method: "POST", path: feed, want: 405, allow: "GET, HEAD, DELETE, OPTIONS"},
		{name: "an unknown feed", method: "GET", path: session + "/events/nope", want: 404},
		{name: "HEAD", method: "HEAD", path: feed, anonymous: true, want: 200},
		{name: "OPTIONS", method: "OPTIONS", path: feed, anonymous: true, want: 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			headers := []string{"Content-Type", "application/json"}
			if tt.mediaType != "" {
				headers[1] = tt.mediaType
			}
			if !tt.anonymous {
				headers = append(headers, token...)
			}
			r := f.do(tt.method, tt.path, tt.body, headers...)
			if r.StatusCode != tt.want || r.Header.Get("Location") != "" {
				t.Fatalf("status %d, want %d: %s", r.StatusCode, tt.want, r.body)
			}
			if tt.want >= 400 {
				r.problem(t)
			}
			if tt.want == 415 && r.Header.Get("Accept-Post") != "application/json" {
				t.Errorf("Accept-Post %q", r.Header.Get("Accept-Post"))
			}
			if tt.allow != "" && r.Header.Get("Allow") != tt.allow {
				t.Errorf("Allow %q", r.Header.Get("Allow"))
			}
			if r.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Error("no CORS")
			}
		})
	}
	if got := f.do("OPTIONS", session+"/events", "").Header.Get("Accept-Post"); got != "application/json" {
		t.Errorf("OPTIONS: Accept-Post %q", got)
	}
}

// The number of feeds is bounded.
func TestTooManyFeeds(t *testing.T) {
	f, _ := newObservable(t, nil)
	session, _ := f.created()
	var statuses []int
	for range 10 {
		r := f.do("POST", session+"/events", `["active"]`, "Content-Type", "application/json")
		statuses = append(statuses, r.StatusCode)
	}
	if statuses[0] != 201 || statuses[9] != 503 || !slices.IsSorted(statuses) {
		t.Errorf("statuses %v", statuses)
	}
}

// The number of feeds that a client reads is bounded, too. Who comes back to one takes
// over the place that it has.
func TestTooManyFeedsAreRead(t *testing.T) {
	f, _ := newObservable(t, func(c *signaling.Config, _ *sessions.Config) { c.Events = sse.NewLimit(1, 0) })
	session, _ := f.created()
	one, other := f.feed(session, `["viewercount"]`), f.feed(session, `["viewercount"]`)
	first := f.listen(t, one)
	first.want(`viewercount {"viewercount":0}`)
	second := f.listen(t, one)
	second.want(`viewercount {"viewercount":0}`)
	first.want("")
	r := f.do("GET", other, "")
	if r.StatusCode != 429 || r.Header.Get("Retry-After") == "" || !strings.Contains(r.problem(t).Detail, "--max-client-connections") {
		t.Errorf("status %d, Retry-After %q: %s", r.StatusCode, r.Header.Get("Retry-After"), r.body)
	}
	second.close()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, "GET", f.url+other, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		_ = res.Body.Close()
		if res.StatusCode == 200 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("status %d after the reader has left", res.StatusCode)
		}
	}
}

// Publishers have no events, and neither have sessions that do not tell any.
func TestNoEvents(t *testing.T) {
	for _, role := range []negotiate.Role{negotiate.Publish, negotiate.Watch} {
		f := newFixture(t, role, nil)
		session, _ := f.created()
		if r := f.do("POST", session+"/events", `["active"]`, "Content-Type", "application/json"); r.StatusCode != 404 {
			t.Errorf("%v: status %d", role, r.StatusCode)
		}
	}
}
