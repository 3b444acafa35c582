package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"porthole/internal/doctor"
)

// secretFile writes a file that every user of the machine can read when mode says so.
func secretFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	return path
}

// Nothing secret has to stand on a command line, where ps shows it.
func TestEverySecretCanComeFromAFile(t *testing.T) {
	want, err := loadConfig([]string{
		"--publish-token", "pub", "--view-token", "view", "--turn-secret", "hush",
		"--turn", "turn:u:p@a.example", "--turn", "turn:b.example?secret=s",
	}, environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	publish, view, hush := secretFile(t, "pub\n", 0o600), secretFile(t, "view", 0o640), secretFile(t, "\n hush \r\n", 0o600)
	turn := secretFile(t, "# the office\nturn:u:p@a.example\n\nturn:b.example?secret=s\n", 0o600)
	got, err := loadConfig([]string{"--publish-token-file", publish, "--config", file(t, "turn-secret-file: "+hush)},
		environment(map[string]string{"PORTHOLE_VIEW_TOKEN_FILE": view, "PORTHOLE_TURN_FILE": turn}))
	if err != nil {
		t.Fatal(err)
	}
	if got.PublishToken != want.PublishToken || got.ViewToken != want.ViewToken || got.TURNSecret != want.TURNSecret {
		t.Error("the secrets are not those of the files")
	}
	if len(got.TURN) != 2 || got.TURN[0] != want.TURN[0] || got.TURN[1] != want.TURN[1] {
		t.Errorf("got %v, want %v", got.TURN, want.TURN)
	}
	if len(got.SecretFiles) != 4 {
		t.Errorf("%d files are looked at, want 4", len(got.SecretFiles))
	}
}

// A setting whose name says that it is a secret can be read from a file.
func TestEverySettingWithASecretHasAFile(t *testing.T) {
	names := serveSettings().Names()
	for _, name := range names {
		secret := strings.Contains(name, "token") || strings.Contains(name, "secret") || name == "turn"
		if secret && !strings.HasSuffix(name, "-file") && !slices.Contains(names, name+"-file") {
			t.Errorf("--%s has no file", name)
		}
	}
}

func TestSecretsFromFilesAreJudged(t *testing.T) {
	const hidden = "do-not-show"
	tests := []struct{ name, text, want string }{
		{"empty", " \n", "is empty"},
		{"two lines", hidden + "\n" + hidden, "has 2 lines"},
		{"not a token", hidden + " x", "space or a letter outside ASCII"},
		{"huge", strings.Repeat(hidden, 64<<10), "larger than 64 KiB"},
	}
	for _, tt := range tests {
		_, err := loadConfig([]string{"--view-token-file", secretFile(t, tt.text, 0o600)}, environment(nil))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "--view-token-file: ") {
			t.Errorf("%s: got %v, want %q in it", tt.name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: the error shows the secret: %v", tt.name, err)
		}
	}
	if _, err := loadConfig([]string{"--view-token-file", "/no/such/file"}, environment(nil)); err == nil || !strings.Contains(err.Error(), "/no/such/file") {
		t.Errorf("a missing file: got %v", err)
	}
	both := []string{"--view-token", "a", "--view-token-file", secretFile(t, "b", 0o600)}
	if _, err := loadConfig(both, environment(nil)); err == nil || !strings.Contains(err.Error(), "--view-token and --view-token-file: both are given") {
		t.Errorf("both: got %v", err)
	}
	// One place overrules another, as with every other setting.
	c, err := loadConfig([]string{"--view-token", "flag"}, environment(map[string]string{"PORTHOLE_VIEW_TOKEN_FILE": secretFile(t, "variable", 0o600)}))
	if err != nil || c.ViewToken != "flag" {
		t.Errorf("got %q, %v", string(c.ViewToken), err)
	}
}

// Every file with a secret, however it is named, is looked at.
func TestFilesWithSecretsAreLookedAt(t *testing.T) {
	closed, open := secretFile(t, "pub", 0o640), secretFile(t, "view", 0o644)
	configuration := secretFile(t, "turn-secret: hush", 0o644)
	c, err := loadConfig([]string{
		"--publish-token-file", closed, "--view-token-file", open, "--config", configuration,
	}, environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{closed: false, open: true, configuration: true} {
		i := slices.IndexFunc(c.Secrets(), func(f doctor.SecretFile) bool { return f.Path == path })
		if i < 0 {
			t.Errorf("nobody looks at %s", path)
		} else if got := errors.Is(c.Secrets()[i].Check(), doctor.ErrReadable); got != want {
			t.Errorf("%s: readable %v, want %v", path, got, want)
		}
	}
	harmless, err := loadConfig([]string{"--config", secretFile(t, "max-viewers: 3", 0o644)}, environment(nil))
	if err != nil || len(harmless.Secrets()) != 0 {
		t.Errorf("a configuration without secrets: %v, %v", harmless.Secrets(), err)
	}
	if c.Key = open; c.Secrets()[len(c.Secrets())-1] != (doctor.SecretFile{Flag: "--key", Path: open}) {
		t.Error("nobody looks at the key")
	}
}
