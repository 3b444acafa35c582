//go:build e2e && linux

package e2e_test

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServerOutlivesWhoReadsItsLog has the program write to a pipe that is full, and to
// one whose reader has left, as with `2>&1 | head -1`: it answers, and ends when told to.
func TestServerOutlivesWhoReadsItsLog(t *testing.T) {
	t.Run("stalled", func(t *testing.T) { serveWithoutLogReader(t, func(*os.File) {}) })
	t.Run("gone", func(t *testing.T) { serveWithoutLogReader(t, func(r *os.File) { r.Close() }) })
}

func serveWithoutLogReader(t *testing.T, afterFirstLine func(*os.File)) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	cmd := exec.Command(binary, "--http", "127.0.0.1:0", "--media", "127.0.0.1:0", "--log-level", "debug", "--view-token", "see")
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }() // harmless after its end

	var url string
	for lines := bufio.NewScanner(reader); url == "" && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "    http://") {
			url, _, _ = strings.Cut(strings.TrimSpace(lines.Text()), "watch/")
		}
	}
	afterFirstLine(reader)
	client := http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	for range 1500 { // more than a pipe's 64 KiB of records, and as much again
		response, err := client.Get(url + "whep/" + strings.Repeat("x", 60))
		if err != nil {
			t.Fatalf("a request after the reader: %v", err)
		}
		response.Body.Close()
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the server ended with %v, not by itself", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the server does not end while nobody reads its log")
	}
}
