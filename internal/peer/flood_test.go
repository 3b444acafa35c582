package peer_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/peer"
)

// heap returns the bytes that are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // far below
}

// A new SSRC in each packet costs next to nothing, and in the end the session.
func TestFloodOfSSRCsIsBounded(t *testing.T) {
	const most = 1000
	for name, edit := range map[string]func(string) string{"announced": nil, "not announced": withoutSSRC} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			p := startWired(t, peer.Config{Registerer: registry}, edit)
			src := p.source(p.video, 0, 0)
			payload := make([]byte, 1100)
			before, goroutines := heap(), runtime.NumGoroutine()
			sent := 0
			flood := func(until func() bool) {
				for deadline := time.Now().Add(patience); !until() && time.Now().Before(deadline); sent++ {
					src.SSRC++
					if err := src.write(src.Header, payload); err != nil && p.session.Err() == nil {
						t.Fatalf("send: %v", err)
					}
					if sent%50 == 0 {
						time.Sleep(time.Millisecond) // as fast as a socket's buffer takes it
					}
				}
			}
			flood(func() bool { return sent >= most-100 })
			eventually(t, "most of them", func() bool {
				return counter(t, registry, "porthole_publisher_packets_dropped_total", "sources") > most/2
			})
			if grown := heap() - before; grown > 4<<20 {
				t.Errorf("the heap has grown by %d KiB, want 4 MiB at most", grown>>10)
			}
			if more := runtime.NumGoroutine() - goroutines; more > 10 {
				t.Errorf("%d more goroutines", more)
			}
			flood(func() bool { return p.session.Err() != nil })
			err := wait(t, p.ended, "the end")
			if !errors.Is(err, peer.ErrTooManySources) || !strings.Contains(err.Error(), "keep the SSRC") {
				t.Errorf("ended with %v, want ErrTooManySources and the cure", err)
			}
			if sent < most {
				t.Errorf("the session ended after %d packets, want more than %d", sent, most)
			}
			if end := p.session.Info().End; end != "too_many_sources" {
				t.Errorf("it is counted as %q", end)
			}
		})
	}
}
