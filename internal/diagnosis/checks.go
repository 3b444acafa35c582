package diagnosis

import (
	"fmt"
	"slices"
	"strings"
)

// checks judges a session that found no path.
func checks(f Facts) Verdict {
	var received, answered uint64
	for _, p := range f.Pairs {
		received += p.Received
		answered += p.Answered
	}
	switch {
	case received > 0 && answered > 0:
		return Verdict{NotNominated, "checks got through in both directions, but the client never chose a path; " +
			"its ICE is stuck: let it connect again, or try a counter-offer (?counter-offer), in which this server chooses"}
	case received > 0:
		return Verdict{OneWay, fmt.Sprintf("the client's checks arrived (%d, %s), but our answers did not arrive there; "+
			"a firewall lets packets in and none out: allow UDP from port %d of this server", received, origins(f), port(f.Local))}
	case len(f.Local) == 0:
		return Verdict{ServerNoAddress, "this server had no address to offer; connect it to a network, or name one with --public-ip"}
	default:
		return silence(f)
	}
}

// silence judges a session of whose client nothing arrived.
func silence(f Facts) Verdict {
	blind := "nothing from the client arrived at " + addresses(udp(f.Local))
	for _, judge := range []func(Facts, string) (Verdict, bool){ownAddresses, theirAddresses, throughNATs} {
		if v, ok := judge(f, blind); ok {
			return v
		}
	}
	return blocked(f)
}

// ownAddresses looks for the fault in what we offered.
func ownAddresses(f Facts, _ string) (Verdict, bool) {
	outside := isPublic(f.Client) || anyOf(f.Remote, Candidate.public)
	switch {
	case all(f.Local, Candidate.relayed):
		return Verdict{RelaySilent, "the server offers only relayed addresses (" + addresses(f.Local) + "), and nothing came by them; " +
			"look whether clients reach that TURN server by UDP, or let them come directly, too (--ice-policy all)"}, true
	case all(f.Local, Candidate.container) && !all(f.Remote, Candidate.container):
		return Verdict{ServerContainer, "the server offers only " + addresses(f.Local) + ", a container address that nobody outside can reach; " +
			"set --public-ip to the address of the host, and publish the media port (UDP and TCP), or use host networking"}, true
	case all(f.Local, Candidate.private) && outside:
		return Verdict{ServerPrivate, "the server offers only addresses that are private (" + addresses(f.Local) + "), and the client is outside; " +
			"set --public-ip to the address that clients reach, and forward the media port (UDP and TCP) to this machine"}, true
	}
	return Verdict{}, false
}

// theirAddresses looks for the fault in what the client offered.
func theirAddresses(f Facts, blind string) (Verdict, bool) {
	switch remote := f.Remote; {
	case len(remote) == 0:
		return Verdict{NoAddresses, "the client offered no addresses, and " + blind + "; " + openPort(f)}, true
	case all(remote, Candidate.container):
		return Verdict{ContainerAddress, "the client offered only " + addresses(remote) + ", a container address, and " + blind +
			"; give its container host networking, or a way out to this server by UDP"}, true
	case all(remote, Candidate.local) && !all(f.Local, Candidate.local): // else they are on one machine
		return Verdict{LocalAddress, "the client offered only " + addresses(remote) + ", which lead nowhere outside its own machine, and " + blind +
			"; connect it to a network that reaches this server"}, true
	case all(remote, Candidate.relayed):
		return Verdict{RelaySilent, "the client offered only relayed addresses (" + addresses(remote) + "), and nothing came by them; " +
			"look whether the TURN server reaches this server by UDP, and whether it allows that address as a peer"}, true
	}
	return Verdict{}, false
}

// throughNATs looks for NATs that need a relay.
func throughNATs(f Facts, blind string) (Verdict, bool) {
	both := anyOf(f.Remote, Candidate.mapped) && (anyOf(f.Local, Candidate.mapped) || symmetric(f.Local))
	switch {
	case f.TURN && !anyOf(f.Remote, Candidate.relayed) && len(f.Remote) > 0:
		return Verdict{RelayUnused, blind + ", and the client has no address of the TURN server that it was told of; " +
			"look with `porthole doctor` whether that server answers and takes the credentials, and whether the client asks it at all"}, true
	case f.TURN || !both:
		return Verdict{}, false
	case symmetric(f.Local) && symmetric(f.Remote):
		return Verdict{SymmetricNAT, "symmetric NAT on both sides and no TURN configured: each NAT gives every peer another port, " +
			"so that neither side can reach the other; configure a TURN server"}, true
	default:
		return Verdict{NATNoRelay, "both sides are behind a NAT, " + blind + ", and no TURN is configured; " +
			"forward the media port to this server (--public-ip), or configure a TURN server"}, true
	}
}

// blocked judges a client that might have got through and did not.
func blocked(f Facts) Verdict {
	switch {
	case all(f.Remote, Candidate.hidden):
		return Verdict{MDNSOnly, "the client has only mDNS names and no check of it arrived at " + addresses(udp(f.Local)) +
			"; it is in another network or a firewall is between: " + openPort(f)}
	case !anyOf(f.Remote, Candidate.tcp) || !anyOf(f.Local, Candidate.tcp):
		return Verdict{UDPBlocked, "UDP from the client never arrived; TCP was not offered: " + openPort(f)}
	default:
		return Verdict{Blocked, "neither UDP nor TCP from the client arrived at " + addresses(udp(f.Local)) + ": " + openPort(f)}
	}
}

// openPort is the cure for a firewall.
func openPort(f Facts) string {
	cure := fmt.Sprintf("let UDP and TCP port %d of this server through", port(f.Local))
	if !f.TURN {
		cure += ", or configure a TURN server"
	}
	return cure
}

// port is the media port, as it is offered.
func port(local []Candidate) int {
	for _, c := range local {
		if c.Type != "relay" && c.Port != 0 {
			return c.Port
		}
	}
	return 0
}

// origins names where checks came from.
func origins(f Facts) string {
	var from []Candidate
	for _, p := range f.Pairs {
		if p.Received > 0 {
			from = append(from, p.Remote)
		}
	}
	return "from " + addresses(from)
}

// maxNamed is how many addresses a sentence names.
const maxNamed = 3

// addresses names what candidates point to, each once.
func addresses(candidates []Candidate) string {
	var hosts []string
	for _, c := range candidates {
		if !slices.Contains(hosts, c.Host) {
			hosts = append(hosts, c.Host)
		}
	}
	switch rest := len(hosts) - maxNamed; {
	case len(hosts) == 0:
		return "no address"
	case rest > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(hosts[:maxNamed], ", "), rest)
	default:
		return strings.Join(hosts, ", ")
	}
}
