package conformance_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
)

// reply is a whole HTTP response.
type reply struct {
	t      testing.TB
	what   string // the request, for error texts
	status int
	header http.Header
	body   string
	length int64 // as declared; -1: not
}

// do makes one request. Headers are name, value, name, value …; an empty value
// leaves the header out. Connections are not kept: an idle one would count as a
// leak. Redirects are the test's business.
func (s *server) do(method, target, body string, headers ...string) reply {
	s.t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = s.url + target
	}
	req, err := http.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] != "" {
			req.Header.Add(headers[i], headers[i+1])
		}
	}
	transport := &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: patience}
	if s.trust {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the test made the certificate
	}
	client := &http.Client{
		Timeout: patience, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: read the body: %v", method, target, err)
	}
	return reply{s.t, method + " " + target, res.StatusCode, res.Header, string(content), res.ContentLength}
}

// post sends an offer.
func (s *server) post(path, offer string, headers ...string) reply {
	s.t.Helper()
	return s.do(http.MethodPost, path, offer, append([]string{"Content-Type", typeSDP}, headers...)...)
}

// created posts an offer that must be taken.
func (s *server) created(path, offer string, headers ...string) reply {
	s.t.Helper()
	r := s.post(path, offer, headers...)
	r.mustBe(http.StatusCreated)
	return r
}

// delete ends a session; its client, if it has one, learns of it by itself.
func (s *server) delete(session string) {
	s.t.Helper()
	s.do(http.MethodDelete, session, "").is(http.StatusOK)
}

// is fails the test when the status is none of the wanted ones.
func (r reply) is(want ...int) bool {
	r.t.Helper()
	if !slices.Contains(want, r.status) {
		r.t.Errorf("%s: status %d, want %v: %s", r.what, r.status, want, r.body)
		return false
	}
	return true
}

// mustBe is is for what the rest of the test needs.
func (r reply) mustBe(want ...int) {
	r.t.Helper()
	if !r.is(want...) {
		r.t.FailNow()
	}
}

// has fails the test when a header has not this value.
func (r reply) has(name, want string) {
	r.t.Helper()
	if got := r.header.Get(name); got != want {
		r.t.Errorf("%s: %s is %q, want %q", r.what, name, got, want)
	}
}

// lists tells which of the comma-separated members of a header are missing.
func (r reply) lists(name string, want ...string) {
	r.t.Helper()
	for _, w := range want {
		if !r.listed(name, w) {
			r.t.Errorf("%s: %s is %q, want %s in it", r.what, name, r.header.Values(name), w)
		}
	}
}

func (r reply) listed(name, want string) bool {
	for member := range strings.SplitSeq(strings.Join(r.header.Values(name), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(member), want) {
			return true
		}
	}
	return false
}

// empty fails the test when there is a body.
func (r reply) empty() {
	r.t.Helper()
	if r.body != "" || r.length > 0 {
		r.t.Errorf("%s: a body of %d bytes, %d declared; want none", r.what, len(r.body), r.length)
	}
}

// retries fails the test unless Retry-After is a positive number of seconds.
func (r reply) retries() {
	r.t.Helper()
	if n, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || n < 1 {
		r.t.Errorf("%s: Retry-After is %q", r.what, r.header.Get("Retry-After"))
	}
}

// problem fails the test unless the body is a problem document (RFC 9457) that
// players can show; it returns its detail.
func (r reply) problem() string {
	r.t.Helper()
	var doc struct {
		Type, Title, Detail, Error string
		Status                     int
	}
	r.has("Content-Type", "application/problem+json")
	if err := json.Unmarshal([]byte(r.body), &doc); err != nil {
		r.t.Errorf("%s: %v in %s", r.what, err, r.body)
	}
	if doc.Type == "" || doc.Title == "" || doc.Error == "" || doc.Status != r.status {
		r.t.Errorf("%s: the problem document is %s", r.what, r.body)
	}
	return doc.Detail
}

// session returns the session's URL as a client finds it.
func (r reply) session() string {
	r.t.Helper()
	_, target, _ := strings.Cut(r.what, " ")
	base, err := url.Parse(target)
	if err != nil {
		r.t.Fatal(err)
	}
	location, err := base.Parse(r.header.Get("Location"))
	if err != nil || r.header.Get("Location") == "" {
		r.t.Fatalf("%s: Location is %q", r.what, r.header.Get("Location"))
	}
	return location.String()
}

// metric returns the sum of a metric over those of its labels that hold all of
// the texts.
func (s *server) metric(name string, labels ...string) float64 {
	s.t.Helper()
	sum := 0.0
	lines := bufio.NewScanner(strings.NewReader(s.do(http.MethodGet, "/metrics", "").body))
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		if slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(rest, l) }) {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, '}')+1:]), 64)
		if err != nil {
			s.t.Fatalf("metric %s: %v", name, err)
		}
		sum += value
	}
	return sum
}

// sessions is how many connections the server has.
func (s *server) sessions() int { return int(s.metric("porthole_sessions")) }

// streamInfo is what the API says about a stream, as far as the tests look.
type streamInfo struct {
	Live    bool `json:"live"`
	Viewers int  `json:"viewers"`
	Tracks  []struct {
		Bitrate uint64 `json:"bitrate"`
	} `json:"tracks"`
}

func (s *server) stream(name string) (info streamInfo) {
	s.t.Helper()
	if r := s.do(http.MethodGet, "/api/streams/"+name, "", "Authorization", s.token); r.status == http.StatusOK {
		if err := json.Unmarshal([]byte(r.body), &info); err != nil {
			s.t.Fatalf("%s: %v in %s", r.what, err, r.body)
		}
	}
	return info
}

// until asks again and again, or fails the test.
func until(t testing.TB, within time.Duration, what string, done func() bool) {
	t.Helper()
	deadline, tick := time.After(within), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %v for %s", within, what)
		}
	}
}

// wait waits for one value of a channel or for its close, or fails the test.
func wait[T any](t testing.TB, within time.Duration, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(within):
		t.Fatalf("waited %v for %s", within, what)
	}
	return v
}
