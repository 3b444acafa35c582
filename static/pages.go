package static

import (
	"bytes"
	"html"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"porthole/internal/streamname"
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

// PageConfig is what the pages depend on. The zero value is useful.
type PageConfig struct {
	// FrameAncestors are the sites that may show the embed page in a frame, as the
	// directive of that name has them (Content Security Policy Level 3, section
	// 6.4.2.1); none: all sites.
	FrameAncestors []string
	// Discovery returns the addresses at which a watch page's stream is described for
	// whoever embeds it, by media type; nil: it is described nowhere.
	Discovery func(r *http.Request, stream string) map[string]string
}

// NewPages returns the handlers of the pages.
func NewPages(cfg PageConfig) Pages {
	embedders := strings.Join(cfg.FrameAncestors, " ")
	if embedders == "" {
		embedders = "*"
	}
	files := load(pageFiles)
	unknown := files["pages/unknown.html"]
	stream := func(name, ancestors string) http.Handler {
		return page(ancestors, func(w http.ResponseWriter, r *http.Request) {
			stream := streamOf(r)
			if !streamname.Valid(stream) {
				unknown.serve(w, r, http.StatusNotFound)
				return
			}
			page := files["pages/"+name]
			if name == "watch.html" && cfg.Discovery != nil {
				page = page.withLinks(cfg.Discovery(r, stream))
			}
			page.serve(w, r, http.StatusOK)
		})
	}
	return Pages{
		Home: page("'self'", func(w http.ResponseWriter, r *http.Request) {
			files["pages/home.html"].serve(w, r, http.StatusOK)
		}),
		Watch:   stream("watch.html", "'self'"),
		Publish: stream("publish.html", "'self'"),
		Embed:   stream("embed.html", embedders),
	}
}

// withLinks returns the page with links to descriptions of it in its head: whoever
// looks for them there runs no scripts and takes whole addresses only.
func (f file) withLinks(byType map[string]string) file {
	var links strings.Builder
	for _, mediaType := range slices.Sorted(maps.Keys(byType)) {
		links.WriteString(`<link rel="alternate" type="` + html.EscapeString(mediaType) +
			`" href="` + html.EscapeString(byType[mediaType]) + `">` + "\n  ")
	}
	const before = `<link rel="stylesheet"`
	f.body = bytes.Replace(f.body, []byte(before), []byte(links.String()+before), 1)
	f.etag = etagOf(f.body)
	return f
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

// streamOf returns the last part of the path, in which a slash may be escaped.
func streamOf(r *http.Request) string {
	name, err := url.PathUnescape(path.Base(r.URL.EscapedPath()))
	if err != nil {
		return ""
	}
	return name
}
