package capture

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestHolders(t *testing.T) {
	proc := t.TempDir()
	process := func(pid, name string, files ...string) {
		dir := filepath.Join(proc, pid, "fd")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(proc, pid, "comm"), []byte(name+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		for i, file := range files {
			if err := os.Symlink(file, filepath.Join(dir, string(rune('0'+i)))); err != nil {
				t.Fatal(err)
			}
		}
	}
	process("10", "bash", "/dev/null", "/dev/pts/0")
	process("20", "ffmpeg", "/dev/null", "/dev/video0", "/dev/video0")
	process("30", "porthole", "/dev/video0")
	process("40", "cheese", "/dev/video1")
	process("net", "not a process", "/dev/video0")

	got := holdersIn(proc, "/dev/video0", 30)
	if want := []string{"ffmpeg (pid 20)"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	err := error(&busyError{"/dev/video0", got})
	if !errors.Is(err, ErrDeviceBusy) || !strings.Contains(err.Error(), "ffmpeg (pid 20)") {
		t.Errorf("the error %q does not say who is in the way", err)
	}
	if got := holdersIn(filepath.Join(proc, "nothing"), "/dev/video0", 30); got != nil {
		t.Errorf("without /proc: %q", got)
	}
}
