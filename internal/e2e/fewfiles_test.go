//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fewFiles starts a server that can have no more than n files open.
func fewFiles(t testing.TB, n int, args ...string) *server {
	t.Helper()
	script := filepath.Join(t.TempDir(), "few-files")
	text := fmt.Sprintf("#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n", n, binary)
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return startProgram(t, script, args...)
}

// TestFewFilesAreShared holds 40 silent connections from one address to a server that may
// have 64 files open. Others connect, follow events and watch.
func TestFewFilesAreShared(t *testing.T) {
	t.Parallel()
	const held, others = 40, 4
	s := fewFiles(t, 64, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	t.Logf("%d files are open without clients", s.openFiles(t))
	address := strings.TrimPrefix(s.url, "http://")
	for range held {
		c, err := attacker().Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	waitFor(t, 10*time.Second, "the last of them to be refused", func() error {
		if s.metric(t, "porthole_connections_refused_total") < held/2 {
			return errNotYet
		}
		return nil
	})
	for i := range others {
		from := net.IPv4(127, 0, 1, byte(i+1))
		client := clientFrom(t, from)
		events, err := client.Get(s.url + "/api/events")
		if err != nil {
			t.Fatalf("%s follows events: %v", from, err)
		}
		t.Cleanup(func() { _ = events.Body.Close() })
		if events.StatusCode != http.StatusOK {
			t.Errorf("%s follows events: status %d", from, events.StatusCode)
		}
		v, err := newViewer(s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = v.close() })
		v.client = client
		if err := v.signal("/whep/webcam"); err != nil {
			t.Fatalf("%s watches: %v", from, err)
		}
		v.waitPlaying(t)
	}
	t.Logf("%d files are open with them", s.openFiles(t))
	if strings.Contains(s.Log(), "too many open files") {
		t.Error("the process ran out of files")
	}
}

// clientFrom makes an HTTP client at an address of this machine, ended with the test.
func clientFrom(t testing.TB, from net.IP) *http.Client {
	transport := &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: 5 * time.Second}).DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// TestEventStreamsLeaveConnections follows events on as many connections as an address may
// have. Half of them are told that there are too many, which limit it is, and that the
// address can still do everything else.
func TestEventStreamsLeaveConnections(t *testing.T) {
	t.Parallel()
	const connections = 20
	s := startServer(t, "--source", patternSource, "--max-client-connections", fmt.Sprint(connections))
	s.waitLive(t, "webcam", true, 20*time.Second)
	client := clientFrom(t, net.IPv4(127, 0, 0, 2))
	var followed int
	for range connections - 2 {
		events, err := client.Get(s.url + "/api/events")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = events.Body.Close() })
		switch events.StatusCode {
		case http.StatusOK:
			followed++
		case http.StatusTooManyRequests:
			text := make([]byte, 1000)
			n, _ := events.Body.Read(text)
			if !strings.Contains(string(text[:n]), "--max-client-connections") || events.Header.Get("Retry-After") == "" {
				t.Errorf("refused with Retry-After %q and %s", events.Header.Get("Retry-After"), text[:n])
			}
		default:
			t.Errorf("status %d", events.StatusCode)
		}
	}
	if followed != connections/2 {
		t.Errorf("%d event streams are followed, want %d", followed, connections/2)
	}
	v, err := newViewer(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.close() })
	v.client = client
	if err := v.signal("/whep/webcam"); err != nil {
		t.Fatalf("watch beside the event streams: %v", err)
	}
	v.waitPlaying(t)
}
