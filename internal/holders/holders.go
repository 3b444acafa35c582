// Package holders finds the processes that have a file or a port open, as Linux tells it in /proc: those in the way of
// who wants it for itself. Processes of other users cannot be seen by everybody; elsewhere nothing is found.
package holders

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Proc is the directory in which Linux tells about processes (proc(5)).
type Proc string

// System is the one of this machine.
const System Proc = "/proc"

// Process is one that holds something.
type Process struct {
	Name string // of its program; "a process" where that is not known
	PID  int
}

// String is "ffmpeg (pid 123)".
func (p Process) String() string { return fmt.Sprintf("%s (pid %d)", p.Name, p.PID) }

// OfFile returns the processes that have a file open, by its path without links. This process is one like any other.
func (p Proc) OfFile(path string) []Process { return p.having(path) }

// OfPort returns the processes that listen on a port of any address; network is "tcp" or "udp".
func (p Proc) OfPort(network, port string) []Process {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil
	}
	var sockets []string
	for _, family := range []string{network, network + "6"} {
		sockets = append(sockets, socketsIn(p.join("net", family), uint16(number), network == "tcp")...)
	}
	if len(sockets) == 0 {
		return nil
	}
	return p.having(sockets...)
}

func (p Proc) join(elements ...string) string {
	return filepath.Join(append([]string{string(p)}, elements...)...)
}

// having returns the processes that have one of the targets open, each once.
func (p Proc) having(targets ...string) []Process {
	links, err := filepath.Glob(p.join("[0-9]*", "fd", "*"))
	if err != nil {
		return nil // only for a malformed pattern
	}
	var found []Process
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !slices.Contains(targets, target) {
			continue
		}
		dir := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		holder := Process{Name: "a process", PID: pid}
		if comm, err := os.ReadFile(filepath.Join(dir, "comm")); err == nil {
			holder.Name = strings.TrimSpace(string(comm))
		}
		if !slices.Contains(found, holder) {
			found = append(found, holder)
		}
	}
	return found
}

// stateListen is TCP_LISTEN in /proc/net/tcp.
const stateListen = "0A"

// socketsIn returns the sockets of a table such as /proc/net/tcp that are bound to
// a port, as the links in /proc/PID/fd name them; listening ones only where that
// makes a difference.
func socketsIn(table string, port uint16, listening bool) []string {
	text, err := os.ReadFile(table)
	if err != nil {
		return nil // no Linux, or a kernel without IPv6
	}
	suffix := fmt.Sprintf(":%04X", port)
	var sockets []string
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line) // sl, local, remote, state, queues, timer, retransmissions, uid, timeout, inode
		if len(f) < 10 || !strings.HasSuffix(f[1], suffix) || listening && f[3] != stateListen {
			continue
		}
		sockets = append(sockets, "socket:["+f[9]+"]")
	}
	return sockets
}
