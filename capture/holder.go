package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// holders names the other processes that have the device node open, as "ffmpeg (pid 123)". It finds those that
// this user may look at; none on systems without /proc.
func holders(device string) []string {
	return holdersIn("/proc", device, os.Getpid())
}

func holdersIn(proc, device string, self int) []string {
	links, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	if err != nil {
		return nil // only for a malformed pattern
	}
	var found []string
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || target != device {
			continue
		}
		dir := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == self {
			continue
		}
		name := "a process"
		if comm, err := os.ReadFile(filepath.Join(dir, "comm")); err == nil {
			name = strings.TrimSpace(string(comm))
		}
		if holder := fmt.Sprintf("%s (pid %d)", name, pid); !slices.Contains(found, holder) {
			found = append(found, holder)
		}
	}
	return found
}
