package server

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"
)

// hintAtProxy tells the operator, once, of a reverse proxy near by that --trusted-proxy does not
// name: all who come through it share the limits of one client, and it works until there are
// many. Strangers from elsewhere may write what they like into their requests, and are not told of.
func hintAtProxy(log *slog.Logger, trusted []netip.Prefix) func(http.Handler) http.Handler {
	var once sync.Once
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header["X-Forwarded-For"] != nil {
				if peer, ok := unnamedProxy(r.RemoteAddr, trusted); ok {
					once.Do(func() {
						log.Warn("requests come through a reverse proxy that --trusted-proxy does not name: all its clients share the limits of one",
							"proxy", peer, "cure", "--trusted-proxy "+peer.String())
					})
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// unnamedProxy returns who made a connection, and whether a proxy of the operator's may be there that
// is not named yet.
func unnamedProxy(remote string, trusted []netip.Prefix) (netip.Addr, bool) {
	from, err := netip.ParseAddrPort(remote)
	peer := from.Addr().Unmap().WithZone("")
	named := slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(peer) })
	return peer, err == nil && !named && (peer.IsLoopback() || peer.IsPrivate())
}
