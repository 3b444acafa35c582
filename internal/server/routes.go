package server

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"

	"porthole/internal/api"
	"porthole/internal/auth"
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
	site           *static.Site
	frameAncestors []string
	sites          func(http.Handler) http.Handler // refuses pages of other sites
}

// routes is the map of everything that is served over HTTP, in two sets with middleware
// of their own. Both are at --http.
func routes(p parts) http.Handler {
	r := chi.NewRouter()
	r.Use(observe(p.log, p.onPanic), p.sites, anyMethod)
	r.NotFound(notFound)
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
	oembed.Routes(r, oembed.Config{
		PublicURL: p.watch.PublicURL, Auth: p.auth, Limited: p.watch.Limited,
		Snapshot: func(ctx context.Context, stream string, width int) (w, h int, err error) {
			picture, err := p.snapshots.Peek(ctx, stream, width) // describing a page wakes no camera
			return picture.Width, picture.Height, err
		},
	})

	pages := p.site.Pages(static.PageConfig{FrameAncestors: p.frameAncestors, Discovery: p.discovery})
	for pattern, page := range map[string]http.Handler{
		"/":                 pages.Home,
		"/watch/{stream}":   pages.Watch,
		"/publish/{stream}": pages.Publish,
		"/embed/{stream}":   pages.Embed,
		"/static/*":         p.site.Handler(),
	} {
		r.Method(http.MethodGet, pattern, page)
		r.Method(http.MethodHead, pattern, page)
	}
}

// discovery returns where a watch page is described for content management systems.
func (p parts) discovery(r *http.Request, stream string) map[string]string {
	base := p.watch.PublicURL(r)
	page := base.JoinPath("watch", stream).String()
	return map[string]string{"application/json+oembed": oembed.Discovery(base, page)}
}
