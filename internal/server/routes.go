package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"github.com/go-chi/chi/v5"

	"porthole/internal/api"
	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/clip"
	"porthole/internal/mjpeg"
	"porthole/internal/oembed"
	"porthole/internal/signaling"
	"porthole/internal/snapshot"
	"porthole/static"
)

// parts are what routes put together.
type parts struct {
	log            *slog.Logger
	onPanic        func()
	auth           *auth.Verifier
	publish, watch *signaling.Handler
	about          *api.API
	aboutLimit     *signaling.Limiter // of requests for what about tells; nil: none
	snapshots      *snapshot.Maker
	clips          clip.Reads // that clips are cut from
	site           *static.Site
	listening      net.Addr // of the pages
	streams        func(name string) (broadcast.StreamInfo, bool)
	mjpeg          *mjpeg.Handler
	frameAncestors []string
	sites          func(http.Handler) http.Handler // refuses pages of other sites
}

// routes is the map of everything that is served over HTTP, in two sets with middleware
// of their own. Both are at --http.
func routes(p parts) http.Handler {
	r := chi.NewRouter()
	r.Use(observe(p.log, p.onPanic), p.sites, anyMethod)
	r.NotFound(notFound(p.pages().Missing))
	r.MethodNotAllowed(methodNotAllowed(r))
	r.Group(p.public)
	r.Group(p.operator)
	return r
}

// operator adds what is for who runs the server.
func (p parts) operator(r chi.Router) {
	r.Use(p.watch.LimitedBy(p.aboutLimit))
	p.about.OperatorRoutes(r)
}

// public adds what is for publishers, viewers and their pages.
func (p parts) public(r chi.Router) {
	r.Route("/whip", p.publish.Routes)
	r.Route("/whep", p.watch.Routes)
	r.Group(func(r chi.Router) {
		r.Use(p.watch.LimitedBy(p.aboutLimit))
		p.about.PublicRoutes(r)
	})
	snapshot.Routes(r, snapshot.HandlerConfig{Maker: p.snapshots, Auth: p.auth, Limited: p.watch.Limited, Log: p.log})
	p.mjpeg.Routes(r)
	clip.Routes(r, clip.HandlerConfig{From: p.clips, Auth: p.auth, Limited: p.watch.Limited})
	oembed.Routes(r, oembed.Config{
		PublicURL: p.watch.PublicURL, Auth: p.auth, Limited: p.watch.Limited,
		Snapshot: func(ctx context.Context, stream string, width int) (w, h int, err error) {
			picture, err := p.snapshots.Peek(ctx, stream, width) // describing a page wakes no camera
			return picture.Width, picture.Height, err
		},
	})

	pages := p.pages()
	for pattern, page := range map[string]http.Handler{
		"/":                 pages.Home,
		"/watch/{stream}":   pages.Watch,
		"/publish/{stream}": pages.Publish,
		"/embed/{stream}":   pages.Embed,
		"/wall":             pages.Wall,
		"/watch":            elsewhere("./"), // which lists the streams
		"/publish":          elsewhere("publish/mystream"),
		"/static/*":         p.site.Handler(),
		"/favicon.ico":      p.site.Icon(),
	} {
		r.Method(http.MethodGet, pattern, page)
		r.Method(http.MethodHead, pattern, page)
	}
}

func (p parts) pages() static.Pages {
	return p.site.Pages(static.PageConfig{FrameAncestors: p.frameAncestors, Discovery: p.discovery, Stream: p.stream})
}

// elsewhere sends browsers to a place that is named relative to where they are: it works
// below the prefix of a proxy, too.
func elsewhere(place string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", place)
		w.WriteHeader(http.StatusFound)
	})
}

// stream returns what a page may know of its stream before it asks: nothing where that
// takes a token.
func (p parts) stream(r *http.Request, name string) static.Stream {
	if !p.auth.Open(r.Context(), auth.View, name) {
		return static.Stream{LAN: lanURL(r, p.listening)}
	}
	base := p.watch.PublicURL(r)
	about := static.Stream{LAN: lanURL(r, p.listening), State: "unknown", URL: base.JoinPath("watch", name).String()}
	info, ok := p.streams(name)
	switch {
	case ok && info.State == broadcast.StateWaiting:
		about.State = "away"
	case ok:
		about.State = "live"
	}
	if ok && p.snapshots.Possible(info) {
		about.Picture = base.JoinPath("snapshot", name+".jpg").String() + "?width=1200&wake=0"
	}
	return about
}

// discovery returns where a watch page is described for content management systems.
func (p parts) discovery(r *http.Request, stream string) map[string]string {
	base := p.watch.PublicURL(r)
	page := base.JoinPath("watch", stream).String()
	return map[string]string{"application/json+oembed": oembed.Discovery(base, page)}
}
