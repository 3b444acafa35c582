//go:build cgo

package openh264

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What the library has to say goes to the log and not to standard error.
func TestSaysNothingOnStandardError(t *testing.T) {
	stderr := catchStderr(t)
	var said strings.Builder
	log := slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	e := newEncoder(t, Config{Width: 320, Height: 180, FPS: 30, Bitrate: 200_000, TemporalLayers: 3, Log: log})
	encode(t, e, newFilm(t, 320, 180), 10, nil)
	if said.Len() > 0 {
		t.Errorf("an ordinary encoder is warned about: %s", said.String())
	}
	if err := e.SetRate(-1, 30); err == nil || !strings.Contains(said.String(), "openh264 says") {
		t.Errorf("%v was not told: %q", err, said.String())
	}
	if text := stderr(); text != "" {
		t.Errorf("on standard error: %s", text)
	}
}

// catchStderr takes this process's standard error until it is called.
func catchStderr(t *testing.T) func() string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	restore := redirectStderr(t, file)
	return func() string {
		restore()
		_, _ = file.Seek(0, io.SeekStart)
		text, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		return string(text)
	}
}

// redirectStderr has all of this process, the library included, write to a file, until the returned function is called.
func redirectStderr(t *testing.T, to *os.File) (restore func()) {
	t.Helper()
	old, err := unix.Dup(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Dup3(int(to.Fd()), 2, 0); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Dup3(old, 2, 0); err != nil {
			t.Error(err)
		}
		_ = unix.Close(old)
	}
}
