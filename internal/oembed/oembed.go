// Package oembed answers what a content management system asks when somebody
// pastes the address of a watch page into it (https://oembed.com):
//
//	GET /oembed?url=https%3A%2F%2FHOST%2Fwatch%2FNAME&maxwidth=640&format=json
//
// The answer holds a frame with the embed page. Every name that a stream can have
// is known, whether somebody publishes it or not: the frame waits for the stream to
// start, and a page is often written before that.
package oembed

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"porthole/internal/auth"
	"porthole/internal/cors"
	"porthole/internal/document"
	"porthole/internal/problem"
	"porthole/internal/streamname"
)

// Config says what there is to embed.
type Config struct {
	// PublicURL returns where the client sees this server, with a slash at the end.
	PublicURL func(*http.Request) *url.URL
	// Snapshot returns the size of the stream's picture at no more than width pixels;
	// an error means that it has none now.
	Snapshot func(ctx context.Context, stream string, width int) (w, h int, err error)
	Auth     *auth.Verifier
	// Limited bounds the requests of each client; nil: no bound.
	Limited func(http.Handler) http.Handler
}

// Sizes in pixels: what is offered when nothing is asked for, and of the thumbnail.
const (
	defaultWidth, defaultHeight = 640, 360
	thumbnailWidth              = 640
)

// Routes adds GET /oembed to a router. Any site may read the answer.
//
// It is 400 for a request that makes no sense, 404 for what is no stream of this
// server, 501 for a format other than json. With a view token in force it is
// 401 without one, which may also stand in the url, and then goes into the frame's.
func Routes(r chi.Router, cfg Config) {
	public := cors.Read("Authorization", "WWW-Authenticate")
	r.Route("/oembed", func(r chi.Router) {
		r.Use(public.Middleware)
		r.Options("/", public.Options)
		r.Group(func(r chi.Router) {
			if cfg.Limited != nil {
				r.Use(cfg.Limited)
			}
			r.Use(tokenOfURL, cfg.Auth.Require(auth.View, cfg.streamOf))
			r.Get("/", cfg.serve)
			r.Head("/", cfg.serve)
		})
	})
}

// Discovery returns the address at which this server describes one of its pages.
func Discovery(base *url.URL, page string) string {
	endpoint := base.JoinPath("oembed")
	endpoint.RawQuery = url.Values{"url": {page}, "format": {"json"}}.Encode()
	return endpoint.String()
}

// tokenOfURL makes the token in the url parameter, in its query or behind its #,
// that of the request: it is all that a content management system can send.
func tokenOfURL(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, err := url.Parse(r.URL.Query().Get("url")); err == nil && r.Header.Get("Authorization") == "" {
			if token := tokenIn(u); token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
		}
		next.ServeHTTP(w, r)
	})
}

func tokenIn(u *url.URL) string {
	if token := u.Query().Get("token"); token != "" {
		return token
	}
	fragment, err := url.ParseQuery(u.EscapedFragment())
	if err != nil {
		return ""
	}
	return fragment.Get("token")
}

var (
	errURL    = errors.New("the url is not that of a stream of this server: want …/watch/NAME or …/embed/NAME")
	errSize   = errors.New("maxwidth and maxheight must be numbers of pixels")
	errFormat = errors.New("the format must be json")
)

// Answer is the document, of the type "video" (oEmbed 1.0, section 2.3.4).
type Answer struct {
	Type            string `json:"type"`
	Version         string `json:"version"`
	Title           string `json:"title"`
	ProviderName    string `json:"provider_name"`
	ProviderURL     string `json:"provider_url"`
	CacheAge        int    `json:"cache_age"` // seconds
	ThumbnailURL    string `json:"thumbnail_url,omitempty"`
	ThumbnailWidth  int    `json:"thumbnail_width,omitempty"`
	ThumbnailHeight int    `json:"thumbnail_height,omitempty"`
	HTML            string `json:"html"`
	Width           int    `json:"width"`
	Height          int    `json:"height"`
}

func (cfg Config) serve(w http.ResponseWriter, r *http.Request) {
	answer, err := cfg.answer(r)
	switch {
	case errors.Is(err, errURL):
		problem.Write(w, http.StatusNotFound, err.Error())
		return
	case errors.Is(err, errFormat):
		problem.Write(w, http.StatusNotImplemented, err.Error())
		return
	case err != nil:
		problem.Write(w, http.StatusBadRequest, err.Error())
		return
	}
	document.Write(w, http.StatusOK, "application/json; charset=utf-8", answer) // there may be a token inside
}

func (cfg Config) answer(r *http.Request) (*Answer, error) {
	q := r.URL.Query()
	if f := q.Get("format"); f != "" && f != "json" {
		return nil, errFormat
	}
	base, stream, err := cfg.stream(r, q.Get("url"))
	if err != nil {
		return nil, err
	}
	maxWidth, err1 := pixels(q.Get("maxwidth"))
	maxHeight, err2 := pixels(q.Get("maxheight"))
	if err := errors.Join(err1, err2); err != nil {
		return nil, errSize
	}
	a := &Answer{
		Type: "video", Version: "1.0", Title: stream, ProviderName: "Porthole", ProviderURL: base.String(),
		CacheAge: 300, Width: defaultWidth, Height: defaultHeight,
	}
	open := cfg.Auth.Open(r.Context(), auth.View, stream)
	frame := base.JoinPath("embed", stream).String()
	token := ""
	if u, err := url.Parse(q.Get("url")); err == nil && !open {
		token = tokenIn(u)
	}
	if token != "" {
		frame += "#token=" + url.QueryEscape(token)
	}
	ratioW, ratioH := defaultWidth, defaultHeight
	if tw, th, err := cfg.Snapshot(r.Context(), stream, thumbnailWidth); err == nil && tw > 0 && th > 0 {
		ratioW, ratioH = tw, th
		// A picture that needs a token would be of no use to whoever reads the page.
		if open {
			thumbnail := base.JoinPath("snapshot", stream+".jpg")
			thumbnail.RawQuery = "width=" + strconv.Itoa(thumbnailWidth)
			a.ThumbnailURL, a.ThumbnailWidth, a.ThumbnailHeight = thumbnail.String(), tw, th
		}
	}
	a.Width, a.Height = fit(ratioW, ratioH, maxWidth, maxHeight)
	a.HTML = fmt.Sprintf(`<iframe src="%s" width="%d" height="%d" title="%s" style="border:0" `+
		`allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`,
		html.EscapeString(frame), a.Width, a.Height, html.EscapeString(stream))
	return a, nil
}

// streamOf is the stream that is asked about, "" for what is none of this server.
func (cfg Config) streamOf(r *http.Request) string {
	_, stream, err := cfg.stream(r, r.URL.Query().Get("url"))
	if err != nil {
		return ""
	}
	return stream
}

// stream reads which stream a page's address is of, and what stands before it: that
// address is where the server is seen, whatever a proxy in between does to paths.
func (cfg Config) stream(r *http.Request, page string) (base *url.URL, stream string, err error) {
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || !strings.EqualFold(u.Host, cfg.PublicURL(r).Host) {
		return nil, "", errURL
	}
	whole := strings.TrimSuffix(u.Path, "/")
	dir, name := path.Split(whole)
	for _, place := range []string{"/watch/", "/embed/"} {
		prefix, ok := strings.CutSuffix(dir, place)
		if ok && streamname.Valid(name) && path.Clean(whole) == whole {
			return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: prefix + "/"}, name, nil
		}
	}
	return nil, "", errURL
}

// pixels reads a size; 0 is none given.
func pixels(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n == 0 {
		return 0, errSize
	}
	return int(n), nil
}

// fit returns the size of a frame of the ratio w to h: the usual width, or less
// where less is allowed (0: anything is).
func fit(w, h, maxWidth, maxHeight int) (width, height int) {
	width = defaultWidth
	if maxWidth > 0 {
		width = min(width, maxWidth)
	}
	height = max(width*h/w, 1)
	if maxHeight > 0 && height > maxHeight {
		height = maxHeight
		width = max(height*w/h, 1)
	}
	return width, height
}
