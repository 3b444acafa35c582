package v4l2

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLeftBuffersAreReleased(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	node := filepath.Join(dir, "video0")
	file, err := os.Create(node)
	if err != nil {
		t.Fatal(err)
	}
	const size = 3 * 4096
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	var mapped []byte
	if mapped, err = unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED); err != nil || len(mapped) != size {
		t.Fatal(err)
	}
	isMapped := func() bool {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(maps), " "+node+"\n")
	}
	if err := releaseLeftovers(node); err != nil || !isMapped() {
		t.Errorf("buffers of a device that is open are gone: %v", err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := releaseLeftovers(node + "1"); err != nil || !isMapped() {
		t.Errorf("buffers of another device are gone: %v", err)
	}
	if err := releaseLeftovers(node); err != nil || isMapped() {
		t.Errorf("the buffers are still mapped: %v", err)
	}
}
