package signaling_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"go.uber.org/goleak"

	"porthole/internal/auth"
	"porthole/internal/negotiate"
	"porthole/internal/problem"
	"porthole/internal/sessioninfo"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should happen at once.
const patience = 10 * time.Second

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
)

// fakeSession is a session without a connection.
type fakeSession struct {
	connectErr error
	onConnect  func(ctx context.Context)
	serve      func() error // instead of waiting for the end

	mu       sync.Mutex
	trickled []*negotiate.Fragment
	trickle  error
	reason   error
	once     sync.Once
	closed   chan struct{}
}

func (s *fakeSession) Connect(ctx context.Context) (string, error) {
	if s.onConnect != nil {
		s.onConnect(ctx)
	}
	return "v=0\r\nanswer\r\n", s.connectErr
}

func (s *fakeSession) Serve(ctx context.Context) error {
	if s.serve != nil {
		return s.serve()
	}
	select {
	case <-s.closed:
		return s.endReason()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *fakeSession) Close(reason error) {
	s.once.Do(func() {
		s.mu.Lock()
		s.reason = reason
		s.mu.Unlock()
		close(s.closed)
	})
}

func (s *fakeSession) endReason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

func (s *fakeSession) Trickle(f *negotiate.Fragment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trickled = append(s.trickled, f)
	return s.trickle
}

func (s *fakeSession) Detail() sessioninfo.Detail {
	return sessioninfo.Detail{State: sessioninfo.StateConnected}
}
func (s *fakeSession) Summary() []slog.Attr { return []slog.Attr{slog.Uint64("packets", 7)} }

// restartingSession can restart ICE.
type restartingSession struct {
	*fakeSession
	err error
}

func (s restartingSession) Restart(context.Context, *negotiate.Fragment) (*negotiate.Fragment, error) {
	if s.err != nil {
		return nil, s.err
	}
	return &negotiate.Fragment{Ufrag: "srv2", Pwd: "serverpasswordserverpass", EndOfCandidates: true}, nil
}

// fixture is a server with one protocol under /whip or /whep.
type fixture struct {
	t       testing.TB
	url     string
	role    negotiate.Role
	table   *sessions.Table
	openErr error                                  // of the next offers
	make    func(s *fakeSession) signaling.Session // nil: the fake itself
	setup   func(s *fakeSession)                   // nil: none
	mu      sync.Mutex
	opened  []*fakeSession
}

// newFixture starts a server. mutate may be nil.
func newFixture(t testing.TB, role negotiate.Role, mutate func(*signaling.Config, *sessions.Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, role: role}
	cfg, tableCfg := signaling.Config{Auth: auth.New(auth.Config{})}, sessions.Config{}
	if mutate != nil {
		mutate(&cfg, &tableCfg)
	}
	f.table = sessions.New(tableCfg)
	cfg.Table = f.table
	h, err := signaling.New(role, f.open, cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	router := chi.NewRouter()
	router.Route(f.prefix(), h.Routes)
	server := httptest.NewServer(router)
	f.url = server.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience) // the test's own is over
		defer cancel()
		if err := f.table.Close(ctx); err != nil {
			t.Errorf("Table.Close: %v", err)
		}
		server.Close()
		if n := f.table.Len(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
	return f
}

func (f *fixture) prefix() string {
	if f.role == negotiate.Publish {
		return "/whip"
	}
	return "/whep"
}

func (f *fixture) open(signaling.Request) (signaling.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.openErr != nil {
		return nil, f.openErr
	}
	s := &fakeSession{closed: make(chan struct{})}
	if f.setup != nil {
		f.setup(s)
	}
	f.opened = append(f.opened, s)
	if f.make != nil {
		return f.make(s), nil
	}
	return s, nil
}

// last returns the session that was opened last.
func (f *fixture) last() *fakeSession {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.opened) == 0 {
		f.t.Fatal("no session was opened")
	}
	return f.opened[len(f.opened)-1]
}

// count returns how many sessions were opened.
func (f *fixture) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.opened)
}

// offer returns a valid offer of the fixture's role.
func (f *fixture) offer() string {
	f.t.Helper()
	name := "chromium-recvonly.sdp"
	if f.role == negotiate.Publish {
		name = "chromium-sendonly.sdp"
	}
	b, err := os.ReadFile("../negotiate/testdata/" + name)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(b)
}

// credentials returns those that the offer's fragments carry.
func (f *fixture) credentials() (ufrag, pwd string) {
	f.t.Helper()
	offer, err := negotiate.ParseOffer(f.role, []byte(f.offer()))
	if err != nil {
		f.t.Fatal(err)
	}
	return offer.Ufrag, offer.Pwd
}

// fragment makes a trickle of one candidate with the offer's credentials.
func (f *fixture) fragment() string {
	ufrag, pwd := f.credentials()
	return fragment(ufrag, pwd)
}

func fragment(ufrag, pwd string) string {
	return "a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:" + pwd + "\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n" +
		"a=candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host\r\n"
}

// reply is a whole response.
type reply struct {
	*http.Response
	body string
}

// problem returns the body as a problem document and checks its form.
func (r reply) problem(t testing.TB) problem.Document {
	t.Helper()
	var doc problem.Document
	if err := json.Unmarshal([]byte(r.body), &doc); err != nil {
		t.Fatalf("status %d: the body is not a problem document: %v: %q", r.StatusCode, err, r.body)
	}
	if got := r.Header.Get("Content-Type"); got != problem.ContentType || doc.Status != r.StatusCode || doc.Error == "" {
		t.Errorf("status %d: Content-Type %q, document %+v", r.StatusCode, got, doc)
	}
	return doc
}

// client keeps no connections: goleak counts idle ones.
var client = &http.Client{
	Timeout:       patience,
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// do makes one request. Headers are name, value, name, value …
func (f *fixture) do(method, path, body string, headers ...string) reply {
	f.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, f.url+path, reader)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Fatalf("%s %s: read the body: %v", method, path, err)
	}
	return reply{res, string(content)}
}

// post makes a session on stream cam.
func (f *fixture) post(headers ...string) reply {
	f.t.Helper()
	return f.do("POST", f.prefix()+"/cam", f.offer(), append([]string{"Content-Type", typeSDP}, headers...)...)
}

// created makes a session and returns its path and tag.
func (f *fixture) created(headers ...string) (path, etag string) {
	f.t.Helper()
	r := f.post(headers...)
	if r.StatusCode != 201 {
		f.t.Fatalf("POST: status %d: %s", r.StatusCode, r.body)
	}
	return r.Header.Get("Location"), r.Header.Get("ETag")
}

// waitFor polls until done, or fails the test.
func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
		time.Sleep(time.Millisecond)
	}
}
