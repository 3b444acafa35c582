//go:build e2e && linux

package e2e_test

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"porthole/internal/netlab"
)

// network is a server's machine and others that are connected to it (package netlab). What does not work in making or
// changing it fails the test.
type network struct {
	*netlab.Network
	t      testing.TB
	center *machine
	hosts  int
}

// machine is one of them.
type machine struct {
	*netlab.Machine
	t         testing.TB
	namespace string
	addr      netip.Addr
	device    string // its end of the cable; empty in the center
}

// newNetwork makes a network that ends with the test. It needs root.
func newNetwork(t testing.TB) *network {
	t.Helper()
	// Tests that run side by side have networks of their own.
	n, err := netlab.New("porthole-e2e", strings.ReplaceAll(t.Name(), "/", "-"))
	if err != nil {
		t.Fatalf("make a network: %v", err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("remove the network: %v", err)
		}
	})
	return &network{Network: n, t: t, center: machineOf(t, n.Center)}
}

func machineOf(t testing.TB, m *netlab.Machine) *machine {
	return &machine{Machine: m, t: t, namespace: m.Namespace, addr: m.Addr, device: m.Device}
}

// newMachine makes one that is connected to nothing.
func (n *network) newMachine(name string, addr netip.Addr) *machine {
	n.t.Helper()
	m, err := n.NewMachine(name, addr)
	must(n.t, err)
	return machineOf(n.t, m)
}

// connect adds a machine with a cable to the center.
func (n *network) connect(name string) *machine {
	n.t.Helper()
	n.hosts++
	m, err := n.Connect(name)
	must(n.t, err)
	return machineOf(n.t, m)
}

// lose makes a share of the UDP packets to a machine disappear from now on.
func (n *network) lose(m *machine, percent int) {
	n.t.Helper()
	must(n.t, m.Lose(percent))
}

// throttle puts a bottleneck with a queue of 100 ms before a machine.
func (n *network) throttle(m *machine, bits int) {
	n.t.Helper()
	must(n.t, n.Throttle(m.Machine, bits, 100*time.Millisecond))
}

// run executes a command on the machine.
func (m *machine) run(input string, args ...string) {
	m.t.Helper()
	must(m.t, m.Run(input, args...))
}

// inside calls do on the machine: sockets that it opens and programs that it
// starts belong to the machine's network for as long as they live.
func (m *machine) inside(do func()) error { return m.Inside(do) }

// freeze makes a machine's cable pass nothing, without its being told, until thaw.
func (m *machine) freeze() {
	m.t.Helper()
	must(m.t, m.Freeze())
}

func (m *machine) thaw() {
	m.t.Helper()
	must(m.t, m.Thaw())
}

// must fails the test for an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
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

// startServerIn runs porthole in the center of the network. Its HTTP half can
// be reached from outside, its media from the network's machines only.
func startServerIn(n *network, args ...string) *server {
	n.t.Helper()
	args = append([]string{"--media", netip.AddrPortFrom(n.center.addr, 0).String()}, args...)
	var s *server
	must(n.t, n.center.inside(func() { s = startServer(n.t, args...) }))
	s.url = "http://" + n.forward(strings.TrimPrefix(s.url, "http://")).String()
	return s
}

// forward makes a TCP port of the center reachable from outside, at the address
// that it returns.
func (n *network) forward(target string) netip.AddrPort {
	n.t.Helper()
	at, closing, err := n.Center.Forward(target)
	must(n.t, err)
	n.t.Cleanup(closing)
	return at
}
