package signaling

import "net/http"

// What other origins' pages may do and see (Fetch standard). "*" would not cover
// Authorization, so everything is named. OPTIONS is in the list because players
// ask for OPTIONS with a token, which is itself preflighted. "ETag" as a request
// header is what one player sends in the place of If-Match.
const (
	corsMethods = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
	corsHeaders = "Authorization, Content-Type, If-Match, ETag, Accept, Prefer"
	corsExposed = "Location, Link, ETag, Accept-Patch, Accept-Post, Retry-After, WWW-Authenticate, Allow, " +
		"Access-Control-Allow-Methods"
	corsMaxAge = "7200" // seconds, the most that Chromium honours
)

// cors lets pages of any origin use the endpoints and see the answers, errors
// included. That gives nothing away: there are no cookies, and a page has to know
// the token. Preflights are answered here, before any token is asked for, because
// browsers send none with them, and without ICE servers (RFC 9725 section 4.6).
func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", corsExposed)
		preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
		if !preflight {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", corsMethods)
		h.Set("Access-Control-Allow-Headers", corsHeaders)
		h.Set("Access-Control-Max-Age", corsMaxAge)
		h.Set("Accept-Post", typeSDP)
		h.Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
	})
}
