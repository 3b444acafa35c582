//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// network is a server's machine and others that are connected to it, each by a
// cable of its own: network namespaces of the kernel, which nothing outside can
// reach. Wrong things happen on one cable without touching the others.
type network struct {
	t      testing.TB
	center *machine
	hosts  int
}

// machine is one of them.
type machine struct {
	t         testing.TB
	namespace string
	addr      netip.Addr
	device    string // its end of the cable; empty in the center
}

// newNetwork makes a network that ends with the test. It needs root.
func newNetwork(t testing.TB) *network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes network namespaces, which only root may do: run it as root")
	}
	for _, tool := range []string{"ip", "tc", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%v; the Debian packages iproute2 and nftables have what is needed", err)
		}
	}
	removeStaleNamespaces(t)
	return &network{t: t, center: newMachine(t, "server", netip.MustParseAddr("10.77.0.1"))}
}

// newMachine makes a namespace whose loopback interface works.
func newMachine(t testing.TB, name string, addr netip.Addr) *machine {
	t.Helper()
	m := &machine{t: t, namespace: namespaceOf(t, name), addr: addr}
	command(t, "", "ip", "netns", "add", m.namespace)
	t.Cleanup(func() { command(t, "", "ip", "netns", "del", m.namespace) }) // and its devices, and their other ends
	m.run("", "ip", "link", "set", "lo", "up")
	return m
}

// namespaceOf names a machine's namespace: tests that run side by side have networks
// of their own.
func namespaceOf(t testing.TB, machine string) string {
	return fmt.Sprintf("%s%d-%s-%s", namespacePrefix, os.Getpid(), strings.ReplaceAll(t.Name(), "/", "-"), machine)
}

// namespacePrefix is followed by the id of the process that made the namespace.
const namespacePrefix = "porthole-e2e-"

// removeStaleNamespaces removes what tests left behind that were killed.
func removeStaleNamespaces(t testing.TB) {
	t.Helper()
	for line := range strings.Lines(command(t, "", "ip", "netns", "list")) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest, ours := strings.CutPrefix(name, namespacePrefix)
		pid, _, _ := strings.Cut(rest, "-")
		if _, err := os.Stat("/proc/" + pid); ours && os.IsNotExist(err) {
			command(t, "", "ip", "netns", "del", name)
		}
	}
}

// connect adds a machine with a cable to the center.
func (n *network) connect(name string) *machine {
	n.t.Helper()
	n.hosts++
	m := newMachine(n.t, name, netip.AddrFrom4([4]byte{10, 77, 0, byte(10 + n.hosts)}))
	m.device = "cable"
	command(n.t, "", "ip", "link", "add", n.far(m), "netns", n.center.namespace, "type", "veth",
		"peer", "name", m.device, "netns", m.namespace)
	m.run("", "ip", "addr", "add", m.addr.String(), "peer", n.center.addr.String(), "dev", m.device)
	m.run("", "ip", "link", "set", m.device, "up")
	n.center.run("", "ip", "addr", "add", n.center.addr.String(), "peer", m.addr.String(), "dev", n.far(m))
	n.center.run("", "ip", "link", "set", n.far(m), "up")
	return m
}

// far is the center's end of a machine's cable.
func (n *network) far(m *machine) string { return "to" + strconv.Itoa(int(m.addr.As4()[3])) }

// lose makes a share of the UDP packets to a machine disappear from now on.
func (n *network) lose(m *machine, percent int) {
	n.t.Helper()
	m.run(fmt.Sprintf(`table inet loss {
		chain in {
			type filter hook input priority 0; policy accept;
			iifname %q meta l4proto udp numgen random mod 100 < %d drop
		}
	}`, m.device, percent), "nft", "-f", "-")
}

// throttle puts a bottleneck with a queue of 100 ms before a machine.
func (n *network) throttle(m *machine, rate string) {
	n.t.Helper()
	n.center.run("", "tc", "qdisc", "add", "dev", n.far(m), "root", "tbf", "rate", rate, "burst", "16kb", "latency", "100ms")
}

// run executes a command on the machine.
func (m *machine) run(input string, args ...string) {
	m.t.Helper()
	command(m.t, input, append([]string{"ip", "netns", "exec", m.namespace}, args...)...)
}

// command executes a command and returns what it prints.
func command(t testing.TB, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// inside calls do on the machine: sockets that it opens and programs that it
// starts belong to the machine's network for as long as they live.
func (m *machine) inside(do func()) error {
	here, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("find this thread's network: %w", err)
	}
	defer unix.Close(here)
	there, err := unix.Open(filepath.Join("/run/netns", m.namespace), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("find the network of %s: %w", m.namespace, err)
	}
	defer unix.Close(there)
	// The thread, not the process, enters the namespace.
	runtime.LockOSThread()
	if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter %s: %w", m.namespace, err)
	}
	defer func() {
		// A thread that cannot come back stays locked and ends with its goroutine.
		if unix.Setns(here, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	do()
	return nil
}

// startServerIn runs porthole in the center of the network. Its HTTP half can
// be reached from outside, its media from the network's machines only.
func startServerIn(n *network, args ...string) *server {
	n.t.Helper()
	args = append([]string{"--media", netip.AddrPortFrom(n.center.addr, 0).String()}, args...)
	var s *server
	if err := n.center.inside(func() { s = startServer(n.t, args...) }); err != nil {
		n.t.Fatal(err)
	}
	s.url = "http://" + n.forward(strings.TrimPrefix(s.url, "http://")).String()
	return s
}

// forward makes a TCP port of the center reachable from outside, at the address
// that it returns.
func (n *network) forward(target string) netip.AddrPort {
	n.t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		n.t.Fatalf("forward to %s: %v", target, err)
	}
	var running sync.WaitGroup
	var open sync.Map // of net.Conn, to close in the end
	running.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer near.Close()
				var far net.Conn
				var err error
				if entered := n.center.inside(func() { far, err = net.Dial("tcp4", target) }); entered != nil || err != nil {
					return // near sees its connection end
				}
				defer far.Close()
				open.Store(near, nil)
				open.Store(far, nil)
				splice(near.(*net.TCPConn), far.(*net.TCPConn))
				open.Delete(near)
				open.Delete(far)
			})
		}
	})
	n.t.Cleanup(func() {
		listener.Close()
		open.Range(func(conn, _ any) bool {
			conn.(net.Conn).Close()
			return true
		})
		running.Wait()
	})
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// splice copies both ways until both ends have said all. Their buffers are
// small, so that one that stops reading is soon felt at the other.
func splice(a, b *net.TCPConn) {
	var copying sync.WaitGroup
	for _, way := range [][2]*net.TCPConn{{a, b}, {b, a}} {
		from, to := way[0], way[1]
		_ = from.SetReadBuffer(4 << 10)
		_ = to.SetWriteBuffer(4 << 10)
		copying.Go(func() {
			io.Copy(to, struct{ io.Reader }{from}) // not with splice(2), which has a buffer of its own
			to.CloseWrite()
		})
	}
	copying.Wait()
}
