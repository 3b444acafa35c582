package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"
)

// TestNobodyReadsTheLog has a server log to a pipe that nobody reads: it starts,
// answers and ends as ever.
func TestNobodyReadsTheLog(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	nobody, stderr := io.Pipe()
	defer nobody.Close() // lets go of who still writes
	reader, stdout := io.Pipe()
	defer reader.Close()
	code := make(chan int, 1)
	go func() { code <- run(ctx, loopback("--log-level", "debug"), environment(nil), stdout, stderr) }()

	line := make([]byte, 256)
	n, err := reader.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	url := regexp.MustCompile(`http://[0-9.:]+/`).FindString(string(line[:n]))
	client := http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	for range 20 {
		response, err := client.Get(url + "healthz")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatal(response.Status)
		}
	}
	cancel()
	select {
	case c := <-code:
		if c != exitOK {
			t.Errorf("exit code %d", c)
		}
	case <-time.After(20 * time.Second):
		t.Error("the server waits for who reads its log")
	}
}
