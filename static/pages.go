package static

import (
	"net/http"
	"path"
	"regexp"
	"strings"
)

// Pages are the handlers of the HTML pages. The stream's name is the last element
// of the request's path, read by the page itself; a name that no stream can have
// is answered with 404 and a page that says so.
type Pages struct {
	// Home lists the live streams and says how to publish: "/".
	Home http.Handler
	// Watch plays one stream: "/watch/{stream}".
	Watch http.Handler
	// Publish sends this computer's camera or screen: "/publish/{stream}".
	Publish http.Handler
	// Embed is the bare player for an iframe: "/embed/{stream}". It is the one page
	// that other sites may frame.
	Embed http.Handler
}

// NewPages returns the handlers of the pages.
func NewPages() Pages {
	files := load(pageFiles)
	unknown := files["unknown.html"]
	stream := func(name, ancestors string) http.Handler {
		return page(ancestors, func(w http.ResponseWriter, r *http.Request) {
			if !validStream(path.Base(r.URL.Path)) {
				unknown.serve(w, r, http.StatusNotFound)
				return
			}
			files[name].serve(w, r, http.StatusOK)
		})
	}
	return Pages{
		Home: page("'self'", func(w http.ResponseWriter, r *http.Request) {
			files["home.html"].serve(w, r, http.StatusOK)
		}),
		Watch:   stream("watch.html", "'self'"),
		Publish: stream("publish.html", "'self'"),
		Embed:   stream("embed.html", "*"),
	}
}

// page adds the headers that every page is served with. The policy allows this
// server's own files and nothing else: no inline script or style, no other host.
func page(frameAncestors string, next http.HandlerFunc) http.Handler {
	policy := strings.Join([]string{
		"default-src 'self'",
		"img-src 'self' data: blob:",
		"media-src 'self' blob:",
		"connect-src 'self'",
		"object-src 'none'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors " + frameAncestors,
	}, "; ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		// The address of a page may carry a token; no other site needs to see it.
		header.Set("Referrer-Policy", "no-referrer")
		next(w, r)
	})
}

// streamName is what a stream may be called, everywhere in Porthole.
var streamName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// validStream tells whether a stream can have that name. "." and ".." cannot:
// a browser would take them for directories.
func validStream(name string) bool {
	return streamName.MatchString(name) && name != "." && name != ".."
}
