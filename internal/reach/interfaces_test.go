package reach

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func addrs(texts ...string) (list []netip.Addr) {
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

// hostAddrsOf returns the addresses that clients are told of a machine, some of which
// packets to the world leave from.
func hostAddrsOf(patterns []string, machine []Interface, outgoing ...netip.Addr) ([]netip.Addr, error) {
	choice, err := ParseInterfaceChoice(patterns)
	return choice.HostAddrs(machine, outgoing), err
}

func TestAddressesThatClientsAreTold(t *testing.T) {
	machine := []Interface{
		{Name: "lo", Loopback: true, Addrs: addrs("127.0.0.1", "::1")},
		{Name: "docker0", Addrs: addrs("172.17.0.1")},
		{Name: "wlan0", Addrs: addrs("192.168.1.20", "fe80::20", "2001:db8::20")},
		{Name: "eth0", Addrs: addrs("10.0.0.5", "169.254.7.7", "2001:db8:1::5")},
		{Name: "wg0", Addrs: addrs("10.9.0.1")},
	}
	for _, test := range []struct {
		name     string
		patterns []string
		machine  []Interface
		outgoing []netip.Addr
		want     []netip.Addr
	}{
		{"all but bridges and tunnels, IPv4 first", nil, machine, nil,
			addrs("192.168.1.20", "10.0.0.5", "2001:db8::20", "2001:db8:1::5")},
		{"the way to the world first", nil, machine, addrs("10.0.0.5", "2001:db8:1::5"),
			addrs("10.0.0.5", "192.168.1.20", "2001:db8:1::5", "2001:db8::20")},
		{"what is named, a tunnel too", []string{"wg0"}, machine, nil, addrs("10.9.0.1")},
		{"what is named, link-local IPv4 too", []string{"eth*"}, machine, nil, addrs("10.0.0.5", "169.254.7.7", "2001:db8:1::5")},
		{"all but one", []string{"!wlan0"}, machine, nil, addrs("10.0.0.5", "2001:db8:1::5")},
		{"loopback last", []string{"lo", "wg*"}, machine, nil, addrs("10.9.0.1", "127.0.0.1", "::1")},
		{"a bridge if there is nothing else", nil, machine[:2], nil, addrs("172.17.0.1")},
		{"loopback if there is nothing else", nil, machine[:1], nil, addrs("127.0.0.1", "::1")},
		{"nothing if nothing is left", []string{"!*"}, machine, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := hostAddrsOf(test.patterns, test.machine, test.outgoing...)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
	if _, err := hostAddrsOf([]string{"eth0", "eth[", "!"}, nil); err == nil ||
		!strings.Contains(err.Error(), `"eth["`) || !strings.Contains(err.Error(), `"!"`) {
		t.Errorf("err = %v, want one that names both patterns", err)
	}
}

func TestInterfacesThatClientsAreTold(t *testing.T) {
	for _, test := range []struct {
		name   string
		direct bool
	}{
		{"eth0", true}, {"enp3s0", true}, {"wlan0", true}, {"wlp2s0", true}, {"bond0", true}, {"en0", true}, {"br0", true},
		// Bridges of this host: nobody outside can reach them.
		{"docker0", false}, {"docker_gwbridge", false}, {"br-1f2e3d4c5b6a", false}, {"veth12ab34c", false}, {"virbr0", false},
		// Tunnels: most viewers are not in them.
		{"tailscale0", false}, {"tun0", false}, {"wg0", false}, {"ztabcdefgh", false},
	} {
		if got := classifyInterface(test.name) == interfaceDirect; got != test.direct {
			t.Errorf("interface %s: direct = %v, want %v", test.name, got, test.direct)
		}
	}
}
