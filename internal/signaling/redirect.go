package signaling

import (
	"net/http"
	"net/url"
	"strings"
)

// A server that is about to stop takes nobody in any more. When it knows another one
// (Config.RedirectTo), it sends new clients there: 307, because 301 and 302 turn the
// POST into a GET in several clients (RFC 9725 section 4.5), to an absolute URL, at
// which browsers do not repeat a token of a header but do one of the query. Sessions
// stay where they are, and so do the requests about them.

// redirects says whether new sessions are to be made elsewhere.
func (h *Handler) redirects() bool { return h.cfg.RedirectTo != nil && h.cfg.Table.IsDraining() }

// redirect sends the client of a POST to the same endpoint of the other server.
func (h *Handler) redirect(w http.ResponseWriter, r *http.Request) {
	target := h.elsewhere(r.URL.EscapedPath())
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", target)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// elsewhere returns the URL of one of our paths at the other server.
func (h *Handler) elsewhere(path string) string {
	to := *h.cfg.RedirectTo
	return strings.TrimSuffix(to.String(), "/") + path
}

// reconnect is the data of the event that ends a feed: where to go, if not to the
// same endpoint again.
func (h *Handler) reconnect(r *http.Request) any {
	endpoint, _, below := strings.Cut(r.URL.EscapedPath(), "/"+url.PathEscape(sessionOf(r)))
	if h.cfg.RedirectTo == nil || !below {
		return struct{}{}
	}
	return map[string]string{"url": h.elsewhere(endpoint)}
}
