package reach

import (
	"net/netip"
	"slices"
)

// InterfaceAddr is one address of this machine.
type InterfaceAddr struct {
	Interface string
	Addr      netip.Addr
	Offered   bool   // clients are offered it
	Why       string // they are not; empty when they are
}

// Explain says of each address of a machine whether clients are told of it, and why not:
// named is the only address that is listened on, if there is one, and preferred those
// that packets to the world leave from.
func Explain(interfaces []Interface, named netip.Addr, choice InterfaceChoice, preferred []netip.Addr) []InterfaceAddr {
	told := choice.HostAddrs(interfaces, preferred)
	bound := named.IsValid() && !named.IsUnspecified()
	if bound {
		told = []netip.Addr{named}
	}
	var list []InterfaceAddr
	for _, iface := range interfaces {
		for _, addr := range iface.Addrs {
			a := InterfaceAddr{Interface: iface.Name, Addr: addr, Offered: slices.Contains(told, addr)}
			switch {
			case a.Offered:
			case bound:
				a.Why = "the media port listens on " + named.String() + " only (--media)"
			default:
				a.Why = choice.why(iface, addr)
			}
			list = append(list, a)
		}
	}
	return list
}

// why says why an address is not told.
func (c InterfaceChoice) why(iface Interface, addr netip.Addr) string {
	switch {
	case matchesAny(iface.Name, c.excluded):
		return "--interfaces leaves it out"
	case len(c.named) > 0 && !matchesAny(iface.Name, c.named):
		return "--interfaces names others"
	case addr.IsLoopback() || iface.Loopback:
		return "it leads nowhere outside this machine"
	case !addr.IsGlobalUnicast():
		return "it is good on one link only"
	case classifyInterface(iface.Name) == interfaceContainer:
		return "a bridge to containers or virtual machines of this one; --interfaces can name it"
	case classifyInterface(iface.Name) == interfaceVPN:
		return "a tunnel, which reaches few clients; --interfaces can name it"
	default:
		return "there are better ones"
	}
}
