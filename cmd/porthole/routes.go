package main

import (
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"

	"porthole/internal/api"
	"porthole/internal/signaling"
	"porthole/static"
)

// routes is the map of everything that is served over HTTP.
func routes(log *slog.Logger, publish, watch *signaling.Handler, about *api.API) http.Handler {
	r := chi.NewRouter()
	r.Use(observe(log), anyMethod)
	r.NotFound(notFound)
	r.MethodNotAllowed(methodNotAllowed(r))

	r.Route("/whip", publish.Routes)
	r.Route("/whep", watch.Routes)
	about.Routes(r)

	pages := static.NewPages()
	for pattern, page := range map[string]http.Handler{
		"/":                 pages.Home,
		"/watch/{stream}":   pages.Watch,
		"/publish/{stream}": pages.Publish,
		"/embed/{stream}":   pages.Embed,
		"/static/*":         static.Handler(),
	} {
		r.Method(http.MethodGet, pattern, page)
		r.Method(http.MethodHead, pattern, page)
	}
	return r
}
