//go:build e2e

package e2e_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// httpClient keeps no connections: an idle one is two goroutines in the
// server, and the tests count goroutines. Redirects are the test's business.
var httpClient = &http.Client{
	Timeout:       10 * time.Second,
	Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// reply is a whole HTTP response.
type reply struct {
	status int
	header http.Header
	body   string
}

// call makes one request. Headers are given as name, value, name, value …
func (s *server) call(t testing.TB, method, url, body string, headers ...string) reply {
	t.Helper()
	if strings.HasPrefix(url, "/") {
		url = s.url + url
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: read the body: %v", method, url, err)
	}
	return reply{resp.StatusCode, resp.Header, string(content)}
}

// streamInfo is what the API says about a stream, as far as the tests look.
type streamInfo struct {
	Name  string `json:"name"`
	Live  bool   `json:"live"`
	State string `json:"state"`
	// Fallback is the stream that is shown in place of this one.
	Fallback string `json:"fallback"`
	Source   string `json:"source"`
	// SourceState says how a source on the server is.
	SourceState string `json:"sourceState"`
	Viewers     int    `json:"viewers"`
	Readers     int    `json:"readers"`
	Tracks      []struct {
		Kind    string `json:"kind"`
		Codec   string `json:"codec"`
		Bitrate uint64 `json:"bitrate"`
	} `json:"tracks"`
	Warnings []struct {
		Code string `json:"code"`
	} `json:"warnings"`
}

// stream asks the API for one stream; one that does not exist is not live.
func (s *server) stream(t testing.TB, name string, headers ...string) streamInfo {
	t.Helper()
	r := s.call(t, http.MethodGet, "/api/streams/"+name, "", headers...)
	var info streamInfo
	switch r.status {
	case http.StatusNotFound:
	case http.StatusOK:
		if err := json.Unmarshal([]byte(r.body), &info); err != nil {
			t.Fatalf("GET /api/streams/%s: %v in %s", name, err, r.body)
		}
	default:
		t.Fatalf("GET /api/streams/%s: status %d: %s", name, r.status, r.body)
	}
	return info
}

// waitLive waits until a stream is live, or is not.
func (s *server) waitLive(t testing.TB, name string, live bool, within time.Duration) {
	t.Helper()
	waitFor(t, within, fmt.Sprintf("stream %s to have live=%v", name, live), func() error {
		if info := s.stream(t, name); info.Live != live {
			return fmt.Errorf("the API says %+v", info)
		}
		return nil
	})
}

// waitViewers waits until a stream has exactly so many viewers.
func (s *server) waitViewers(t testing.TB, name string, want int, within time.Duration) {
	t.Helper()
	waitFor(t, within, fmt.Sprintf("stream %s to have %d viewers", name, want), func() error {
		if got := s.stream(t, name).Viewers; got != want {
			return fmt.Errorf("it has %d", got)
		}
		return nil
	})
}

// metric returns the sum of a metric over its labels.
func (s *server) metric(t testing.TB, name string) float64 {
	t.Helper()
	r := s.call(t, http.MethodGet, "/metrics", "")
	sum, found := 0.0, false
	lines := bufio.NewScanner(strings.NewReader(r.body))
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '{') {
			continue
		}
		fields := strings.Fields(rest[strings.LastIndexByte(rest, '}')+1:])
		value, err := strconv.ParseFloat(fields[0], 64)
		if err != nil {
			t.Fatalf("metric %s: %v", name, err)
		}
		sum, found = sum+value, true
	}
	if !found {
		t.Fatalf("/metrics has no %s", name)
	}
	return sum
}

// goroutineBaseline is the most goroutines that a few looks in a row see.
func (s *server) goroutineBaseline(t testing.TB) int {
	t.Helper()
	most := 0
	for range 5 {
		most = max(most, int(s.metric(t, "go_goroutines")))
	}
	return most
}

// waitGoroutines waits until no more goroutines are left than there were.
func (s *server) waitGoroutines(t testing.TB, baseline int, within time.Duration) {
	t.Helper()
	waitFor(t, within, fmt.Sprintf("no more than %d goroutines", baseline), func() error {
		if n := int(s.metric(t, "go_goroutines")); n > baseline {
			return fmt.Errorf("there are %d", n)
		}
		return nil
	})
}
