package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"porthole/internal/server"
	"strconv"
)

// announce tells where the server can be reached: programs by the log record,
// whose addresses are the real ones even for port 0, people by a line with the
// URL to open.
func announce(stdout io.Writer, cfg server.Config, s *server.Server) {
	addr := s.Addr()
	scheme := "http"
	if cfg.Cert != "" {
		scheme = "https"
	}
	for _, host := range reachableHosts(addr) {
		fmt.Fprintf(stdout, "Porthole: open %s://%s/\n", scheme, host)
	}
	attrs := []any{"http", addr.String(), "media", s.MediaAddr().String()}
	if turn := s.TURNAddr(); turn.IsValid() {
		attrs = append(attrs, "turn", turn.String())
	}
	cfg.Log.Info("listening", attrs...)
}

// reachableHosts returns HOST:PORT of a listening address: the address itself,
// or, when that stands for all interfaces, this machine's own and its first in
// the network.
func reachableHosts(addr net.Addr) []string {
	listening, err := netip.ParseAddrPort(addr.String())
	if err != nil || !listening.Addr().IsUnspecified() {
		return []string{addr.String()}
	}
	port := strconv.Itoa(int(listening.Port()))
	hosts := []string{net.JoinHostPort("127.0.0.1", port)}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return hosts // the one that we know must do
	}
	for _, i := range interfaces {
		prefix, err := netip.ParsePrefix(i.String())
		if err == nil && prefix.Addr().Is4() && prefix.Addr().IsGlobalUnicast() {
			return append(hosts, net.JoinHostPort(prefix.Addr().String(), port))
		}
	}
	return hosts
}
