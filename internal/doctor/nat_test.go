package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"

	"porthole/internal/iceserver"
)

// world is a network with a STUN server that has two addresses, two simple ones, and a
// NAT with a machine behind.
type world struct {
	full    netip.AddrPort
	simple  []netip.AddrPort // two
	machine *vnet.Net
}

func virtual(t *testing.T, ips ...string) *vnet.Net {
	t.Helper()
	n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: ips})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func bind(t *testing.T, n *vnet.Net, address string) net.PacketConn {
	t.Helper()
	conn, err := n.ListenPacket("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// newWorld makes one; a nil NAT leaves the machine in the open.
func newWorld(t *testing.T, nat *vnet.NATType) world {
	t.Helper()
	router := func(cidr string, nat *vnet.NATType, ips ...string) *vnet.Router {
		r, err := vnet.NewRouter(&vnet.RouterConfig{
			CIDR: cidr, NATType: nat, StaticIPs: ips, LoggerFactory: logging.NewDefaultLoggerFactory(),
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	wan := router("1.2.3.0/24", nil)
	server, machine := virtual(t, "1.2.3.4", "1.2.3.5", "1.2.3.6", "1.2.3.7"), virtual(t)
	add := func(r *vnet.Router, n vnet.NIC) {
		if err := r.AddNet(n); err != nil {
			t.Fatal(err)
		}
	}
	add(wan, server)
	if nat == nil {
		add(wan, machine)
	} else {
		lan := router("192.168.0.0/24", nat, "1.2.3.50")
		add(lan, machine)
		if err := wan.AddRouter(lan); err != nil {
			t.Fatal(err)
		}
	}
	if err := wan.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = wan.Stop() })
	full := &stunServer{t: t, full: true}
	for a, ip := range []string{"1.2.3.4", "1.2.3.5"} {
		for p, port := range []string{"3478", "3479"} {
			full.sockets[a][p] = bind(t, server, ip+":"+port)
		}
	}
	full.serve()
	w := world{full: netip.MustParseAddrPort("1.2.3.4:3478"), machine: machine}
	for _, address := range []string{"1.2.3.6:3478", "1.2.3.7:3478"} {
		simple := &stunServer{t: t}
		simple.sockets[0][0] = bind(t, server, address)
		simple.serve()
		w.simple = append(w.simple, netip.MustParseAddrPort(address))
	}
	return w
}

func (w world) explorer(t *testing.T) *Explorer {
	t.Helper()
	var locals []netip.Addr
	interfaces, err := w.machine.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range addrs {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil {
				locals = append(locals, prefix.Addr())
			}
		}
	}
	return NewExplorer(func() (net.PacketConn, error) { return w.machine.ListenPacket("udp4", "0.0.0.0:0") }, locals)
}

func TestKindsOfNAT(t *testing.T) {
	behaviours := map[vnet.EndpointDependencyType]Behaviour{
		vnet.EndpointIndependent:       EndpointIndependent,
		vnet.EndpointAddrDependent:     AddressDependent,
		vnet.EndpointAddrPortDependent: AddressAndPortDependent,
	}
	kinds := map[Behaviour]string{
		EndpointIndependent: "full-cone NAT", AddressDependent: "restricted-cone NAT", AddressAndPortDependent: "port-restricted-cone NAT",
	}
	for mapping, wantMapping := range behaviours {
		for filtering, wantFiltering := range behaviours {
			t.Run(fmt.Sprintf("mapping %s, filtering %s", wantMapping, wantFiltering), func(t *testing.T) {
				w := newWorld(t, &vnet.NATType{MappingBehavior: mapping, FilteringBehavior: filtering, MappingLifeTime: time.Minute})
				t.Parallel() // each waits for answers that do not come; the library numbers its routers without a lock
				n, err := w.explorer(t).Explore(t.Context(), []netip.AddrPort{w.full})
				if err != nil {
					t.Fatal(err)
				}
				if n.Mapping != wantMapping || n.Filtering != wantFiltering {
					t.Errorf("got mapping %s, filtering %s", n.Mapping, n.Filtering)
				}
				want := "symmetric NAT"
				if wantMapping == EndpointIndependent {
					want = kinds[wantFiltering]
				}
				if n.Kind() != want {
					t.Errorf("got %s, want %s", n.Kind(), want)
				}
			})
		}
	}
}

func TestNoNATIsSeen(t *testing.T) {
	w := newWorld(t, nil)
	for _, server := range []netip.AddrPort{w.full, w.simple[0]} {
		n, err := w.explorer(t).Explore(t.Context(), []netip.AddrPort{server})
		if err != nil {
			t.Fatal(err)
		}
		if n.Mapping != NoNAT || n.Kind() != "no NAT" {
			t.Errorf("%s: got %+v, %s", server, n, n.Kind())
		}
	}
}

// Servers without another address tell the mapping together, and alone nothing.
func TestSimpleServers(t *testing.T) {
	nat := func(mapping vnet.EndpointDependencyType) *vnet.NATType {
		return &vnet.NATType{MappingBehavior: mapping, FilteringBehavior: vnet.EndpointAddrPortDependent, MappingLifeTime: time.Minute}
	}
	tests := []struct {
		name    string
		nat     *vnet.NATType
		servers int
		want    Behaviour
		kind    string
	}{
		{"one", nat(vnet.EndpointIndependent), 1, NotKnown, "unknown"},
		{"two, cone", nat(vnet.EndpointIndependent), 2, EndpointIndependent, "cone NAT"},
		{"two, symmetric", nat(vnet.EndpointAddrPortDependent), 2, AddressAndPortDependent, "symmetric NAT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.nat)
			n, err := w.explorer(t).Explore(t.Context(), w.simple[:tt.servers])
			if err != nil {
				t.Fatal(err)
			}
			if n.Mapping != tt.want || n.Filtering != NotKnown || n.Kind() != tt.kind {
				t.Errorf("got %+v, %s", n, n.Kind())
			}
		})
	}
}

func TestNoServerAnswers(t *testing.T) {
	w := newWorld(t, nil)
	e := w.explorer(t)
	e.questions = e.hurried
	_, err := e.Explore(t.Context(), []netip.AddrPort{netip.MustParseAddrPort("1.2.3.99:3478")})
	if !errors.Is(err, errNoServer) {
		t.Errorf("got %v", err)
	}
}

func TestJudgeNAT(t *testing.T) {
	cone := NAT{Mapping: EndpointIndependent, Filtering: EndpointIndependent}
	restricted := NAT{Mapping: EndpointIndependent, Filtering: AddressAndPortDependent}
	symmetric := NAT{Mapping: AddressAndPortDependent, Filtering: AddressAndPortDependent}
	relay := []iceserver.Server{{Scheme: iceserver.SchemeTURN}}
	public := []netip.Addr{netip.MustParseAddr("198.51.100.7")}
	tests := []struct {
		name string
		nat  NAT
		c    Config
		want Verdict
	}{
		{"none", NAT{Mapping: NoNAT, Filtering: EndpointIndependent}, Config{}, OK},
		{"open", cone, Config{}, OK},
		{"restricted", restricted, Config{}, Warn}, // a symmetric client does not get through
		{"restricted, with a relay", restricted, Config{TURN: relay}, OK},
		{"symmetric", symmetric, Config{}, Fail}, // what STUN tells is wrong for everybody
		{"symmetric, with a relay", symmetric, Config{TURN: relay}, OK},
		{"symmetric, with a forwarded port", symmetric, Config{Public: public}, OK},
		{"not known", NAT{Mapping: NotKnown, Filtering: NotKnown}, Config{}, Warn},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.c.judgeNAT(Finding{}, tt.nat)
			if f.Verdict != tt.want || (f.Verdict == OK) != (f.Cure == "") {
				t.Errorf("got %s: %s; %s", f.Verdict, f.Found, f.Cure)
			}
		})
	}
}

func TestNATIsNotLookedForWithoutServers(t *testing.T) {
	f := Config{}.nat(context.Background())
	if len(f) != 1 || f[0].Verdict != OK {
		t.Errorf("got %+v", f)
	}
}
