package signaling

import (
	"net/http"

	"porthole/internal/cors"
)

// What other origins' pages may do and see. "*" would not cover Authorization, so
// everything is named. OPTIONS is in the list because players ask for OPTIONS with a
// token, which is itself preflighted. "ETag" as a request header is what one player
// sends in the place of If-Match.
var openToPages = cors.Routes{ //nolint:gochecknoglobals // a table
	Methods: corsMethods,
	Headers: "Authorization, Content-Type, If-Match, ETag, Accept, Prefer",
	Exposed: "Location, Link, ETag, Accept-Patch, Accept-Post, Retry-After, WWW-Authenticate, Allow, " +
		"Access-Control-Allow-Methods",
	MaxAge: "7200",
}

const corsMethods = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"

// preflights answers what browsers ask before the requests of pages, before any token
// is asked for, because they send none with it, and without ICE servers (RFC 9725
// section 4.6).
func preflights(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !cors.IsPreflight(r) {
			next.ServeHTTP(w, r)
			return
		}
		openToPages.Allow(w.Header())
		w.Header().Set("Accept-Post", typeSDP)
		empty(w)
	})
}
