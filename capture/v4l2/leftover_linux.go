package v4l2

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// releaseLeftovers gives back the buffers that a failed start has left mapped: the library closes the device and forgets them,
// and the kernel takes the camera to be in use, by us, for as long as they are there. It does nothing while anybody in
// this process has the node open: the mappings may be theirs.
func releaseLeftovers(node string) error {
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		return err // only for a malformed pattern
	}
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && target == node {
			return nil
		}
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("buffers of %s: %w", node, err)
	}
	for line := range strings.Lines(string(maps)) {
		from, length, ok := mappingOf(line, node)
		if !ok {
			continue
		}
		if _, _, errno := unix.Syscall(unix.SYS_MUNMAP, from, length, 0); errno != 0 {
			return fmt.Errorf("buffers of %s: unmap: %w", node, errno)
		}
	}
	return nil
}

// mappingOf reads a line of /proc/self/maps (proc_pid_maps(5)), such as
//
//	7f1c0000-7f1c1000 rw-s 00000000 00:05 123    /dev/video0
func mappingOf(line, file string) (from, length uintptr, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || fields[5] != file {
		return 0, 0, false
	}
	first, last, _ := strings.Cut(fields[0], "-")
	start, errStart := strconv.ParseUint(first, 16, 64)
	end, errEnd := strconv.ParseUint(last, 16, 64)
	if errStart != nil || errEnd != nil || end <= start {
		return 0, 0, false
	}
	return uintptr(start), uintptr(end - start), true
}
