package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"porthole/internal/bench/process"
)

func startSelf(t *testing.T, args ...string) *process.Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := process.Start("child", self, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() })
	return p
}

func TestAProcessIsFollowedAndStopped(t *testing.T) {
	t.Parallel()
	needLinux(t)
	p := startSelf(t, serverLimit)
	var listening struct{ HTTP string }
	if err := p.Await(t.Context(), "listening", &listening); err != nil || listening.HTTP == "" {
		t.Fatalf("listening on %q: %v", listening.HTTP, err)
	}
	if m, err := scrape(t.Context(), listening.HTTP); err != nil || m.goroutines < 1 || m.mallocs < 1 {
		t.Errorf("metrics %+v: %v", m, err)
	}
	if used, err := processorTime(p.PID()); err != nil || used <= 0 {
		t.Errorf("processor time %v: %v", used, err)
	}
	if memory, err := residentMemory(p.PID()); err != nil || memory < 1<<20 {
		t.Errorf("%d bytes of memory: %v", memory, err)
	}
	for range 2 { // the second time does nothing
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	}
	if _, err := processorTime(p.PID()); err == nil {
		t.Error("the process is still there")
	}
}

func TestAProcessThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	p := startSelf(t, "publish", "--whip", "http://127.0.0.1:1/whip/x")
	var record struct{}
	err := p.Await(t.Context(), "publishing", &record)
	if !errors.Is(err, process.ErrEnded) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("waiting for it: %v", err)
	}
	if err := p.Stop(); err == nil {
		t.Error("it seems to have ended well")
	}
}

func TestWaitingForAProcessIsBounded(t *testing.T) {
	t.Parallel()
	p := startSelf(t, serverLimit)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var record struct{}
	if err := p.Await(ctx, "never", &record); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("await: %v", err)
	}
	if err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wait: %v", err)
	}
}
