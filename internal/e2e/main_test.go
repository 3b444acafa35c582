//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"porthole/internal/processtest"
)

// binary is the path of the program under test, set by TestMain.
var binary string

func TestMain(m *testing.M) {
	if url := os.Getenv(remoteViewerVariable); url != "" {
		os.Exit(remoteViewerMain(url))
	}
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// buildAndRun builds the program once, with the race detector, and runs the tests.
func buildAndRun(m *testing.M) (int, error) {
	done := make(chan struct{})
	var measuring sync.WaitGroup
	measuring.Go(func() { busy.run(done) })
	defer measuring.Wait()
	defer close(done)
	binary = os.Getenv("E2E_BINARY")
	if binary != "" {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "porthole-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "porthole")
	if err := processtest.Build(binary, true); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// artifacts is the directory for what a person may want to look at afterwards.
func artifacts(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("E2E_ARTIFACTS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatalf("find the cache directory: %v", err)
		}
		dir = filepath.Join(cache, "porthole-test", "artifacts")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("make the artifacts directory: %v", err)
	}
	return dir
}
