package turnserver

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// policyLife is how long the machine's addresses are believed.
const policyLife = 2 * time.Second

// policy says where relays may send. All methods may be called by any goroutine.
type policy struct {
	media func() []netip.AddrPort
	allow []netip.Prefix
	local func() []netip.Addr // this machine's addresses; a field for tests

	mu    sync.Mutex
	at    time.Time
	open  []netip.AddrPort // of media
	owned []netip.Addr     // of local
}

func newPolicy(media func() []netip.AddrPort, allow []netip.Prefix) *policy {
	return &policy{media: media, allow: allow, local: localAddrs}
}

// peer says whether relays may exchange packets with an address and port.
func (p *policy) peer(addr netip.AddrPort) bool {
	addr = netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port())
	open, owned := p.current()
	return slices.Contains(open, addr) || p.allowed(addr.Addr(), owned)
}

// host says whether relays may exchange packets with some port of an address.
func (p *policy) host(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	open, owned := p.current()
	return slices.ContainsFunc(open, func(m netip.AddrPort) bool { return m.Addr() == addr }) || p.allowed(addr, owned)
}

// current returns the media socket's addresses and those of this machine.
func (p *policy) current() (open []netip.AddrPort, owned []netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.at.IsZero() || now.Sub(p.at) > policyLife {
		p.open, p.owned, p.at = p.media(), p.local(), now
	}
	return p.open, p.owned
}

// allowed says whether the operator allowed an address.
func (p *policy) allowed(addr netip.Addr, owned []netip.Addr) bool {
	if len(p.allow) == 0 {
		return false
	}
	kind := special(addr)
	return slices.ContainsFunc(p.allow, func(network netip.Prefix) bool {
		switch {
		case !network.Contains(addr):
			return false
		case slices.Contains(owned, addr): // other services of this machine
			return network.IsSingleIP()
		case kind.IsValid():
			return kind.Contains(network.Addr()) && network.Bits() >= kind.Bits()
		}
		return true
	})
}

// special returns the network of special addresses (RFC 6890, RFC 4291) that addr
// belongs to, the zero Prefix when it is an ordinary one. Networks that carry IPv4
// addresses in IPv6 ones are among them: they would be a way around.
func special(addr netip.Addr) netip.Prefix {
	for _, text := range [...]string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fc00::/7", "fe80::/10", "ff00::/8",
	} {
		if network := netip.MustParsePrefix(text); network.Contains(addr) {
			return network
		}
	}
	return netip.Prefix{}
}

// localAddrs returns the addresses of all interfaces.
func localAddrs() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil // then only networks of special addresses protect them
	}
	var addrs []netip.Addr
	for _, a := range list {
		if network, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(network.IP); ok {
				addrs = append(addrs, addr.Unmap())
			}
		}
	}
	return addrs
}
