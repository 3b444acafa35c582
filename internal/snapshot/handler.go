package snapshot

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"porthole/internal/auth"
	"porthole/internal/cors"
	"porthole/internal/problem"
)

// HandlerConfig says who may have pictures, and how often.
type HandlerConfig struct {
	Maker *Maker
	Auth  *auth.Verifier
	// Limited bounds the requests of each client; nil: no bound.
	Limited func(http.Handler) http.Handler
	Log     *slog.Logger // of faults of decoders, at debug level; nil: none
}

// Routes adds GET /snapshot/{stream}.jpg to a router. ?width= says how wide the
// picture may be, in pixels. It needs the view token, which <img> can only give as
// ?token=, and any site may show it.
//
// The picture wakes a source that is off while nobody watches, as a viewer does. With
// ?wake=0 it does not: it is then what the source showed last, and Last-Modified says
// when that was.
//
// Errors are problem documents: 404 for a stream that is not there, or whose codec
// pictures cannot be made of, 503 while it has none, 400 for a width that is no
// number and for another wake than 0 and 1.
func Routes(r chi.Router, cfg HandlerConfig) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	public := cors.Read("Authorization, If-None-Match", "ETag, Last-Modified, Retry-After, WWW-Authenticate")
	r.Route("/snapshot", func(r chi.Router) {
		r.Use(public.Middleware, openToEmbed)
		r.Options("/{file}", public.Options)
		r.Group(func(r chi.Router) {
			if cfg.Limited != nil {
				r.Use(cfg.Limited)
			}
			r.Use(cfg.Auth.Require(auth.View, streamOf))
			r.Get("/{file}", cfg.serve)
			r.Head("/{file}", cfg.serve)
		})
	})
}

// openToEmbed lets pages of other sites show the picture, as part of theirs.
func openToEmbed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		next.ServeHTTP(w, r)
	})
}

// streamOf is the stream that a picture is of, "" for what is no name of a picture.
func streamOf(r *http.Request) string {
	stream, isJPEG := strings.CutSuffix(chi.URLParam(r, "file"), ".jpg")
	if !isJPEG {
		return ""
	}
	return stream
}

func (cfg HandlerConfig) serve(w http.ResponseWriter, r *http.Request) {
	stream := streamOf(r)
	if stream == "" {
		problem.Write(w, http.StatusNotFound, "snapshots are at /snapshot/NAME.jpg")
		return
	}
	width := 0
	if text := r.URL.Query().Get("width"); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			problem.Write(w, http.StatusBadRequest, "width must be a number of pixels")
			return
		}
		width = int(n)
	}
	take := cfg.Maker.Take
	switch r.URL.Query().Get("wake") {
	case "", "1":
	case "0":
		take = cfg.Maker.Peek
	default:
		problem.Write(w, http.StatusBadRequest, "wake must be 0 or 1")
		return
	}
	p, err := take(r.Context(), stream, width)
	if err != nil {
		cfg.fail(w, stream, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("X-Content-Type-Options", "nosniff")
	// For the one who asked, and for as long as it is the newest.
	h.Set("Cache-Control", "private, max-age=1")
	h.Set("ETag", `"`+strconv.FormatInt(p.At.UnixNano(), 36)+"-"+strconv.Itoa(p.Width)+`"`)
	http.ServeContent(w, r, "", p.At, bytes.NewReader(p.JPEG))
}

// fail answers with why there is no picture.
func (cfg HandlerConfig) fail(w http.ResponseWriter, stream string, err error) {
	for _, known := range []error{ErrNoStream, ErrNoDecoder} {
		if errors.Is(err, known) {
			problem.Write(w, http.StatusNotFound, known.Error())
			return
		}
	}
	if !errors.Is(err, context.Canceled) && !errors.Is(err, ErrNoPicture) {
		cfg.Log.Debug("no snapshot could be made", "stream", stream, "error", err)
	}
	w.Header().Set("Retry-After", "2")
	problem.Write(w, http.StatusServiceUnavailable, ErrNoPicture.Error())
}
