// Package origin keeps web sites away from a server that is meant for this machine's
// own user. A browser sends what any page asks it to, and it sends it from inside:
// a listener on loopback is out of reach for other machines, not for the sites that
// somebody on this machine visits.
//
// Two headers that pages cannot choose tell who asks. Host is the name by which the
// browser found us: a name of the site's own that it pointed at 127.0.0.1 (DNS
// rebinding) is none of ours. Origin (RFC 6454) is the site whose page asks; where
// browsers leave it out, Sec-Fetch-Site (Fetch Metadata) says the same.
//
// The package decides for a whole server, before routes and tokens. It knows neither
// streams nor sessions, and programs that are no browsers never notice it.
package origin

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"porthole/internal/cors"
	"porthole/internal/problem"
)

// Guard says what is open to whom. The zero value lets everybody do everything.
type Guard struct {
	// Private says that the server is for this machine's own user.
	Private bool
	// Names are host names of the server besides IP addresses and localhost.
	Names []string
	// Certificate, when there is one, has more of them.
	Certificate *x509.Certificate
	// Allowed are origins whose pages may do what the server's own may, such as
	// https://a.example, or "*" for all.
	Allowed []string
	// TokenPublish and TokenView say that a token protects these; it decides then.
	TokenPublish, TokenView bool
	// Framed are the sites that may show the embed page in a frame, as the operator
	// named them; none: those that are Allowed.
	Framed []string
	// Proxies are the addresses whose X-Forwarded-Host is believed.
	Proxies []netip.Prefix
}

// Middleware answers what the guard refuses: 421 for a host name that is none of the
// server's (RFC 9110 section 15.5.20), 403 for a page of another origin. The text
// names the flag that opens it.
func (g Guard) Middleware(next http.Handler) http.Handler {
	if !g.Private {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := nameOf(r.Host); !g.known(name) {
			problem.Write(w, http.StatusMisdirectedRequest, fmt.Sprintf(
				"this server does not know %q as its name; start it with --host %s if it is one", clip(name), clip(name)))
			return
		}
		if page := g.foreign(r); page != "" && g.guards(r) {
			// The page may read why. It learns no more than that we are here.
			cors.Open(w.Header())
			problem.Write(w, http.StatusForbidden, fmt.Sprintf(
				"pages of %s may not use this server; start it with --allow-origin %s to let them", page, page))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// FrameAncestors are the sites that may show the embed page in a frame, in the words of
// that directive (Content Security Policy Level 3, section 6.4.2.1); none: all sites. A
// page in a frame is one of ours, and plays: who may not watch may not frame it either.
func (g Guard) FrameAncestors() []string {
	if len(g.Framed) > 0 || !g.Private || g.TokenView || slices.Contains(g.Allowed, "*") {
		return g.Framed
	}
	ancestors := []string{"'self'"}
	for _, site := range g.Allowed {
		if site != "null" { // which that directive does not know
			ancestors = append(ancestors, site)
		}
	}
	return ancestors
}

// framed says whether a request is for what a page shows in a frame (Fetch Metadata).
func framed(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "embed", "object":
		return true
	}
	return false
}

// guards says whether no token protects what a request wants. Pages and what they
// are made of tell nothing, and preflights do nothing.
func (g Guard) guards(r *http.Request) bool {
	top, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodOptions:
		return false
	case top == "whip", top == "api" && (strings.HasPrefix(rest, "sessions") || strings.HasPrefix(rest, "sources")):
		return !g.TokenPublish
	case top == "embed": // which plays by itself, and so wakes cameras
		return !g.TokenView && framed(r) && len(g.Framed) == 0
	case top == "whep", top == "api", top == "metrics", top == "snapshot", top == "oembed":
		return !g.TokenView
	}
	return false
}

// foreign returns the origin of the page that asks, "" when it is one of ours, an
// allowed one, or no page at all.
func (g Guard) foreign(r *http.Request) string {
	if slices.Contains(g.Allowed, "*") {
		return ""
	}
	// The browser says that the page has the address that it asks, and that is one of
	// ours, by its Host: a proxy before us has another name, and may not tell it.
	if r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		return ""
	}
	page := r.Header.Get("Origin")
	if page == "" {
		// Images and scripts of other sites come without Origin. Who follows a link
		// to us, or types our address, sees a page of ours.
		site := r.Header.Get("Sec-Fetch-Site")
		followed := r.Header.Get("Sec-Fetch-Mode") == "navigate" && !framed(r)
		if site != "cross-site" && site != "same-site" || followed {
			return ""
		}
		return g.referrer(r)
	}
	if g.ours(r, page) || g.allowed(page) {
		return ""
	}
	return clip(page)
}

// referrer is the origin of a page whose request has no Origin, "" when it is allowed.
func (g Guard) referrer(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host == "" {
		return "null"
	}
	if page := u.Scheme + "://" + u.Host; !g.allowed(page) {
		return clip(page)
	}
	return ""
}

func (g Guard) allowed(page string) bool {
	return slices.ContainsFunc(g.Allowed, func(a string) bool { return strings.EqualFold(a, page) })
}

// ours says whether a page came from this server: by the name that the request has,
// or by the one that a trusted proxy says it had, if that is a name of ours.
func (g Guard) ours(r *http.Request, page string) bool {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" {
		return false
	}
	if strings.EqualFold(u.Host, r.Host) {
		return true
	}
	outside := r.Header.Get("X-Forwarded-Host")
	return outside != "" && strings.EqualFold(u.Host, outside) && g.proxied(r) && g.known(nameOf(outside))
}

// proxied says whether a request came from a trusted proxy.
func (g Guard) proxied(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(g.Proxies, func(p netip.Prefix) bool { return p.Contains(peer.Addr().Unmap()) })
}

// known says whether a name is one of the server's. An address is nobody else's to
// point at us. Without a name there was no browser: it always sends one.
func (g Guard) known(name string) bool {
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	if slices.ContainsFunc(g.Names, func(n string) bool { return strings.EqualFold(n, name) }) {
		return true
	}
	return g.Certificate != nil && g.Certificate.VerifyHostname(name) == nil
}

// nameOf is the name in a Host header, without port, brackets and a last dot.
func nameOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// clip keeps what is repeated to a client short.
func clip(text string) string { return text[:min(len(text), 100)] }
