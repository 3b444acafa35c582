package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// The first request of all, which is there before the server serves, finds every stream.
func TestFirstRequestFindsTheSources(t *testing.T) {
	cfg, err := loadConfig([]string{
		"--http", "127.0.0.1:0", "--media", "127.0.0.1:0", "--turn-listen", "off",
		"--source", "cam=pattern:?size=160x96&ondemand=5s", "--fallback", "slate:?size=160x96&text=soon",
	}, environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err := newServer(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /api/streams HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
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
