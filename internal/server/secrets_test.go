package server

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"porthole/internal/doctor"
)

// Whoever leaves a secret readable to every user of the machine is told, with the cure.
func TestReadableSecretsAreTold(t *testing.T) {
	write := func(mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte("hush"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
		return path
	}
	closed, open, key := write(0o640), write(0o644), write(0o644)
	var log bytes.Buffer
	cfg := Config{Key: key, SecretFiles: []doctor.SecretFile{{Flag: "--publish-token-file", Path: closed}, {Flag: "--view-token-file", Path: open}}}
	s := &Server{cfg: cfg, log: slog.New(slog.NewTextHandler(&log, nil))}
	s.warnOfReadableSecrets()
	for path, want := range map[string]bool{closed: false, open: true, key: true} {
		if got := strings.Contains(log.String(), `"chmod o-r `+path+`"`); got != want {
			t.Errorf("%s: told %v, want %v, in\n%s", path, got, want, log.String())
		}
	}
}
