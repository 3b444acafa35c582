package static

import (
	"bytes"
	"compress/gzip"
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

// Pages returns the handlers of the pages.
func (s *Site) Pages(cfg PageConfig) Pages {
	embedders := strings.Join(cfg.FrameAncestors, " ")
	if embedders == "" {
		embedders = "*"
	}
	stream := func(name, ancestors string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			stream := streamOf(r)
			if !streamname.Valid(stream) {
				s.page("unknown.html").serve(w, r, http.StatusNotFound, ancestors)
				return
			}
			page := s.page(name)
			if name == "watch.html" && cfg.Discovery != nil {
				page = page.withLinks(cfg.Discovery(r, stream))
			}
			page.serve(w, r, http.StatusOK, ancestors)
		})
	}
	return Pages{
		Home: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.page("home.html").serve(w, r, http.StatusOK, "'self'")
		}),
		Watch:   stream("watch.html", "'self'"),
		Publish: stream("publish.html", "'self'"),
		Embed:   stream("embed.html", embedders),
	}
}

// withLinks returns the page with links to descriptions of it in its head: whoever
// looks for them there runs no scripts and takes whole addresses only.
func (p page) withLinks(byType map[string]string) page {
	var links strings.Builder
	for _, mediaType := range slices.Sorted(maps.Keys(byType)) {
		links.WriteString(`<link rel="alternate" type="` + html.EscapeString(mediaType) +
			`" href="` + html.EscapeString(byType[mediaType]) + `">` + "\n")
	}
	return p.withHead(links.String())
}

// withHead returns the page with more in its head. It is made for one request, and so
// compressed in haste.
func (p page) withHead(text string) page {
	const before = "</head>"
	compress := p.encoded != nil
	p.file = newFile(p.name, bytes.Replace(p.body, []byte(before), []byte(text+before), 1))
	if compress {
		p.encoded = map[string][]byte{"gzip": gzipped(p.body, gzip.BestSpeed)}
	}
	return p
}

// serve adds the headers that every page is served with. The policy allows this
// server's own files and what is in the page by its hash, and nothing else: no other
// inline script or style, no other host.
func (p page) serve(w http.ResponseWriter, r *http.Request, status int, frameAncestors string) {
	policy := strings.Join([]string{
		"default-src 'self'",
		strings.Join(append([]string{"script-src 'self'"}, p.scripts...), " "),
		strings.Join(append([]string{"style-src 'self'"}, p.styles...), " "),
		"img-src 'self' data: blob:",
		"media-src 'self' blob:",
		"connect-src 'self'",
		"object-src 'none'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors " + frameAncestors,
	}, "; ")
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	// The address of a page may carry a token; no other site needs to see it.
	header.Set("Referrer-Policy", "no-referrer")
	p.file.serve(w, r, status)
}

// streamOf returns the last part of the path, in which a slash may be escaped.
func streamOf(r *http.Request) string {
	name, err := url.PathUnescape(path.Base(r.URL.EscapedPath()))
	if err != nil {
		return ""
	}
	return name
}
