package mjpeg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/cors"
	"porthole/internal/problem"
	"porthole/internal/refusal"
	"porthole/internal/sse"
)

// firstWithin is how long the first picture may take: a camera that was off has to start.
const firstWithin = 10 * time.Second

// Viewer is a place in a stream, as broadcast.Viewer is one that is never started.
type Viewer interface {
	Done() <-chan struct{} // closed when the stream has ended; Err says why
	Err() error
	Close(reason error)
}

// HandlerConfig says who may watch. All but Limited, Admit, Follow and Log are required.
type HandlerConfig struct {
	Hub  *Hub
	Auth *auth.Verifier
	// Join takes a viewer's place in a stream, which wakes its source.
	Join func(stream string) (Viewer, error)
	// Limited bounds the requests of each client; nil: no bound.
	Limited func(http.Handler) http.Handler
	// Admit says that there is no room for one more viewer now; nil: there is.
	Admit func() error
	// Follow counts one more open stream of the client, until leave is called; its error is of package sse.
	Follow func(r *http.Request) (leave func(), err error)
	Log    *slog.Logger // nil: discard
}

// Handler serves GET /mjpeg/{stream}. It starts no goroutines.
type Handler struct {
	cfg       HandlerConfig
	closing   chan struct{} // closed by Close
	closeOnce sync.Once
}

// errClosing ends what a Handler serves when it closes.
var errClosing = errors.New("the server is stopping, or its settings have changed: connect again")

// NewHandler makes a Handler.
func NewHandler(cfg HandlerConfig) *Handler {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Handler{cfg: cfg, closing: make(chan struct{})}
}

// Close ends everything that is being served, soon. A second call does nothing.
func (h *Handler) Close() { h.closeOnce.Do(func() { close(h.closing) }) }

// Routes adds GET /mjpeg/{stream} to a router. ?width= is how wide pictures may be, in pixels, ?fps= how many of them come in a
// second. It needs the view token, which <img> can only give as ?token=, and any site that may watch may show it.
//
// Errors are problem documents: 404 for a stream that is not there, or of which no pictures can be made, 503 while it has none
// or there is no room, 400 for a number that is none, 429 for too many from one address.
func (h *Handler) Routes(r chi.Router) {
	public := cors.Read("Authorization", "Retry-After, WWW-Authenticate")
	r.Route("/mjpeg", func(r chi.Router) {
		r.Use(public.Middleware, openToEmbed)
		r.Options("/{stream}", public.Options)
		r.Group(func(r chi.Router) {
			if h.cfg.Limited != nil {
				r.Use(h.cfg.Limited)
			}
			r.Use(h.cfg.Auth.Require(auth.View, func(r *http.Request) string { return chi.URLParam(r, "stream") }))
			r.Get("/{stream}", h.serve)
			r.Head("/{stream}", h.head)
		})
	})
}

// openToEmbed lets pages of other sites show the pictures, as part of theirs.
func openToEmbed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		next.ServeHTTP(w, r)
	})
}

// wish is what a client asks for.
type wish struct {
	stream string
	width  int     // 0: the stream's own
	rate   float64 // 0: DefaultRate
}

func wishOf(r *http.Request) (wish, error) {
	asked := wish{stream: chi.URLParam(r, "stream")}
	query := r.URL.Query()
	if text := query.Get("width"); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return asked, errors.New("width must be a number of pixels")
		}
		asked.width = int(n)
	}
	if text := query.Get("fps"); text != "" {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= 0.1 && n <= 1000) {
			return asked, fmt.Errorf("fps must be a number of pictures a second, 0.1 to %d", MaxRate)
		}
		asked.rate = n
	}
	return asked, nil
}

// asked returns what the request asks for; if that makes no sense, it answers why.
func (h *Handler) asked(w http.ResponseWriter, r *http.Request) (asked wish, ok bool) {
	asked, err := wishOf(r)
	if err != nil {
		problem.Write(w, http.StatusBadRequest, err.Error())
		return asked, false
	}
	if _, ok = h.cfg.Hub.cfg.Stream(asked.stream); !ok {
		problem.Write(w, http.StatusNotFound, fmt.Sprintf("there is no stream %q now", asked.stream))
	}
	return asked, ok
}

// head says whether there would be pictures, and opens nothing.
func (h *Handler) head(w http.ResponseWriter, r *http.Request) {
	if _, ok := h.asked(w, r); !ok {
		return
	}
	setHeader(w.Header(), r)
	w.WriteHeader(http.StatusOK)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	asked, ok := h.asked(w, r)
	if !ok {
		return
	}
	if h.cfg.Follow != nil {
		leave, err := h.cfg.Follow(r)
		if err != nil {
			h.refuse(w, asked, err)
			return
		}
		defer leave()
	}
	if h.cfg.Admit != nil {
		if err := h.cfg.Admit(); err != nil {
			h.refuse(w, asked, fmt.Errorf("%w: %w", errNoRoom, err))
			return
		}
	}
	viewer, err := h.cfg.Join(asked.stream)
	if err != nil {
		h.refuse(w, asked, err)
		return
	}
	err = h.show(w, r, asked, viewer)
	viewer.Close(err)
}

// errNoRoom is why Admit refuses, in a class.
var errNoRoom = refusal.Full.New("no more viewers are taken now")

// show shows a stream until the client, the stream or the server ends it, and returns why.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, asked wish, viewer Viewer) error {
	watcher, err := h.cfg.Hub.Watch(asked.stream, asked.width, asked.rate)
	if err != nil {
		h.refuse(w, asked, err)
		return err
	}
	defer watcher.Close()
	v := viewing{Watcher: watcher, viewer: viewer, request: r.Context(), closing: h.closing}
	first, err := v.next(firstWithin)
	if err == nil && first == nil {
		err = errNoPicture
	}
	if err != nil {
		h.refuse(w, asked, err)
		return err
	}
	began := time.Now()
	out := begin(w, r)
	err = out.run(v, first)
	h.cfg.Log.Info("MJPEG viewer has left", "stream", asked.stream, "width", asked.width, "pictures", out.pictures, "bytes", out.bytes,
		"seconds", int(time.Since(began).Seconds()), "reason", err)
	return err
}

// viewing is what one client waits for.
type viewing struct {
	*Watcher
	viewer  Viewer
	request context.Context //nolint:containedctx // of the request that it serves
	closing <-chan struct{}
}

// next waits for a picture: nil where none comes within so long. The error is why no more come.
func (v viewing) next(within time.Duration) (*Picture, error) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		p, changed, err := v.Poll()
		if p != nil || err != nil {
			return p, err
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil, nil //nolint:nilnil // as documented
		case <-v.viewer.Done():
			return nil, v.viewer.Err()
		case <-v.closing:
			return nil, errClosing
		case <-v.request.Done():
			return nil, errGone
		}
	}
}

var (
	// errNoPicture is why there is no first picture.
	errNoPicture = refusal.Absent.New("this stream has no picture yet")
	// errGone is the usual end.
	errGone = errors.New("the client has closed the connection")
)

// refuse answers with why there are no pictures.
func (h *Handler) refuse(w http.ResponseWriter, asked wish, err error) {
	status, retry := statusOf(err)
	detail := err.Error()
	if info, ok := h.cfg.Hub.cfg.Stream(asked.stream); ok && errors.Is(err, errNoPicture) && info.SourceState != "" {
		detail += ": " + info.SourceState
	}
	h.cfg.Log.Debug("MJPEG refused", "stream", asked.stream, "status", status, "error", err)
	if retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retry))
	}
	problem.Write(w, status, detail)
}

// statusOf makes a status of an error, and says after how many seconds to try again; 0: it makes no sense.
func statusOf(err error) (status, retry int) {
	switch class := refusal.Of(err); {
	case errors.Is(err, ErrNoPictures):
		return http.StatusNotFound, 0
	case errors.Is(err, sse.ErrClientFull):
		return http.StatusTooManyRequests, 10
	case class == refusal.Full, errors.Is(err, sse.ErrFull):
		return http.StatusServiceUnavailable, 10
	case class == refusal.Stopping, errors.Is(err, errClosing):
		return http.StatusServiceUnavailable, 1
	default: // nobody publishes, or nothing comes: both pass
		return http.StatusServiceUnavailable, 2
	}
}

var _ Viewer = (*broadcast.Viewer)(nil)
