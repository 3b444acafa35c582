// Package netlab makes bad networks on one machine, for measuring and for end-to-end tests: network namespaces of the
// kernel that cables connect, bottlenecks and losses on the cables, a forwarder that delays datagrams, and browsers that
// live on such a machine.
//
//	server ──veth──► viewer        a bottleneck (tbf) at the server's end, losses (nft) at the viewer's
//	   └─ Delay: a UDP forwarder in the server's network, for what no queue can do: a long way
//
// Nothing outside can reach these networks, and they end with Network.Close, or, when the process was killed, with the
// next Network that is made under the same name. It needs Linux, root, and the programs ip, tc and nft.
package netlab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// commandTime bounds one call of ip, tc or nft.
const commandTime = 20 * time.Second

// Errors of New.
var (
	ErrRoot  = errors.New("network namespaces are made by root only: run it as root")
	ErrTools = errors.New("the Debian packages iproute2 and nftables have what is needed")
)

// Network is a server's machine, in the center, and others that are connected to it, each by a cable of its own. Wrong
// things happen on one cable without touching the others. Not safe for concurrent use.
type Network struct {
	Center *Machine

	prefix   string
	cables   int
	machines []*Machine
}

// Machine is one of them: a network namespace.
type Machine struct {
	Namespace string
	Addr      netip.Addr
	Device    string // its end of the cable to the center; empty in the center
}

// New makes a network of nothing but the center, 10.77.0.1. The name tells it from other networks of this process and
// from those of other programs; networks of programs of that name that were killed are removed. Close it.
func New(program, name string) (*Network, error) {
	if os.Geteuid() != 0 {
		return nil, ErrRoot
	}
	for _, tool := range []string{"ip", "tc", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%w: %w", err, ErrTools)
		}
	}
	if err := removeStale(program); err != nil {
		return nil, err
	}
	n := &Network{prefix: fmt.Sprintf("%s-%d-%s", program, os.Getpid(), name)}
	var err error
	n.Center, err = n.NewMachine("server", netip.AddrFrom4([4]byte{10, 77, 0, 1}))
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// removeStale removes what processes left behind that were killed.
func removeStale(program string) error {
	list, err := Command("", "ip", "netns", "list")
	if err != nil {
		return err
	}
	for line := range strings.Lines(list) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest, ours := strings.CutPrefix(name, program+"-")
		pid, _, _ := strings.Cut(rest, "-")
		if _, err := strconv.Atoi(pid); !ours || err != nil {
			continue
		}
		if _, err := os.Stat("/proc/" + pid); os.IsNotExist(err) {
			// Another process may have found it, too.
			_, _ = Command("", "ip", "netns", "del", name)
		}
	}
	return nil
}

// NewMachine makes a machine that is connected to nothing. Its loopback interface works.
func (n *Network) NewMachine(name string, addr netip.Addr) (*Machine, error) {
	m := &Machine{Namespace: n.prefix + "-" + name, Addr: addr}
	if _, err := Command("", "ip", "netns", "add", m.Namespace); err != nil {
		return nil, err
	}
	n.machines = append(n.machines, m)
	return m, m.Run("", "ip", "link", "set", "lo", "up")
}

// Close removes all machines. Programs that still run on one keep its network until they end.
func (n *Network) Close() error {
	var errs []error
	for _, m := range slices.Backward(n.machines) {
		_, err := Command("", "ip", "netns", "del", m.Namespace) // and its devices, and their other ends
		errs = append(errs, err)
	}
	n.machines = nil
	return errors.Join(errs...)
}

// Connect adds a machine with a cable to the center.
func (n *Network) Connect(name string) (*Machine, error) {
	n.cables++
	m, err := n.NewMachine(name, netip.AddrFrom4([4]byte{10, 77, 0, byte(10 + n.cables)}))
	if err != nil {
		return nil, err
	}
	m.Device = "cable"
	far, center, own := n.far(m), n.Center.Addr.String(), m.Addr.String()
	_, err = Command("", "ip", "link", "add", far, "netns", n.Center.Namespace, "type", "veth", "peer", "name", m.Device, "netns", m.Namespace)
	return m, errors.Join(err,
		// An IPv6 address that comes a second later is another network to a browser, which then gives up what it loads.
		m.Run("", "ip", "link", "set", "dev", m.Device, "addrgenmode", "none"),
		n.Center.Run("", "ip", "link", "set", "dev", far, "addrgenmode", "none"),
		m.Run("", "ip", "addr", "add", own, "peer", center, "dev", m.Device),
		m.Run("", "ip", "link", "set", m.Device, "up"),
		n.Center.Run("", "ip", "addr", "add", center, "peer", own, "dev", far),
		// What leaves as one batch (GSO) is cut into packets before the cable, which loses single ones.
		n.Center.Run("", "ip", "link", "set", far, "gso_max_segs", "1", "up"))
}

// far is the center's end of a machine's cable.
func (n *Network) far(m *Machine) string { return "to" + strconv.Itoa(int(m.Addr.As4()[3])) }

// Run executes a command on the machine. The error has what the command printed.
func (m *Machine) Run(input string, args ...string) error {
	_, err := Command(input, m.argv(args)...)
	return err
}

// argv is the command line by which a program runs on the machine. It becomes the program, under the same process id.
func (m *Machine) argv(args []string) []string {
	return append([]string{"ip", "netns", "exec", m.Namespace}, args...)
}

// Command executes a command and returns what it prints on standard output.
func Command(input string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(input)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String(), nil
}
