package turnserver

import (
	"log/slog"
	"net"
	"net/netip"
)

// MayReach says whether relays may exchange packets with peer, on a machine with
// the local addresses.
func MayReach(media []netip.AddrPort, allow []netip.Prefix, local []netip.Addr, peer netip.AddrPort) bool {
	p := newPolicy(func() []netip.AddrPort { return media }, allow)
	p.local = func() []netip.Addr { return local }
	return p.peer(peer)
}

// OnPackets is Listen for packets that come from elsewhere, without limits.
func OnPackets(cfg Config, conn net.PacketConn) (*Server, error) {
	cfg.Limits = Limits{Requests: 1 << 30, Failures: 1 << 30}.withDefaults()
	s, err := newServer(cfg, slog.New(slog.DiscardHandler), conn)
	if err != nil {
		return nil, err
	}
	return s, s.serve()
}

// Holders returns how many clients have a relay.
func (s *Server) Holders() int {
	s.holders.mu.Lock()
	defer s.holders.mu.Unlock()
	return len(s.holders.relays)
}
