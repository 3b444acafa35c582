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

// maxStreamName is the length limit of a stream's name.
const maxStreamName = 64

// ValidStream tells whether name can be a stream: 1 to 64 of the characters
// A-Z a-z 0-9 _ . - and not "." or "..", which would vanish from a URL.
func ValidStream(name string) bool {
	if name == "" || len(name) > maxStreamName || name == "." || name == ".." {
		return false
	}
	return strings.IndexFunc(name, func(c rune) bool {
		letter := c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		return !letter && c != '_' && c != '.' && c != '-'
	}) < 0
}

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

// location returns the URL of a new session: an absolute path without query,
// which is the one form that every client understands. OBS treats anything else
// as a path too, and drops the query. So scheme and host, and what a proxy may tell
// of them (X-Forwarded-Proto, X-Forwarded-Host), are never needed.
func (h *Handler) location(r *http.Request, id string) string {
	endpoint := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	return h.publicPrefix(r) + endpoint + "/" + id
}

// publicPrefix is what stands before our own paths where the client sees them.
func (h *Handler) publicPrefix(r *http.Request) string {
	if h.fromProxy(r) {
		if prefix, ok := cleanPrefix(r.Header.Get("X-Forwarded-Prefix")); ok && prefix != "" {
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
