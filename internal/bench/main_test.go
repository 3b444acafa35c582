package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be started in the hidden modes, as bench starts itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && modes()[os.Args[1]] != nil {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

func TestARunMeasuresEveryServer(t *testing.T) {
	t.Parallel()
	needLinux(t)
	var out, log bytes.Buffer
	args := []string{
		"--json", "--viewers", "2", "--servers", "limit,baseline", "--starts=false",
		"--window", "600ms", "--windows", "2",
	}
	if code := run(t.Context(), args, &out, &log); code != 0 {
		t.Fatalf("exit code %d: %s", code, log.String())
	}
	var got outcome
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if len(got.Rows) != 2 || got.Rows[0].Server != serverLimit || got.Rows[1].Server != serverBaseline {
		t.Fatalf("rows: %+v", got.Rows)
	}
	for _, r := range got.Rows {
		if r.received.Viewers != 2 || r.PacketRate <= 0 || r.FrameRate <= 0 {
			t.Errorf("%s: received %+v", r.Server, r.received)
		}
		if d := r.Delay; d.Count < 10 || d.P50 <= 0 || d.P99 < d.P50 || d.P50 > 1000 {
			t.Errorf("%s: frame delay %+v", r.Server, d)
		}
		if r.CPU.Median <= 0 || r.CPU.Min > r.CPU.Median || r.CPU.Max < r.CPU.Median || r.Limits <= 0 {
			t.Errorf("%s: processor time %+v, %v times the limit", r.Server, r.CPU, r.Limits)
		}
	}
	if n := got.Rows[1].Goroutines; n < 5 {
		t.Errorf("plain pion has %v goroutines a viewer", n)
	}
}

func TestViewersGetAKeyframe(t *testing.T) {
	t.Parallel()
	s := startTestServer(t, serverBaseline)
	got, err := s.come(t.Context(), 2, time.Nanosecond, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if got.Opened != 2 || got.Saw != 2 || got.Median <= 0 || got.Max < got.Median {
		t.Errorf("got %+v", got)
	}
	if err := s.publisher.Stop(); err != nil {
		t.Fatal(err)
	}
	var published struct {
		Requests int `json:"keyframe_requests"`
	}
	if err := s.publisher.Await(t.Context(), "published", &published); err != nil || published.Requests < 1 {
		t.Errorf("the publisher was asked for %d keyframes: %v", published.Requests, err)
	}
}

func TestTheProfiledServerShowsItsGoroutines(t *testing.T) {
	t.Parallel()
	s := startTestServer(t, serverProfiled)
	without, err := s.inside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.watch(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	with, err := s.inside(t.Context())
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	with.print(&text, without, 1)
	if !strings.Contains(text.String(), "pion") {
		t.Errorf("nothing of pion among what a viewer adds:\n%s", &text)
	}
}

// needLinux skips what asks the system what a process costs.
func needLinux(t *testing.T) {
	t.Helper()
	if _, err := machineTime(); errors.Is(err, errSystem) {
		t.Skip(err)
	}
}

// startTestServer runs this test binary as a server under test.
func startTestServer(t *testing.T, name string) *server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := programs{bench: self}.startServer(t.Context(), name, feed{gop: usualGOP})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

func TestWrongCommandLines(t *testing.T) {
	for _, args := range [][]string{
		{"--viewers", "0"}, {"--viewers", "1,x"}, {"--servers", "nginx"}, {"--window", "1ms"},
		{"--windows", "0"}, {"more"}, {"--nonsense"},
	} {
		var log bytes.Buffer
		if code := run(t.Context(), args, &log, &log); code != 2 || log.Len() == 0 {
			t.Errorf("%v: exit code %d: %s", args, code, &log)
		}
	}
	var help bytes.Buffer
	if code := run(t.Context(), []string{"--help"}, &help, &help); code != 0 || !strings.Contains(help.String(), "-profile FILE") {
		t.Errorf("--help: exit code %d: %s", code, &help)
	}
}
