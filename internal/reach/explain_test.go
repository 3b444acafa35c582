package reach

import (
	"net/netip"
	"strings"
	"testing"
)

// Whatever is told, is told of; whatever is not, has a reason.
func TestExplain(t *testing.T) {
	ip := netip.MustParseAddr
	machine := []Interface{
		{Name: "lo", Loopback: true, Addrs: []netip.Addr{ip("127.0.0.1")}},
		{Name: "eth0", Addrs: []netip.Addr{ip("192.168.1.5"), ip("fe80::5")}},
		{Name: "docker0", Addrs: []netip.Addr{ip("172.17.0.1")}},
		{Name: "wg0", Addrs: []netip.Addr{ip("10.9.0.1")}},
	}
	tests := []struct {
		name     string
		patterns []string
		named    netip.Addr
		want     map[string]string // by address: "" for told, else a part of why not
	}{
		{"usual", nil, netip.Addr{}, map[string]string{
			"127.0.0.1": "outside this machine", "192.168.1.5": "", "fe80::5": "one link", "172.17.0.1": "bridge", "10.9.0.1": "tunnel",
		}},
		{"a tunnel by name", []string{"wg*"}, netip.Addr{}, map[string]string{
			"127.0.0.1": "names others", "192.168.1.5": "names others", "fe80::5": "names others", "172.17.0.1": "names others", "10.9.0.1": "",
		}},
		{"one left out", []string{"!eth0"}, netip.Addr{}, map[string]string{
			"127.0.0.1": "outside", "192.168.1.5": "leaves it out", "fe80::5": "leaves it out", "172.17.0.1": "", "10.9.0.1": "",
		}},
		{"one socket", nil, ip("192.168.1.5"), map[string]string{
			"127.0.0.1": "--media", "192.168.1.5": "", "fe80::5": "--media", "172.17.0.1": "--media", "10.9.0.1": "--media",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			choice, err := ParseInterfaceChoice(tt.patterns)
			if err != nil {
				t.Fatal(err)
			}
			list := Explain(machine, tt.named, choice, nil)
			if len(list) != len(tt.want) {
				t.Errorf("got %d addresses, want %d", len(list), len(tt.want))
			}
			for _, a := range list {
				want := tt.want[a.Addr.String()]
				if a.Offered != (want == "") || a.Offered != (a.Why == "") || !strings.Contains(a.Why, want) {
					t.Errorf("%s: told %v, %q; want %q", a.Addr, a.Offered, a.Why, want)
				}
			}
		})
	}
}
