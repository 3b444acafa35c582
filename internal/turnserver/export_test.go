package turnserver

import "net/netip"

// MayReach says whether relays may exchange packets with peer, on a machine with
// the local addresses.
func MayReach(media []netip.AddrPort, allow []netip.Prefix, local []netip.Addr, peer netip.AddrPort) bool {
	p := newPolicy(func() []netip.AddrPort { return media }, allow)
	p.local = func() []netip.Addr { return local }
	return p.peer(peer)
}
