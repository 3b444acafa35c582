package server

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
)

// ReachableHosts returns HOST:PORT of a listening address: the address itself,
// or, when that stands for all interfaces, this machine's own and its first in
// the network.
func ReachableHosts(addr net.Addr) []string {
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

// lanURL returns the address by which others in the network reach the pages, with a slash
// at the end, when a request came by an address that only this machine has; empty
// otherwise, and where only this machine reaches them.
func lanURL(r *http.Request, listening net.Addr) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.Unmap().IsLoopback()) {
		return ""
	}
	hosts := ReachableHosts(listening)
	if len(hosts) < 2 {
		return ""
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + hosts[1] + "/"
}
