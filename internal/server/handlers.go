package server

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"net"
	"net/http"
	"time"

	"porthole/internal/api"
	"porthole/internal/auth"
	"porthole/internal/mjpeg"
	"porthole/internal/overload"
	"porthole/internal/sessioninfo"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
	"porthole/internal/snapshot"
	"porthole/static"
)

// handlers answer all requests by one configuration. They keep nothing that outlives a
// request: that is in the parts that they share with those before and after them.
type handlers struct {
	http.Handler
	about *api.API       // whose event streams end when these are replaced,
	mjpeg *mjpeg.Handler // and whose pictures
}

// endStreams ends what goes on until somebody ends it.
func (h *handlers) endStreams() {
	h.about.Close()
	h.mjpeg.Close()
}

// newHandlers makes the handlers of everything that is served.
func (s *Server) newHandlers(cfg Config) (*handlers, error) {
	verifier := auth.New(auth.Config{PublishToken: string(cfg.PublishToken), ViewToken: string(cfg.ViewToken)})
	common := signaling.Config{
		Auth:           verifier,
		Limiter:        signaling.NewLimiter(float64(cfg.RateLimit), cmp.Or(cfg.RateBurst, 10*cfg.RateLimit)),
		Events:         s.events,
		ICEServers:     s.iceServers,
		TrustedProxies: cfg.TrustedProxies,
		MaxBody:        int64(cfg.MaxBody),
		BodyTimeout:    cfg.BodyTimeout,
		LenientRestart: cfg.LenientPatch,
		Admit:          s.guard.Admit,
		RedirectTo:     cfg.RedirectTo,
		Log:            s.log,
	}
	publish, watch, err := s.core.Handlers(common)
	if err != nil {
		return nil, err
	}
	about := api.New(api.Config{
		Streams:  s.core.Broadcaster,
		Snapshot: s.snapshots.Possible,
		LastPicture: func(stream string) (at time.Time) {
			if finder := s.finders[stream]; finder != nil {
				at = finder.LastAt()
			}
			return at
		},
		Sessions:   sessionsOf(s.core.Table),
		Sources:    sourcesOf(s.capturing),
		Auth:       verifier,
		Gatherer:   s.metrics,
		Version:    cfg.Version,
		ICEServers: s.prober.Status,
		OwnTURN:    s.ownTURN,
		Load:       s.load,
		Follow:     watch.Follow,
	})
	site := static.Embedded()
	if cfg.PagesDir != "" {
		if site, err = static.FromDir(cfg.PagesDir); err != nil {
			return nil, fmt.Errorf("--pages %s: %w", cfg.PagesDir, err)
		}
	}
	sites := cfg.originGuard(s.pair.leaf())
	pictures := mjpeg.NewHandler(mjpeg.HandlerConfig{
		Hub: s.mjpeg, Auth: verifier, Limited: watch.Limited, Admit: s.guard.Admit, Follow: watch.Follow, Log: s.log,
		Join: func(stream string) (mjpeg.Viewer, error) { return s.core.Broadcaster.Join(stream) },
	})
	return &handlers{about: about, mjpeg: pictures, Handler: refuseBeyondFiles(routes(parts{
		log: s.log, onPanic: count(s.panics, "request"), auth: verifier, publish: publish, watch: watch, about: about,
		site: site, listening: s.listener.Addr(), streams: s.core.Broadcaster.Stream, snapshots: s.snapshots, mjpeg: pictures, clips: s.core.Broadcaster, frameAncestors: sites.FrameAncestors(), sites: sites.Middleware, aboutLimit: cfg.aboutLimit(),
	}))}, nil
}

// serveHTTP makes the HTTP server, which asks whatever handlers there are at a request.
func (s *Server) serveHTTP() error {
	first, err := s.newHandlers(s.cfg)
	if err != nil {
		return err
	}
	s.handlers.Store(first)
	current := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handlers.Load().ServeHTTP(w, r) })
	s.http = newHTTPServer(overload.CountRequests(hintAtProxy(s.log, s.cfg.TrustedProxies)(current)), s.cfg.HeaderTimeout, s.log)
	s.http.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return mjpeg.Context(overload.Context(ctx, c), c)
	}
	s.http.RegisterOnShutdown(s.endEvents)
	s.http.RegisterOnShutdown(s.core.Table.Drain)
	return nil
}

// endEvents ends the event streams of the API, and those of pictures, for good.
func (s *Server) endEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	s.handlers.Load().endStreams()
}

// newPictures makes what makes pictures of streams: single ones, and rows of them. Each knows what the other has.
func (s *Server) newPictures() (err error) {
	s.snapshots = snapshot.New(snapshot.Config{
		Shown:  func(source string, width int) (snapshot.Picture, bool) { return s.mjpeg.Shown(source, width) },
		Stream: s.core.Broadcaster.Stream, Keyframe: s.core.Broadcaster.Keyframe,
		Sources: func(name string) bool { return s.finders[name] != nil && !s.finders[name].Encoded() },
		Raw: func(ctx context.Context, name string) (*image.YCbCr, time.Time, error) {
			return s.finders[name].Picture(ctx)
		},
		Last: func(name string) (*image.YCbCr, time.Time, bool) { return s.finders[name].Last() },
		Wake: s.wake,
	})
	s.mjpeg, err = mjpeg.New(mjpeg.Config{
		Stream: s.core.Broadcaster.Stream, Snapshots: s.snapshots, Log: s.log, Registerer: s.metrics,
		Look: func(ctx context.Context, source string, raw bool) (mjpeg.Raw, error) {
			still, err := s.finders[source].Still(ctx, raw)
			return mjpeg.Raw(still), err
		},
	})
	return err
}

// sessionsOf lets the API tell of the sessions.
func sessionsOf(table *sessions.Table) api.Sessions {
	return api.Sessions{
		List:      table.Sessions,
		Info:      table.Info,
		Diagnosis: table.Diagnosis,
		Transcript: func(id string, redact bool) (sessioninfo.Transcript, bool) {
			transcript, ok := table.Transcript(id)
			if redact {
				transcript = sessions.Redact(transcript)
			}
			return transcript, ok
		},
	}
}
