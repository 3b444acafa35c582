package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// loopback is a configuration that keeps a test on this machine and away from others' ports.
func loopback() Config {
	cfg := DefaultConfig()
	cfg.HTTP, cfg.Media, cfg.TURNListen = "127.0.0.1:0", "127.0.0.1:0", TURNOff
	return cfg
}

// The first request of all, which is there before the server serves, finds every stream.
func TestFirstRequestFindsTheSources(t *testing.T) {
	cfg := loopback()
	cfg.Sources = []Source{{Name: "cam", URI: "pattern:?size=160x96&ondemand=5s"}}
	cfg.Fallbacks = []Fallback{{Source: Source{URI: "slate:?size=160x96&text=soon"}}}
	for _, source := range []*Source{&cfg.Sources[0], &cfg.Fallbacks[0].Source} {
		parse(t, source)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err := New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /api/streams HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	response, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(response), `"standby"`); got < 2 {
		t.Errorf("%d streams can be joined, want that of the camera and the slate: %s", got, response)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
