package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// procRoot is where Linux tells about processes. Elsewhere nothing is found there.
const procRoot = "/proc"

// holder is a process that has something open.
type holder struct {
	name string
	pid  int
}

func (h holder) String() string { return fmt.Sprintf("%s (pid %d)", h.name, h.pid) }

// portHolders returns the processes that listen on a port, of any address; those of
// other users cannot be seen by everybody.
func portHolders(proc, network, port string) []holder {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil
	}
	var inodes []string
	for _, family := range []string{network, network + "6"} {
		inodes = append(inodes, socketInodes(filepath.Join(proc, "net", family), uint16(number), network == "tcp")...)
	}
	if len(inodes) == 0 {
		return nil
	}
	links, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	if err != nil {
		return nil // only for a malformed pattern
	}
	var found []holder
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !slices.Contains(inodes, target) {
			continue
		}
		dir := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		h := holder{name: "a process", pid: pid}
		if comm, err := os.ReadFile(filepath.Join(dir, "comm")); err == nil {
			h.name = strings.TrimSpace(string(comm))
		}
		if !slices.Contains(found, h) {
			found = append(found, h)
		}
	}
	return found
}

// stateListen is TCP_LISTEN in /proc/net/tcp.
const stateListen = "0A"

// socketInodes returns the sockets of a table such as /proc/net/tcp that are bound to
// a port, as the links in /proc/PID/fd name them; listening ones only where that
// makes a difference.
func socketInodes(table string, port uint16, listening bool) []string {
	text, err := os.ReadFile(table)
	if err != nil {
		return nil // no Linux, or a kernel without IPv6
	}
	suffix := fmt.Sprintf(":%04X", port)
	var inodes []string
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line) // sl, local, remote, state, queues, timer, retransmissions, uid, timeout, inode
		if len(f) < 10 || !strings.HasSuffix(f[1], suffix) || listening && f[3] != stateListen {
			continue
		}
		inodes = append(inodes, "socket:["+f[9]+"]")
	}
	return inodes
}
