package peer

import (
	"net/netip"
	"slices"
)

// InterfaceAddr is one address of this machine.
type InterfaceAddr struct {
	Interface string
	Addr      netip.Addr
	Told      bool   // clients are told of it
	Why       string // they are not; empty when they are
}

// ExplainAddrs says of each address of this machine whether clients of an engine with
// this configuration are told of it, and why not. Nothing is listened on. Errors wrap
// ErrConfig when a setting is at fault.
func ExplainAddrs(cfg Config) ([]InterfaceAddr, error) {
	set, err := cfg.check()
	if err != nil {
		return nil, err
	}
	interfaces, err := systemInterfaces()
	if err != nil {
		return nil, err
	}
	named, _ := netip.AddrFromSlice(set.media.IP)
	return explainAddrs(interfaces, named.Unmap(), set.choice, outgoingAddrs()), nil
}

func explainAddrs(interfaces []networkInterface, named netip.Addr, choice interfaceChoice, preferred []netip.Addr) []InterfaceAddr {
	told := choice.hostAddrs(interfaces, preferred)
	bound := named.IsValid() && !named.IsUnspecified()
	if bound {
		told = []netip.Addr{named}
	}
	var list []InterfaceAddr
	for _, iface := range interfaces {
		for _, addr := range iface.addrs {
			a := InterfaceAddr{Interface: iface.name, Addr: addr, Told: slices.Contains(told, addr)}
			switch {
			case a.Told:
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
func (c interfaceChoice) why(iface networkInterface, addr netip.Addr) string {
	switch {
	case matchesAny(iface.name, c.excluded):
		return "--interfaces leaves it out"
	case len(c.named) > 0 && !matchesAny(iface.name, c.named):
		return "--interfaces names others"
	case addr.IsLoopback() || iface.loopback:
		return "it leads nowhere outside this machine"
	case !addr.IsGlobalUnicast():
		return "it is good on one link only"
	case classifyInterface(iface.name) == interfaceContainer:
		return "a bridge to containers or virtual machines of this one; --interfaces can name it"
	case classifyInterface(iface.name) == interfaceVPN:
		return "a tunnel, which reaches few clients; --interfaces can name it"
	default:
		return "there are better ones"
	}
}
