package peer

import (
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/pion/ice/v4"
	"github.com/pion/transport/v5"

	"porthole/internal/reach"
	"porthole/internal/sessioninfo"
)

// localCandidates is what one session gathers from: the addresses of the moment when
// it was made, or renewed for an ICE restart. Nobody is asked for them.
type localCandidates struct {
	engine  *Engine
	current atomic.Pointer[reach.Offered]
}

// localCandidates returns those of a new connection, whose transport releases them.
func (e *Engine) localCandidates() (*localCandidates, error) {
	p := &localCandidates{engine: e}
	if err := p.renew(); err != nil {
		return nil, err
	}
	return p, nil
}

// renew takes the addresses of now.
func (p *localCandidates) renew() error {
	r, err := p.engine.addresses()
	if err != nil {
		return err
	}
	t, err := p.engine.candidates.Of(r)
	if err != nil {
		return err
	}
	p.current.Store(t)
	return nil
}

// addresses collects where clients can reach us now. It waits for nobody.
func (e *Engine) addresses() (reach.Addresses, error) {
	r := reach.Addresses{
		Port: e.addr.Port(), Public: e.settings.publicIPs, Advertised: e.advertised.Current(e.addr.Port()), Mapped: e.settings.mapped(),
	}
	var err error
	if r.Hosts, err = e.network.Current(); err != nil {
		return r, err
	}
	r.Relay, r.RelayOnly = e.relay.Current(), e.settings.policy == PolicyRelay
	if r.RelayOnly && r.Relay == nil {
		return r, ErrNoRelay
	}
	return r, nil
}

// lines are the values of our a=candidate lines.
func (p *localCandidates) lines() []string { return p.current.Load().Lines }

// named returns a pair whose local candidate has the type that clients were told:
// agents take the relayed address for one more of this machine.
func (p *localCandidates) named(pair sessioninfo.Pair) sessioninfo.Pair {
	if r := p.current.Load().Relay; r != nil && pair.Local.Protocol == "udp" && pair.Local.Address == r.Addr.String() {
		pair.Local.Type = ice.CandidateTypeRelay.String()
	}
	return pair
}

// options make an ICE agent gather by the plan.
func (p *localCandidates) options() []ice.AgentOption {
	options := []ice.AgentOption{
		ice.WithNet(&candidateNet{Net: p.engine.net, plan: p}),
		ice.WithUDPMux(&connectionMux{UDPMux: p.engine.udp, plan: p}),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
		ice.WithIncludeLoopback(),
	}
	if p.engine.settings.policy != PolicyRelay {
		options = append(options, ice.WithTCPMux(&connectionTCPMux{TCPMux: p.engine.tcp}))
	}
	return options
}

// connectionMux is the shared UDP mux as one session's ICE agent sees it: the mux
// of a wildcard socket would list every address of the machine.
type connectionMux struct {
	ice.UDPMux
	plan *localCandidates
}

// GetListenAddresses returns the addresses that become UDP candidates of the agent.
func (m *connectionMux) GetListenAddresses() []net.Addr {
	var addrs []net.Addr
	t := m.plan.current.Load()
	for _, base := range t.Bases {
		addrs = append(addrs, net.UDPAddrFromAddrPort(netip.AddrPortFrom(base, m.plan.engine.addr.Port())))
	}
	if t.Relay != nil {
		addrs = append(addrs, net.UDPAddrFromAddrPort(t.Relay.Addr))
	}
	return addrs
}

// GetConn returns the session's share of the socket, whatever address it will
// be known by: there is one socket behind all of them, and one at the TURN server.
func (m *connectionMux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	if r := m.plan.current.Load().Relay; r != nil && addr.String() == r.Addr.String() {
		return r.Mux.GetConn(ufrag, addr) // transparent
	}
	if bound := m.plan.engine.addr; !bound.Addr().IsUnspecified() {
		addr = net.UDPAddrFromAddrPort(bound)
	}
	return m.UDPMux.GetConn(ufrag, addr) // transparent
}

// RemoveConnByUfrag ends the session's share.
func (m *connectionMux) RemoveConnByUfrag(ufrag string) {
	m.UDPMux.RemoveConnByUfrag(ufrag)
	if r := m.plan.current.Load().Relay; r != nil {
		r.Mux.RemoveConnByUfrag(ufrag)
	}
}

// connectionTCPMux is the shared TCP mux as one session's ICE agent sees it. The mux
// keeps connections apart by the address that they came to; a session's client may
// come to any that leads here, those that a NAT forwards from included.
type connectionTCPMux struct{ ice.TCPMux }

// GetConnByUfrag returns what the session receives over TCP, in one family.
func (m *connectionTCPMux) GetConnByUfrag(ufrag string, isIPv6 bool, _ net.IP) (net.PacketConn, error) {
	return m.TCPMux.GetConnByUfrag(ufrag, isIPv6, anyTCPAddress(isIPv6)) // transparent
}

// anyTCPAddress is the local address of all TCP connections of a family.
func anyTCPAddress(isIPv6 bool) net.IP {
	if isIPv6 {
		return net.IPv6zero
	}
	return net.IPv4zero
}

// candidateNet is the machine's network as an ICE agent sees it: with one interface
// that has the plan's addresses. Agents make TCP candidates of them.
type candidateNet struct {
	transport.Net
	plan *localCandidates
}

// Interfaces returns the one interface.
func (n *candidateNet) Interfaces() ([]*transport.Interface, error) {
	iface := transport.NewInterface(net.Interface{Index: 1, Name: "porthole", Flags: net.FlagUp})
	for _, base := range n.plan.current.Load().Bases {
		iface.AddAddress(&net.IPNet{IP: base.AsSlice(), Mask: net.CIDRMask(base.BitLen(), base.BitLen())})
	}
	return []*transport.Interface{iface}, nil
}
