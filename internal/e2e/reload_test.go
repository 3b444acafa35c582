//go:build e2e

package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReloadWhileSomebodyWatches changes the view token of a running server: who watches
// goes on, on the same connection, the old token lets nobody in any more, and the new one does.
func TestReloadWhileSomebodyWatches(t *testing.T) {
	t.Parallel()
	configuration := filepath.Join(t.TempDir(), "porthole.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(configuration, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("view-token: view-old\n")
	s := startServer(t, "--source", patternSource, "--config", configuration)
	enter := func(token string) (*viewer, error) {
		v, err := newViewer(s)
		if err != nil {
			t.Fatalf("make a viewer: %v", err)
		}
		t.Cleanup(func() { v.close() })
		v.token = token
		return v, v.signal("/whep/webcam")
	}
	waitFor(t, 20*time.Second, "the pattern to be live", func() error {
		if !s.stream(t, "webcam", "Authorization", "Bearer view-old").Live {
			return errNotYet
		}
		return nil
	})
	watching, err := enter("view-old")
	if err != nil {
		t.Fatal(err)
	}
	watching.waitPlaying(t)

	reload := func(text, record string) {
		t.Helper()
		write(text)
		if err := s.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		waitFor(t, 10*time.Second, "the log record "+record, func() error {
			if !strings.Contains(s.Log(), record) {
				return errNotYet
			}
			return nil
		})
	}
	reload("view-token: view-new\ngrace: 9s\n", `"changed":"view-token"`)
	if !strings.Contains(s.Log(), `"setting":"--grace"`) {
		t.Error("nobody is told that --grace needs a restart")
	}
	for token, want := range map[string]int{"view-old": http.StatusUnauthorized, "view-new": http.StatusOK} {
		if r := s.call(t, http.MethodGet, "/api/streams", "", "Authorization", "Bearer "+token); r.status != want {
			t.Errorf("%s: status %d, want %d", token, r.status, want)
		}
	}
	if _, err := enter("view-old"); err == nil {
		t.Error("the old token still lets a viewer in")
	}
	other, err := enter("view-new")
	if err != nil {
		t.Fatal(err)
	}
	other.waitPlaying(t)

	// A mistake is told, and changes nothing.
	reload("view-token: view-third\nmax-viewer: 1\n", "did you mean max-viewers?")
	if r := s.call(t, http.MethodGet, "/api/streams", "", "Authorization", "Bearer view-new"); r.status != http.StatusOK {
		t.Errorf("after a mistake: status %d", r.status)
	}
	watching.waitFrames(t, 30) // on the connection that it had all the time
	for _, token := range []string{"view-old", "view-new", "view-third"} {
		if strings.Contains(s.Log(), token) {
			t.Errorf("the log shows %s", token)
		}
	}
}
