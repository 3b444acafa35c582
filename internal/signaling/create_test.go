package signaling_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

var (
	both       = []negotiate.Role{negotiate.Publish, negotiate.Watch}
	sessionURL = regexp.MustCompile(`^/whi?e?p/cam/[A-Za-z0-9_-]{22,}$`)
	strongTag  = regexp.MustCompile(`^"[^"]+"$`)
)

// HTTP-01, HTTP-02, HTTP-03, HTTP-24, WHIP-09
func TestCreate(t *testing.T) {
	for _, role := range both {
		t.Run(role.String(), func(t *testing.T) {
			f := newFixture(t, role, nil)
			seen := map[string]bool{}
			for range 3 {
				r := f.post()
				if r.StatusCode != 201 || r.body != "v=0\r\nanswer\r\n" {
					t.Fatalf("status %d, body %q", r.StatusCode, r.body)
				}
				if got := r.Header.Get("Content-Type"); got != typeSDP {
					t.Errorf("Content-Type %q", got)
				}
				if got := r.Header.Get("Cache-Control"); got != "no-store" {
					t.Errorf("Cache-Control %q", got)
				}
				location, etag := r.Header.Get("Location"), r.Header.Get("ETag")
				if !sessionURL.MatchString(location) || !strings.HasPrefix(location, f.prefix()) {
					t.Errorf("Location %q", location)
				}
				if !strongTag.MatchString(etag) {
					t.Errorf("ETag %q", etag)
				}
				if seen[location] || seen[etag] {
					t.Errorf("%s or %s came twice", location, etag)
				}
				seen[location], seen[etag] = true, true
				if links := r.Header.Values("Link"); len(links) != 0 { // WHIP-12, WHEP-13
					t.Errorf("Link %q without ICE servers", links)
				}
			}
			if f.table.Len() != 3 {
				t.Errorf("%d sessions", f.table.Len())
			}
		})
	}
}

// HTTP-04, HTTP-05, HTTP-06, HTTP-08, HTTP-18, HTTP-21, HTTP-23 and the rows of the decision table that a
// client causes by itself. None may leave a session behind: newFixture checks it.
func TestRefusedRequests(t *testing.T) {
	sdp := []string{"Content-Type", typeSDP}
	for _, tt := range []struct {
		name    string
		method  string
		path    string
		body    string // "offer": a valid one
		headers []string
		want    int
		header  string // "Name: value" that has to be there
	}{
		{"type in another case, with parameters", "POST", "/whip/cam", "offer", []string{"Content-Type", "Application/SDP; charset=utf-8"}, 201, ""},
		{"type with a broken parameter", "POST", "/whip/cam", "offer", []string{"Content-Type", "application/sdp; x"}, 201, ""},
		{"Accept is not a reason to refuse", "POST", "/whip/cam", "offer", append(sdp, "Accept", "text/html"), 201, ""},
		{"a token where none is needed", "POST", "/whip/cam", "offer", append(sdp, "Authorization", "Bearer undefined"), 201, ""},
		{"a slash at the end", "POST", "/whip/cam/", "offer", sdp, 201, ""},
		{"needless escapes in the name", "POST", "/whip/%63am", "offer", sdp, 201, ""},

		{"another media type", "POST", "/whip/cam", "offer", []string{"Content-Type", "text/plain"}, 415, "Accept-Post: application/sdp"},
		{"no media type", "POST", "/whip/cam", "offer", []string{"Content-Type", ""}, 415, ""},
		{"a media type that begins like ours", "POST", "/whip/cam", "offer", []string{"Content-Type", "application/sdpx"}, 415, ""},
		{"empty body", "POST", "/whip/cam", "", sdp, 400, ""},
		{"garbage", "POST", "/whip/cam", "hello", sdp, 400, ""},
		{"garbage after a good beginning", "POST", "/whip/cam", "v=0\r\nhello", sdp, 400, ""},
		{"binary garbage", "POST", "/whip/cam", "\x00\xff\xfe\n=", sdp, 400, ""},
		{"too large", "POST", "/whip/cam", strings.Repeat("a=x\r\n", 1<<20/5), sdp, 413, ""},

		{"no name", "POST", "/whip/", "offer", sdp, 404, ""},
		{"two slashes", "POST", "/whip//cam", "offer", sdp, 404, ""},
		{"no endpoint at all", "POST", "/whip", "offer", sdp, 404, ""},
		{"name with a space", "POST", "/whip/a%20b", "offer", sdp, 404, ""},
		{"name with a slash", "POST", "/whip/a%2Fb", "offer", sdp, 404, ""},
		{"name of dots", "POST", "/whip/%2E%2E", "offer", sdp, 404, ""},
		{"name that is too long", "POST", "/whip/" + strings.Repeat("a", 65), "offer", sdp, 404, ""},
		{"too many parts", "POST", "/whip/a/b/c", "offer", sdp, 404, ""},
		{"unknown session, PATCH", "PATCH", "/whip/cam/nope", "x", []string{"Content-Type", typeFragment, "If-Match", "*"}, 404, ""},
		{"unknown session, DELETE", "DELETE", "/whip/cam/nope", "", nil, 404, ""},
		{"unknown session, GET", "GET", "/whip/cam/nope", "", nil, 404, ""},

		{"PUT on an endpoint", "PUT", "/whip/cam", "offer", sdp, 405, "Allow: GET, HEAD, POST, OPTIONS"},
		{"PATCH on an endpoint", "PATCH", "/whip/cam", "x", nil, 405, "Allow: GET, HEAD, POST, OPTIONS"},
		{"DELETE on an endpoint", "DELETE", "/whip/cam", "", nil, 405, "Allow: GET, HEAD, POST, OPTIONS"},
		{"POST on a session", "POST", "/whip/cam/id", "offer", sdp, 405, "Allow: GET, HEAD, PATCH, DELETE, OPTIONS"},
		{"PUT on a session", "PUT", "/whip/cam/id/", "", nil, 405, "Allow: GET, HEAD, PATCH, DELETE, OPTIONS"},
		{"TRACE", "TRACE", "/whip/cam", "", nil, 405, "Allow: GET, HEAD, POST, OPTIONS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, negotiate.Publish, nil)
			body := tt.body
			if body == "offer" {
				body = f.offer()
			}
			r := f.do(tt.method, tt.path, body, append(tt.headers, "Origin", "https://a.example")...)
			if r.StatusCode != tt.want {
				t.Fatalf("status %d, want %d: %s", r.StatusCode, tt.want, r.body)
			}
			if got := r.Header.Get("Access-Control-Allow-Origin"); got != "*" { // HTTP-11
				t.Errorf("Access-Control-Allow-Origin %q", got)
			}
			if name, want, ok := strings.Cut(tt.header, ": "); ok && r.Header.Get(name) != want {
				t.Errorf("%s %q, want %q", name, r.Header.Get(name), want)
			}
			if tt.want != 201 {
				r.problem(t)
				if f.count() != 0 {
					t.Error("a place in the stream was taken")
				}
			}
		})
	}
}

// The rows that the stream or the server causes.
func TestRefusedOffers(t *testing.T) {
	for _, tt := range []struct {
		err   error
		want  int
		retry string
	}{
		{fmt.Errorf("join: %w", broadcast.ErrNoPublisher), 409, "2"},   // WHEP-05
		{fmt.Errorf("publish: %w", broadcast.ErrStreamBusy), 409, "2"}, // WHIP-11
		{broadcast.ErrTooManyViewers, 503, "10"},                       // HTTP-20
		{broadcast.ErrClosed, 503, "1"},
		{fmt.Errorf("%w: VP9 and H264", negotiate.ErrNoCommonCodec), 422, ""}, // WHEP-09, WHIP-04
		{fmt.Errorf("%w: direction", negotiate.ErrUnusable), 422, ""},
		{errors.New("disk on fire at /root/secret"), 500, ""},
	} {
		t.Run(tt.err.Error(), func(t *testing.T) {
			f := newFixture(t, negotiate.Watch, nil)
			f.openErr = tt.err
			r := f.post()
			doc := r.problem(t)
			if r.StatusCode != tt.want || r.Header.Get("Retry-After") != tt.retry {
				t.Errorf("status %d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
			}
			if told := doc.Detail == tt.err.Error(); told != (tt.want != 500) {
				t.Errorf("the client is told %q", doc.Detail)
			}
			if f.table.Len() != 0 {
				t.Error("a place is taken")
			}
		})
	}
}

// Whatever fails after the place in the stream was taken gives it back.
func TestFailureGivesPlacesBack(t *testing.T) {
	for name, tt := range map[string]struct {
		setup func(s *fakeSession)
		want  int // 0: the connection breaks
	}{
		"the offer turns out unusable": {func(s *fakeSession) { s.connectErr = negotiate.ErrUnusable }, 422},
		"the engine is closed":         {func(s *fakeSession) { s.connectErr = peer.ErrClosed }, 503},
		"gathering takes too long":     {func(s *fakeSession) { s.connectErr = context.DeadlineExceeded }, 503},
		"an unforeseen error":          {func(s *fakeSession) { s.connectErr = errors.New("x") }, 500},
		"a panic":                      {func(s *fakeSession) { s.onConnect = func(context.Context) { panic(http.ErrAbortHandler) } }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, negotiate.Watch, nil)
			f.setup = tt.setup
			if tt.want == 0 {
				if res, err := client.Post(f.url+"/whep/cam", typeSDP, strings.NewReader(f.offer())); err == nil {
					t.Errorf("status %d", res.StatusCode)
					res.Body.Close()
				}
			} else if r := f.post(); r.StatusCode != tt.want {
				t.Errorf("status %d, want %d", r.StatusCode, tt.want)
			}
			select {
			case <-f.last().closed:
			case <-time.After(patience):
				t.Error("the session was not closed")
			}
			waitFor(t, "the place in the table", func() bool { return f.table.Len() == 0 })
		})
	}
}

// A client that leaves while the answer is being made leaves no session.
func TestClientLeavesDuringAnswer(t *testing.T) {
	f := newFixture(t, negotiate.Watch, nil)
	connecting := make(chan struct{})
	f.setup = func(s *fakeSession) {
		s.onConnect = func(ctx context.Context) { close(connecting); <-ctx.Done() }
	}
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", f.url+"/whep/cam", strings.NewReader(f.offer()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", typeSDP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if res, err := client.Do(req); err == nil {
			res.Body.Close()
		}
	}()
	<-connecting
	cancel()
	<-done
	select {
	case <-f.last().closed:
	case <-time.After(patience):
		t.Fatal("the session was kept")
	}
}

// HTTP-20: at the limit new offers are refused and the old sessions live on.
func TestTableLimit(t *testing.T) {
	f := newFixture(t, negotiate.Watch, func(_ *signaling.Config, c *sessions.Config) { c.MaxSessions = 1 })
	path, _ := f.created()
	if r := f.post(); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
	if r := f.do("GET", path, ""); r.StatusCode != 200 {
		t.Errorf("the first session: status %d", r.StatusCode)
	}
	if r := f.do("DELETE", path, ""); r.StatusCode != 200 {
		t.Errorf("DELETE: status %d", r.StatusCode)
	}
	f.created()
}

// HTTP-13, HTTP-15, HTTP-16: each fault hides the ones that come after it.
func TestOrderOfChecks(t *testing.T) {
	f := newFixture(t, negotiate.Publish, func(c *signaling.Config, _ *sessions.Config) {
		c.Auth = auth.New(auth.Config{PublishToken: "right", ViewToken: "viewer"})
	})
	f.openErr = broadcast.ErrStreamBusy
	token := "Bearer right"
	for _, tt := range []struct {
		name, method, path, token, mediaType, body string
		want                                       int
	}{
		{"route before method", "PUT", "/whip/a%20b", "", "text/plain", "x", 404},
		{"method before token", "PUT", "/whip/cam", "", "text/plain", "x", 405},
		{"token before type", "POST", "/whip/cam", "Bearer wrong", "text/plain", "x", 401},
		{"no token at all", "POST", "/whip/cam", "", typeSDP, "x", 401},
		{"the other token", "POST", "/whip/cam", "Bearer viewer", "text/plain", "x", 403},
		{"type before size", "POST", "/whip/cam", token, "text/plain", strings.Repeat("x", 200<<10), 415},
		{"size before syntax", "POST", "/whip/cam", token, typeSDP, strings.Repeat("x", 200<<10), 413},
		{"syntax before stream", "POST", "/whip/cam", token, typeSDP, "x", 400},
		{"meaning before stream", "POST", "/whip/cam", token, typeSDP, strings.ReplaceAll(f.offer(), "a=sendonly", "a=recvonly"), 422},
		{"stream last", "POST", "/whip/cam", token, typeSDP, f.offer(), 409},
		{"unknown session to a stranger", "DELETE", "/whip/cam/nope", "", "", "", 401},
		{"unknown session", "DELETE", "/whip/cam/nope", token, "", "", 404},
		{"session before type", "PATCH", "/whip/cam/nope", token, "text/plain", "x", 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := f.do(tt.method, tt.path, tt.body, "Authorization", tt.token, "Content-Type", tt.mediaType)
			if r.StatusCode != tt.want {
				t.Fatalf("status %d, want %d: %s", r.StatusCode, tt.want, r.body)
			}
			if challenge := r.Header.Get("WWW-Authenticate"); (challenge != "") != (tt.want == 401 || tt.want == 403) {
				t.Errorf("WWW-Authenticate %q", challenge)
			}
			if r.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Error("a browser cannot see this answer")
			}
		})
	}
}

// A client that sends its body too slowly gets a 408, whatever it says it is, and
// one without a token does not hold a goroutine either.
func TestSlowBody(t *testing.T) {
	f := newFixture(t, negotiate.Publish, func(c *signaling.Config, _ *sessions.Config) {
		c.BodyTimeout = 50 * time.Millisecond
		c.Auth = auth.New(auth.Config{PublishToken: "right"})
	})
	for name, tt := range map[string]struct{ token, framing, want string }{
		"with a length":   {"right", "Content-Length: 1000\r\n\r\nv=0", "408"},
		"in chunks":       {"right", "Transfer-Encoding: chunked\r\n\r\n3\r\nv=0\r\n", "408"},
		"without a token": {"wrong", "Content-Length: 1000\r\n\r\nv=0", "401"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			_, err = io.WriteString(conn, "POST /whip/cam HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n"+
				"Authorization: Bearer "+tt.token+"\r\n"+tt.framing)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn) // to the end: the server closes the connection
			if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 "+tt.want) {
				t.Errorf("%v, answer %q", err, answer)
			}
		})
	}
	if f.count() != 0 {
		t.Error("a session was opened")
	}
}

// HTTP-06: a client that asks before it sends a large body is refused without it.
func TestLargeBodyAskedFor(t *testing.T) {
	f := newFixture(t, negotiate.Publish, nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(conn, "POST /whip/cam HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n"+
		"Content-Length: 10000000\r\nExpect: 100-continue\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 413") {
		t.Errorf("%q, %v", line, err)
	}
}

// The time for the body is not the time for the session: a connection that is kept
// for the next request works after the deadline of the first.
func TestBodyDeadlineIsLifted(t *testing.T) {
	f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *sessions.Config) {
		c.BodyTimeout = 30 * time.Millisecond
	})
	f.setup = func(s *fakeSession) {
		s.onConnect = func(ctx context.Context) {
			select {
			case <-ctx.Done():
				t.Error("the answer was given up")
			case <-time.After(60 * time.Millisecond): // longer than the body may take
			}
		}
	}
	if r := f.post(); r.StatusCode != 201 {
		t.Errorf("status %d: %s", r.StatusCode, r.body)
	}
}

func TestLogLines(t *testing.T) {
	var lines bytes.Buffer
	var user string
	f := newFixture(t, negotiate.Publish, func(c *signaling.Config, tc *sessions.Config) {
		tc.Log = slog.New(slog.NewJSONHandler(&lines, nil))
		c.Log = tc.Log
		c.Auth = auth.New(auth.Config{PublishToken: "right"})
		c.ICEServers = func(r signaling.ICERequest) []signaling.ICEServer { user = r.User; return nil }
	})
	path, _ := f.created("Authorization", "Bearer right")
	f.do("DELETE", path, "", "Authorization", "Bearer right")
	got := strings.Split(strings.TrimSpace(lines.String()), "\n")
	if len(got) != 2 || !strings.Contains(got[0], "session started") || !strings.Contains(got[1], "session ended") {
		t.Fatalf("log:\n%s", lines.String())
	}
	if want := `"relay_user":"` + user + `"`; !strings.Contains(got[0], want) { // whose a name in a TURN server's log is
		t.Errorf("%s is not in %s", want, got[0])
	}
	for _, want := range []string{`"stream":"cam"`, `"protocol":"whip"`, `"reason":"ended by the client"`, `"packets":7`, `"duration"`} {
		if !strings.Contains(got[1], want) {
			t.Errorf("%s is not in %s", want, got[1])
		}
	}
	_, pwd := f.credentials()
	for _, secret := range []string{"right", pwd} {
		if strings.Contains(lines.String(), secret) {
			t.Errorf("the log holds a secret:\n%s", lines.String())
		}
	}
}
