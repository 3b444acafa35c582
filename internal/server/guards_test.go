package server

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// What guards a server is in front of its handlers. Each guard has tests of its own; these
// find the one that was left out.

func TestPagesOfOthersFrameNothingOfAnOpenServer(t *testing.T) {
	s := started(t, loopback())
	if _, header, _ := get(t, s, "/embed/x", ""); !strings.HasSuffix(header.Get("Content-Security-Policy"), "frame-ancestors 'self'") {
		t.Errorf("policy %q", header.Get("Content-Security-Policy"))
	}
}

// Small requests, one behind the other, are read no faster than what they cost: 512 bytes
// each besides their own, 256 KiB a second for each processor, 1 MiB at once.
func TestSmallRequestsAreReadAsFastAsTheyCost(t *testing.T) {
	s := started(t, loopback())
	const request = "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
	const longer = 2 * time.Second
	rate := 256 << 10 * runtime.GOMAXPROCS(0)
	n := (1<<20 + int(longer.Seconds())*rate) / (512 + len(request))
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(bytes.Repeat([]byte(request), n))
		sent <- err
	}()
	answers := 0
	for buf := make([]byte, 64<<10); answers < n; {
		read, err := conn.Read(buf)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		answers += bytes.Count(buf[:read], []byte("HTTP/1.1 ")) // one that is cut in two is not counted
		if errors.Is(err, io.EOF) || time.Since(began) > longer {
			break
		}
	}
	_ = conn.Close()
	<-sent
	if took := time.Since(began); took < longer/2 {
		t.Errorf("%d requests were answered in %v, want them read for %v", n, took, longer)
	}
}

// toldLog remembers that a line was written.
type toldLog struct {
	text string
	told atomic.Int32
}

func (l *toldLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(l.text)) {
		l.told.Add(1)
	}
	return len(line), nil
}

func TestServerTellsOfAProxyThatIsNotNamed(t *testing.T) {
	log := &toldLog{text: "--trusted-proxy does not name"}
	cfg := loopback()
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	s := started(t, cfg)
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr().String()+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", "203.0.113.5")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	if n := log.told.Load(); n != 1 {
		t.Errorf("told %d times, want once", n)
	}
}
