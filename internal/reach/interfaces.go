package reach

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// interfaceClass says what is behind a network interface, as far as its name
// tells.
type interfaceClass uint8

const (
	interfaceDirect    interfaceClass = iota // a network that clients may be in
	interfaceContainer                       // a bridge to containers or virtual machines of this host
	interfaceVPN                             // a tunnel: reachable for a few, slow or dead for the others
)

func classifyInterface(name string) interfaceClass {
	hasPrefix := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	switch {
	case slices.ContainsFunc([]string{
		"docker", "br-", "veth", "virbr", "vnet", "vboxnet", "vmnet", "lxc", "lxdbr", "podman", "cni", "flannel", "cali", "cilium", "kube-",
	}, hasPrefix):
		return interfaceContainer
	case slices.ContainsFunc([]string{"tailscale", "tun", "utun", "tap", "wg", "zt", "nordlynx", "ipsec"}, hasPrefix):
		return interfaceVPN
	default:
		return interfaceDirect
	}
}

// InterfaceChoice is which interfaces' addresses clients are told, as the operator
// wants it: patterns of path.Match, those that begin with ! leave out. Without any
// other, all interfaces are chosen that are not bridges or tunnels.
type InterfaceChoice struct {
	named, excluded []string
}

// ParseInterfaceChoice reads patterns. The error names each that is none.
func ParseInterfaceChoice(patterns []string) (InterfaceChoice, error) {
	var c InterfaceChoice
	var faults []error
	for _, pattern := range patterns {
		if err := CheckInterface(pattern); err != nil {
			faults = append(faults, fmt.Errorf("interface %w", err))
			continue
		}
		name, exclude := strings.CutPrefix(pattern, "!")
		if exclude {
			c.excluded = append(c.excluded, name)
		} else {
			c.named = append(c.named, name)
		}
	}
	return c, errors.Join(faults...)
}

// CheckInterface says what is wrong with a pattern.
func CheckInterface(pattern string) error {
	name := strings.TrimPrefix(pattern, "!")
	if _, err := path.Match(name, ""); err != nil || name == "" {
		return fmt.Errorf("%q is neither a name nor a pattern such as eth* or !docker*", pattern)
	}
	return nil
}

func matchesAny(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, name) // the patterns were checked
		return ok
	})
}

// Interface is one interface of the machine that is up.
type Interface struct {
	Name     string
	Loopback bool
	Addrs    []netip.Addr
}

// SystemInterfaces reads the interfaces that are up, and their addresses.
func SystemInterfaces() ([]Interface, error) {
	found, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var list []Interface
	for _, iface := range found {
		if iface.Flags&net.FlagUp == 0 {
			continue
		}
		addrs, err := iface.Addrs()
		if err != nil { // it went away since it was listed
			continue
		}
		i := Interface{Name: iface.Name, Loopback: iface.Flags&net.FlagLoopback != 0}
		for _, addr := range addrs {
			if ipNet, ok := addr.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(ipNet.IP); ok {
					i.Addrs = append(i.Addrs, ip.Unmap())
				}
			}
		}
		list = append(list, i)
	}
	return list, nil
}

// HostAddrs returns the addresses that clients are told, IPv4 first: those of the
// interfaces that the operator named, or else of all but loopback, bridges and
// tunnels. Of a machine that has nothing better, bridges and tunnels are taken, and
// loopback of one that has not even these: so that its own browser works offline.
// Within a family, the one that packets to the world leave from is the first.
func (c InterfaceChoice) HostAddrs(interfaces []Interface, preferred []netip.Addr) []netip.Addr {
	var chosen, other, loopback []netip.Addr
	for _, iface := range interfaces {
		named := matchesAny(iface.Name, c.named)
		if matchesAny(iface.Name, c.excluded) || (len(c.named) > 0 && !named) {
			continue
		}
		for _, ip := range iface.Addrs {
			switch {
			case ip.IsLoopback() && named:
				chosen = append(chosen, ip)
			case ip.IsLoopback() || iface.Loopback:
				loopback = append(loopback, ip)
			case ip.IsGlobalUnicast() && (named || classifyInterface(iface.Name) == interfaceDirect):
				chosen = append(chosen, ip)
			case ip.IsGlobalUnicast():
				other = append(other, ip)
			case named && ip.Is4() && ip.IsLinkLocalUnicast(): // IPv6's need a zone, which is another one at the client
				chosen = append(chosen, ip)
			}
		}
	}
	for _, more := range [][]netip.Addr{other, loopback} {
		if len(chosen) == 0 {
			chosen = more
		}
	}
	rank := func(ip netip.Addr) int {
		at := ip.BitLen() * 8
		switch {
		case ip.IsLoopback():
			at += 3
		case ip.IsLinkLocalUnicast():
			at += 2
		case !slices.Contains(preferred, ip):
			at++
		}
		return at
	}
	slices.SortStableFunc(chosen, func(a, b netip.Addr) int { return rank(a) - rank(b) })
	return slices.Compact(chosen)
}

// OutgoingAddrs returns the addresses, one of each family at the most, that packets
// to the world leave from. Nothing is sent: connecting a UDP socket only asks the
// kernel for a route.
func OutgoingAddrs() []netip.Addr {
	var addrs []netip.Addr
	for network, nobody := range map[string]string{"udp4": "192.0.2.1:9", "udp6": "[2001:db8::1]:9"} { // RFC 5737, RFC 3849
		conn, err := new(net.Dialer).Dial(network, nobody) //nolint:noctx // it asks nobody but the kernel
		if err != nil {                                    // there is no route
			continue
		}
		if local, ok := conn.LocalAddr().(*net.UDPAddr); ok {
			addrs = append(addrs, local.AddrPort().Addr().Unmap())
		}
		_ = conn.Close()
	}
	return addrs
}
