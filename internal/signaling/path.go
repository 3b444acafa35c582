package signaling

import (
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
)

// streamOf returns the stream's name in the request's path; "" when it cannot be read.
func streamOf(r *http.Request) string { return parameter(r, "stream") }

// sessionOf returns the session's id in the request's path.
func sessionOf(r *http.Request) string { return parameter(r, "session") }

// parameter decodes a path parameter: chi matches the path as it was sent when
// it was sent with needless escapes.
func parameter(r *http.Request, name string) string {
	value := chi.URLParam(r, name)
	if r.URL.RawPath == "" {
		return value
	}
	value, err := url.PathUnescape(value)
	if err != nil {
		return ""
	}
	return value
}

// location returns the URL of a new session below the URL of the request. It has
// neither scheme nor host, which a client knows better, and no query.
func (h *Handler) location(r *http.Request, id string) string {
	return h.reference(r, strings.TrimSuffix(r.URL.EscapedPath(), "/")+"/"+id)
}

// reference returns one of our paths as the client of a request can use it. An
// absolute path is the one form that every client understands, but it is right only
// when it is known what a reverse proxy takes off the path. A proxy that does not
// tell gets a path relative to the request (RFC 3986 section 5.2), which is right
// below any prefix. It climbs to our root first: OBS takes what it gets for an
// absolute path, and so finds the session when nothing was taken off.
func (h *Handler) reference(r *http.Request, path string) string {
	if h.prefixKnown(r) {
		return h.publicPrefix(r) + path
	}
	return relative(r.URL.EscapedPath(), path)
}

// relative returns a path of ours as seen from another one, by way of the root.
func relative(from, to string) string {
	return strings.Repeat("../", max(strings.Count(from, "/")-1, 0)) + strings.TrimPrefix(to, "/")
}

// prefixKnown says whether we were told what stands before our own paths: by the
// configuration or by a trusted proxy, or by nobody because there is no proxy.
func (h *Handler) prefixKnown(r *http.Request) bool {
	if h.cfg.BasePath != "" {
		return true
	}
	if h.fromProxy(r) {
		return r.Header.Get(forwardedPrefix) != ""
	}
	return r.ProtoAtLeast(1, 1) && !slices.ContainsFunc(proxyHeaders, func(name string) bool { return r.Header.Get(name) != "" })
}

const forwardedPrefix = "X-Forwarded-Prefix"

// proxyHeaders are what reverse proxies add to requests, by themselves or as their
// manuals tell to. Nothing in them is believed; they say that there is a proxy. nginx
// adds none by itself, but spoke HTTP/1.0 for long, as no client of ours does.
var proxyHeaders = []string{ //nolint:gochecknoglobals // a table
	"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", forwardedPrefix, "X-Forwarded-Proto", "X-Real-Ip",
}

// publicPrefix is what stands before our own paths where the client sees them, as
// far as it is known.
func (h *Handler) publicPrefix(r *http.Request) string {
	if h.fromProxy(r) {
		if prefix, ok := cleanPrefix(r.Header.Get(forwardedPrefix)); ok && prefix != "" {
			return prefix
		}
	}
	return h.cfg.BasePath
}

// cleanPrefix normalises the first part of a path: "" or "/a/b". Even a trusted
// proxy may pass on what a stranger sent, so it must neither name another host
// ("//evil") nor leave the path ("?", "#") nor break the header.
func cleanPrefix(prefix string) (string, bool) {
	if prefix == "" || prefix == "/" {
		return "", true
	}
	bad := strings.ContainsFunc(prefix, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`?#\"<>,;`, c)
	})
	if bad || prefix[0] != '/' {
		return "", false
	}
	return strings.TrimSuffix(path.Clean(prefix), "/"), true
}

// fromProxy tells whether the request was handed over by a trusted proxy.
func (h *Handler) fromProxy(r *http.Request) bool {
	return len(h.cfg.TrustedProxies) > 0 && h.trusted(peerAddr(r))
}

func (h *Handler) trusted(addr netip.Addr) bool {
	return slices.ContainsFunc(h.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// clientAddr returns who makes the request: the peer, or, when that is a trusted
// proxy, the last address of X-Forwarded-For that is not one. What stands left of
// that was written by the client itself and proves nothing.
func (h *Handler) clientAddr(r *http.Request) netip.Addr {
	addr := peerAddr(r)
	if !h.fromProxy(r) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		addr = next.Unmap()
		if !h.trusted(addr) {
			break
		}
	}
	return addr
}

// peerAddr returns the other end of the TCP connection; the zero Addr when the
// server does not tell.
func peerAddr(r *http.Request) netip.Addr {
	addrPort, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return addrPort.Addr().Unmap().WithZone("")
}
