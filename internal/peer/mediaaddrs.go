package peer

import (
	"net/netip"
	"slices"
)

// MediaAddrs returns where a relay has to send to reach the media socket: the
// addresses that clients are told, those of this machine first. What STUN servers
// told is not among them: it is said by strangers. It waits for nobody.
func (e *Engine) MediaAddrs() []netip.AddrPort {
	r, err := e.addresses()
	if err != nil {
		return nil // without interfaces there is no way to us
	}
	var addrs []netip.AddrPort
	for _, ip := range slices.Concat(r.Hosts, r.Public) {
		addrs = append(addrs, netip.AddrPortFrom(ip, r.Port))
	}
	return append(addrs, r.Advertised...)
}
