package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"porthole/internal/iceserver"
)

// Behaviour is how a NAT treats one socket that talks to several others: how it maps
// it, and whose packets it lets in (RFC 4787 4.1 and 5, RFC 5780 3).
type Behaviour string

// The behaviours, the most open first.
const (
	NoNAT                   Behaviour = "none" // of a mapping only
	EndpointIndependent     Behaviour = "endpoint-independent"
	AddressDependent        Behaviour = "address-dependent"
	AddressAndPortDependent Behaviour = "address-and-port-dependent"
	NotKnown                Behaviour = "unknown"
)

// NAT is what is between a socket and the world.
type NAT struct {
	Mapping   Behaviour
	Filtering Behaviour
	Mapped    []netip.AddrPort // as servers see the socket, each once
}

// Kind names the NAT as people do (RFC 3489 5).
func (n NAT) Kind() string {
	switch {
	case n.Mapping == NotKnown:
		return "unknown"
	case n.Mapping == NoNAT && (n.Filtering == EndpointIndependent || n.Filtering == NotKnown):
		return "no NAT"
	case n.Mapping == NoNAT:
		return "no NAT, but a firewall"
	case n.Mapping != EndpointIndependent:
		return "symmetric NAT"
	case n.Filtering == EndpointIndependent:
		return "full-cone NAT"
	case n.Filtering == AddressDependent:
		return "restricted-cone NAT"
	case n.Filtering == AddressAndPortDependent:
		return "port-restricted-cone NAT"
	default:
		return "cone NAT"
	}
}

// errNoServer says that nobody answered who could tell something.
var errNoServer = errors.New("no STUN server answers")

// Explorer finds out the kind of a NAT.
type Explorer struct {
	// Listen makes a UDP socket on a port of its own. Explore closes it.
	Listen func() (net.PacketConn, error)
	// Locals are the addresses of this machine: a socket that is seen under one of
	// them, and its own port, has no NAT in front.
	Locals []netip.Addr

	questions questions // of which answers are expected
	hurried   questions // of which that is the question
}

// NewExplorer makes an Explorer that asks as RFC 8489 wants.
func NewExplorer(listen func() (net.PacketConn, error), locals []netip.Addr) *Explorer {
	return &Explorer{Listen: listen, Locals: locals, questions: usualQuestions(), hurried: hurriedQuestions()}
}

// Explore asks the servers, in this order. The first that has another address
// (OTHER-ADDRESS) tells all by the tests of RFC 5780 4.3 and 4.4; without one, two
// servers tell whether the mapping depends on the destination, and nothing tells
// about filtering.
func (e *Explorer) Explore(ctx context.Context, servers []netip.AddrPort) (NAT, error) {
	conn, err := e.Listen()
	if err != nil {
		return NAT{}, fmt.Errorf("open a UDP socket: %w", err)
	}
	defer conn.Close()
	var plain []netip.AddrPort // what servers without another address have seen
	for _, server := range servers {
		first, err := e.questions.ask(ctx, conn, server, 0)
		if err != nil {
			continue
		}
		if usable(first.other, server) {
			return e.explore(ctx, conn, server, first)
		}
		plain = append(plain, first.mapped)
	}
	n := NAT{Mapping: NotKnown, Filtering: NotKnown, Mapped: distinct(plain)}
	switch {
	case len(plain) == 0:
		return n, fmt.Errorf("%w: asked %d", errNoServer, len(servers))
	case e.isLocal(conn, plain[0]):
		n.Mapping = NoNAT
	case len(n.Mapped) > 1:
		n.Mapping = AddressAndPortDependent // at least one of both
	case len(plain) > 1:
		n.Mapping = EndpointIndependent
	}
	return n, nil
}

// usable tells whether a server's other address can be asked: both differ.
func usable(other, server netip.AddrPort) bool {
	return other.IsValid() && !other.Addr().IsUnspecified() && other.Addr() != server.Addr() && other.Port() != server.Port()
}

// explore makes the tests for mapping and filtering at the same time, from a socket
// each: asking the other address opens the way for its answers.
func (e *Explorer) explore(ctx context.Context, conn net.PacketConn, server netip.AddrPort, first answer) (NAT, error) {
	n := NAT{Mapped: []netip.AddrPort{first.mapped}}
	var both sync.WaitGroup
	both.Go(func() { n.Filtering = e.filtering(ctx, server) })
	var more []netip.AddrPort
	n.Mapping, more = e.mapping(ctx, conn, server, first)
	both.Wait()
	n.Mapped = distinct(append(n.Mapped, more...))
	return n, nil
}

// mapping is RFC 5780 4.3.
func (e *Explorer) mapping(ctx context.Context, conn net.PacketConn, server netip.AddrPort, first answer) (Behaviour, []netip.AddrPort) {
	if e.isLocal(conn, first.mapped) {
		return NoNAT, nil
	}
	second, err := e.questions.ask(ctx, conn, netip.AddrPortFrom(first.other.Addr(), server.Port()), 0)
	if err != nil {
		return NotKnown, nil // it promised an address that it does not answer at
	}
	if second.mapped == first.mapped {
		return EndpointIndependent, nil
	}
	third, err := e.questions.ask(ctx, conn, first.other, 0)
	if err == nil && third.mapped == second.mapped {
		return AddressDependent, []netip.AddrPort{second.mapped}
	}
	return AddressAndPortDependent, []netip.AddrPort{second.mapped}
}

// filtering is RFC 5780 4.4.
func (e *Explorer) filtering(ctx context.Context, server netip.AddrPort) Behaviour {
	conn, err := e.Listen()
	if err != nil {
		return NotKnown
	}
	defer conn.Close()
	if _, err = e.questions.ask(ctx, conn, server, 0); err != nil {
		return NotKnown
	}
	if _, err = e.hurried.ask(ctx, conn, server, changeIP|changePort); err == nil {
		return EndpointIndependent
	}
	if _, err = e.hurried.ask(ctx, conn, server, changePort); err == nil {
		return AddressDependent
	}
	if ctx.Err() != nil {
		return NotKnown // it was not waited for
	}
	return AddressAndPortDependent
}

func (e *Explorer) isLocal(conn net.PacketConn, mapped netip.AddrPort) bool {
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	return ok && local.Port == int(mapped.Port()) && slices.Contains(e.Locals, mapped.Addr())
}

func distinct(list []netip.AddrPort) (each []netip.AddrPort) {
	for _, a := range list {
		if !slices.Contains(each, a) {
			each = append(each, a)
		}
	}
	return each
}

// nat finds out what is between this machine and the STUN servers.
func (c Config) nat(ctx context.Context) []Finding {
	f := Finding{Group: "nat", Name: "NAT"}
	var asked []iceserver.Server
	for _, s := range slices.Concat(c.STUN, c.TURN) { // a TURN server answers what a STUN server does
		if s.Transport != iceserver.TransportTCP {
			asked = append(asked, s)
		}
	}
	if len(asked) == 0 {
		f.Found = "not looked for: no --stun server to ask, which is right for a network of one's own"
		return []Finding{f}
	}
	var servers []netip.AddrPort
	for _, s := range asked {
		if addr, err := resolve(ctx, s); err == nil {
			servers = append(servers, addr)
		}
	}
	if len(servers) == 0 {
		f.Verdict, f.Found = Warn, "no STUN server's name can be looked up, so that nobody can tell"
		f.Cure = "look at this machine's DNS; without a server, name the public address with --public-ip"
		return []Finding{f}
	}
	explorer := NewExplorer(func() (net.PacketConn, error) { return net.ListenUDP("udp4", nil) }, localAddrs())
	n, err := explorer.Explore(ctx, servers)
	if err != nil {
		f.Verdict, f.Found = Warn, err.Error()+", so that nobody can tell"
		f.Cure = "see the servers below; without one, name this machine's public address with --public-ip"
		return []Finding{f}
	}
	return []Finding{c.judgeNAT(f, n)}
}

// judgeNAT says who gets through.
func (c Config) judgeNAT(f Finding, n NAT) Finding {
	var seen []string
	for _, m := range n.Mapped {
		seen = append(seen, m.String())
	}
	f.Data = map[string]any{"kind": n.Kind(), "mapping": n.Mapping, "filtering": n.Filtering, "mapped": seen}
	f.Found = fmt.Sprintf("%s (mapping %s, filtering %s)", n.Kind(), n.Mapping, n.Filtering)
	forwarded := len(c.Public) > 0 || len(c.Advertise) > 0
	const forward = "forward the media port (UDP and TCP) to this machine and name the public address with --public-ip"
	switch {
	case n.Mapping == AddressDependent || n.Mapping == AddressAndPortDependent:
		if forwarded || len(c.TURN) > 0 {
			f.Found += "; what STUN tells is of no use here"
			return f
		}
		f.Verdict, f.Cure = Fail, forward+", or configure a TURN server (--turn): what STUN tells is of no use to clients here"
	case forwarded || len(c.TURN) > 0:
	case n.Mapping == NotKnown:
		f.Verdict, f.Cure = Warn, "give a second --stun server at another address, or one with RFC 5780, to learn more"
	case n.Filtering == AddressDependent || n.Filtering == AddressAndPortDependent:
		f.Verdict, f.Cure = Warn, "clients behind a symmetric NAT, as in many mobile networks, do not get through: "+forward+", or configure a TURN server (--turn)"
	}
	return f
}

// localAddrs returns all addresses of this machine.
func localAddrs() (list []netip.Addr) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil // then every address is another's
	}
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, prefix.Addr().Unmap())
		}
	}
	return list
}
