// Package cors lets pages of other sites read answers (Fetch standard, section 3.3).
// Whether they may ask at all is decided by package origin, before. There are no cookies
// here, and a bearer token is never sent by itself, so that a page can read what anybody
// could who has the same token.
package cors

import "net/http"

// Routes is what pages of other sites may do with some routes.
type Routes struct {
	Methods string // "GET, HEAD, OPTIONS"
	Headers string // what requests may have besides the usual: "Authorization"
	Exposed string // what of answers may be read besides the usual: "Retry-After, WWW-Authenticate"
	// MaxAge is for how many seconds a browser may remember this; Chromium does for
	// 7200 at most.
	MaxAge string
}

// Read is for routes that can only be read.
func Read(headers, exposed string) Routes {
	return Routes{Methods: "GET, HEAD, OPTIONS", Headers: headers, Exposed: exposed, MaxAge: "7200"}
}

// Open lets pages of any origin read the answer, an error too.
func Open(h http.Header) { h.Set("Access-Control-Allow-Origin", "*") }

// Middleware lets pages of any origin read the answers, errors included.
func (c Routes) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.expose(w.Header())
		next.ServeHTTP(w, r)
	})
}

func (c Routes) expose(h http.Header) {
	Open(h)
	h.Set("Access-Control-Expose-Headers", c.Exposed)
}

// IsPreflight tells a question of a browser from OPTIONS that a player sends.
func IsPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// Allow says in an answer to a preflight what pages may send.
func (c Routes) Allow(h http.Header) {
	c.expose(h)
	h.Set("Access-Control-Allow-Methods", c.Methods)
	h.Set("Access-Control-Allow-Headers", c.Headers)
	h.Set("Access-Control-Max-Age", c.MaxAge)
}

// Options answers OPTIONS, without asking for a token: browsers send none with it.
func (c Routes) Options(w http.ResponseWriter, _ *http.Request) {
	c.Allow(w.Header())
	w.Header().Set("Allow", c.Methods)
	w.WriteHeader(http.StatusNoContent)
}
