package static

import (
	"bytes"
	"cmp"
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
	// Wall shows many streams at once: "/wall".
	Wall http.Handler
	// Missing says that there is no such page, with 404, wherever it is asked for.
	Missing http.Handler
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
	// Stream says what the page of a stream may know of it before it asks; nil: nothing.
	Stream func(r *http.Request, stream string) Stream
	// Discovery returns the addresses at which a watch page's stream is described for
	// whoever embeds it, by media type; nil: it is described nowhere.
	Discovery func(r *http.Request, stream string) map[string]string
}

// Stream is what a page tells of its stream by itself: to its own script, which then need
// not ask, and to those who show a link to it.
type Stream struct {
	// State is "live" when a viewer who joins sees something, "away" when the publisher is
	// not there, "unknown" when there is no such stream, and empty when nothing is told.
	State string
	// LAN is where others in the network reach the server, where the page was asked for by
	// an address that only this machine has; empty: nowhere, or the page's own address.
	LAN string
	// URL and Picture are whole addresses of the watch page and of a picture; empty: none.
	URL, Picture string
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
			var head strings.Builder
			var about Stream
			if cfg.Stream != nil {
				about = cfg.Stream(r, stream)
				if name == "watch.html" {
					head.WriteString(about.tags(stream))
				}
			}
			if name == "watch.html" && cfg.Discovery != nil {
				head.WriteString(links(cfg.Discovery(r, stream)))
			}
			page := s.page(name)
			if attributes := about.attributes(); head.Len() > 0 || attributes != "" {
				page = page.with(attributes, head.String())
			}
			page.serve(w, r, http.StatusOK, ancestors)
		})
	}
	return Pages{
		Home: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.page("home.html").serve(w, r, http.StatusOK, "'self'")
		}),
		Wall: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.page("wall.html").serve(w, r, http.StatusOK, "'self'")
		}),
		Missing: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.page("unknown.html").missing(r.URL.Path).serve(w, r, http.StatusNotFound, "'self'")
		}),
		Watch:   stream("watch.html", "'self'"),
		Publish: stream("publish.html", "'self'"),
		Embed:   stream("embed.html", embedders),
	}
}

// links returns links to descriptions of a page, for its head: whoever looks for them
// there runs no scripts and takes whole addresses only.
func links(byType map[string]string) string {
	var links strings.Builder
	for _, mediaType := range slices.Sorted(maps.Keys(byType)) {
		links.WriteString(`<link rel="alternate" type="` + html.EscapeString(mediaType) +
			`" href="` + html.EscapeString(byType[mediaType]) + `">` + "\n")
	}
	return links.String()
}

// tags returns what a messenger or a social network shows of a link (Open Graph protocol).
func (s Stream) tags(name string) string {
	if s.URL == "" {
		return ""
	}
	tags := [][2]string{
		{"og:type", "video.other"}, {"og:site_name", "Porthole"}, {"og:title", name},
		{"og:description", "A live stream"}, {"og:url", s.URL},
	}
	if s.Picture != "" {
		tags = append(tags, [2]string{"og:image", s.Picture}, [2]string{"twitter:card", "summary_large_image"})
	}
	var text strings.Builder
	for _, tag := range tags {
		text.WriteString(`<meta property="` + tag[0] + `" content="` + html.EscapeString(tag[1]) + `">` + "\n")
	}
	return text.String()
}

// attributes are for the page's root element, where its scripts look.
func (s Stream) attributes() string {
	var text strings.Builder
	for _, a := range [][2]string{{"stream", s.State}, {"lan", s.LAN}} {
		if a[1] != "" {
			text.WriteString(`data-` + a[0] + `="` + html.EscapeString(a[1]) + `" `)
		}
	}
	return text.String()
}

// with returns the page with attributes of its root element, and with more in its head.
func (p page) with(attributes, head string) page {
	root := bytes.Index(p.body, []byte("<html ")) + len("<html ")
	end := root + bytes.Index(p.body[root:], []byte("</head>"))
	body := make([]byte, 0, len(p.body)+len(attributes)+len(head)) // once: it is made for each request
	body = append(append(body, p.body[:root]...), attributes...)
	body = append(append(body, p.body[root:end]...), head...)
	return p.changed(append(body, p.body[end:]...))
}

// missing returns the page for a path where there is nothing, which may be deeper than
// the page's own.
func (p page) missing(path string) page {
	up := strings.Repeat("../", max(0, strings.Count(path, "/")-1))
	body := bytes.ReplaceAll(p.body, []byte(`"../`), []byte(`"`+cmp.Or(up, "./")))
	return p.changed(bytes.Replace(body, []byte("<html "), []byte(`<html data-missing="page" `), 1))
}

// changed returns the page with another body, made for one request, and compressed for it if there is room.
func (p page) changed(body []byte) page {
	hasty := p.encoded != nil
	p.file = newFile(p.name, body)
	p.hasty = hasty
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
