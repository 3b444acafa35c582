package peer

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/pion/ice/v4"
	"github.com/pion/transport/v4"
	"github.com/pion/webrtc/v4"
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
	case slices.ContainsFunc([]string{"docker", "br-", "veth", "virbr"}, hasPrefix):
		return interfaceContainer
	case slices.ContainsFunc([]string{"tailscale", "tun", "wg", "zt"}, hasPrefix):
		return interfaceVPN
	default:
		return interfaceDirect
	}
}

// hostAddrs returns the local addresses that clients are told, IPv4 first: the
// one that was named, or else those of all interfaces that are up, without
// loopback and link-local ones, bridges and tunnels. A machine that has nothing
// but bridges and tunnels offers those.
func hostAddrs(named netip.Addr) ([]netip.Addr, error) {
	if named.IsValid() && !named.IsUnspecified() {
		return []netip.Addr{named}, nil
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var direct, other []netip.Addr
	for _, iface := range interfaces {
		if iface.Flags&net.FlagUp == 0 || iface.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs := interfaceAddrs(iface)
		if classifyInterface(iface.Name) == interfaceDirect {
			direct = append(direct, addrs...)
		} else {
			other = append(other, addrs...)
		}
	}
	if len(direct) == 0 {
		direct = other
	}
	slices.SortStableFunc(direct, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return direct, nil
}

// interfaceAddrs returns the addresses of one interface at which another host
// can reach it.
func interfaceAddrs(iface net.Interface) []netip.Addr {
	addrs, err := iface.Addrs()
	if err != nil { // it went away since it was listed
		return nil
	}
	var usable []netip.Addr
	for _, addr := range addrs {
		ipNet, ok := addr.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(ipNet.IP)
		if ip = ip.Unmap(); ok && ip.IsGlobalUnicast() {
			usable = append(usable, ip)
		}
	}
	return usable
}

// sessionMux is the shared UDP mux as one session's ICE agent sees it: the mux
// of a wildcard socket would list every address of the machine, bridges and
// loopback included, and knows nothing of addresses beyond a NAT.
type sessionMux struct {
	ice.UDPMux
	bound *net.UDPAddr // where the socket is bound; nil for all interfaces
	addrs []net.Addr   // what becomes a candidate
}

// GetListenAddresses returns the addresses that become UDP candidates.
func (m *sessionMux) GetListenAddresses() []net.Addr { return m.addrs }

// GetConn returns the session's share of the socket, whatever address it will
// be known by: there is one socket behind all of them.
func (m *sessionMux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	if m.bound != nil {
		addr = m.bound
	}
	return m.UDPMux.GetConn(ufrag, addr) // transparent
}

// candidatePlan is what one session gathers candidates from: the addresses of
// the moment when it was made. Nobody is asked for them.
type candidatePlan struct {
	net      transport.Net
	udp      *sessionMux
	tcp      ice.TCPMux
	loopback bool
	keep     func(net.IP) bool // which of the machine's addresses TCP is offered on
	public   []string          // addresses that the operator named, on top
}

func (e *Engine) planCandidates() (candidatePlan, error) {
	hosts, view, err := e.network.current()
	if err != nil {
		return candidatePlan{}, err
	}
	mux := &sessionMux{UDPMux: e.udp}
	if !e.addr.Addr().IsUnspecified() {
		mux.bound = net.UDPAddrFromAddrPort(e.addr)
	}
	for _, host := range hosts {
		mux.addrs = append(mux.addrs, net.UDPAddrFromAddrPort(netip.AddrPortFrom(host, e.addr.Port())))
	}
	// An address found by STUN can have another port, which pion's own address
	// rewriting cannot express; a candidate of our mux can.
	for _, mapped := range e.settings.mapped() {
		mux.addrs = append(mux.addrs, net.UDPAddrFromAddrPort(mapped))
	}
	return candidatePlan{
		net: view, udp: mux, tcp: e.tcp, loopback: e.addr.Addr().IsLoopback(),
		// TCP candidates come from pion's own list of interfaces, so the same choice
		// is made there again.
		keep: func(ip net.IP) bool {
			addr, ok := netip.AddrFromSlice(ip)
			return ok && slices.Contains(hosts, addr.Unmap())
		},
		public: joinAddrs(e.settings.publicIPs),
	}, nil
}

func joinAddrs(addrs []netip.Addr) (texts []string) {
	for _, a := range addrs {
		texts = append(texts, a.String())
	}
	return texts
}

// configure makes a PeerConnection gather by the plan.
func (p candidatePlan) configure(s *webrtc.SettingEngine) error {
	s.SetNet(p.net)
	s.SetICEUDPMux(p.udp)
	s.SetICETCPMux(p.tcp)
	s.SetIncludeLoopbackCandidate(p.loopback)
	s.SetIPFilter(p.keep)
	if len(p.public) == 0 {
		return nil
	}
	// As host candidates: FFmpeg looks at nothing else, and with server-reflexive
	// rules pion would open a socket of its own for each session.
	err := s.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
		External: p.public, AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteAppend,
	})
	if err != nil {
		return fmt.Errorf("announce public addresses: %w", err)
	}
	return nil
}

// options make an ICE agent gather by the plan.
func (p candidatePlan) options() []ice.AgentOption {
	options := []ice.AgentOption{
		ice.WithNet(p.net), ice.WithUDPMux(p.udp), ice.WithTCPMux(p.tcp), ice.WithIPFilter(p.keep),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
	}
	if p.loopback {
		options = append(options, ice.WithIncludeLoopback())
	}
	if len(p.public) > 0 {
		options = append(options, ice.WithAddressRewriteRules(ice.AddressRewriteRule{
			External: p.public, AsCandidateType: ice.CandidateTypeHost, Mode: ice.AddressRewriteAppend,
		}))
	}
	return options
}
