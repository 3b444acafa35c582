package signaling

import (
	"net/http"
	"net/url"
	"strings"
)

// Limited bounds the requests to another handler as those to this one are bounded:
// each client by its address, also behind a proxy. Who makes too many gets 429 with
// Retry-After.
func (h *Handler) Limited(next http.Handler) http.Handler { return h.LimitedBy(h.cfg.Limiter)(next) }

// LimitedBy is Limited with another limiter, for requests that must not count as
// those to this handler.
func (h *Handler) LimitedBy(limiter *Limiter) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := limiter.allow(h.clientAddr(r)); err != nil {
				h.fail(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Follow counts one more stream of events of the client that asks, until leave is called.
// The error, of package sse, says that there are too many.
func (h *Handler) Follow(r *http.Request) (leave func(), err error) {
	return h.cfg.Events.Enter(h.clientAddr(r))
}

// PublicURL returns where the client sees this server: scheme, host and the path,
// "/" at its end, that our own paths are below. A trusted proxy may tell them as
// X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-Prefix.
func (h *Handler) PublicURL(r *http.Request) *url.URL {
	u := &url.URL{Scheme: "http", Host: r.Host, Path: h.publicPrefix(r) + "/"}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	if !h.fromProxy(r) {
		return u
	}
	if proto := strings.ToLower(r.Header.Get("X-Forwarded-Proto")); proto == "http" || proto == "https" {
		u.Scheme = proto
	}
	if host := r.Header.Get("X-Forwarded-Host"); validHost(host) {
		u.Host = host
	}
	return u
}

// validHost tells whether a proxy's word for the host is one, and no more than that.
func validHost(host string) bool {
	u, err := url.Parse("http://" + host + "/")
	return err == nil && host != "" && u.Host == host && u.User == nil
}

// toWatchPage sends a browser from a WHEP endpoint, which somebody has typed or
// clicked, to the page that plays it, and says whether it did. Only a GET that
// names text/html is a browser's: players send none of it, or */*. 303 is right for
// any method, and nothing keeps it.
func (h *Handler) toWatchPage(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet || !wantsHTML(r.Header.Values("Accept")) {
		return false
	}
	target := url.URL{Path: h.reference(r, "/watch/"+streamOf(r)), RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", target.String())
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusSeeOther)
	return true
}

// wantsHTML tells whether text/html is among the media types by name, and not
// with a weight of nothing (RFC 9110 section 12.5.1).
func wantsHTML(accept []string) bool {
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		mediaType, parameters, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(mediaType), "text/html") {
			continue
		}
		weight := strings.ReplaceAll(strings.ToLower(parameters), " ", "")
		return !strings.HasPrefix(weight, "q=0") || strings.ContainsAny(weight[len("q=0"):], "123456789")
	}
	return false
}
