package server

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"net/http"
	"time"

	"porthole/internal/api"
	"porthole/internal/auth"
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
	about *api.API // whose event streams end when these are replaced
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
	return &handlers{about: about, Handler: refuseBeyondFiles(routes(parts{
		log: s.log, onPanic: count(s.panics, "request"), auth: verifier, publish: publish, watch: watch, about: about,
		site: site, listening: s.listener.Addr(), streams: s.core.Broadcaster.Stream, snapshots: s.snapshots, frameAncestors: sites.FrameAncestors(), sites: sites.Middleware, aboutLimit: cfg.aboutLimit(),
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
	s.http.ConnContext = overload.Context
	s.http.RegisterOnShutdown(s.endEvents)
	s.http.RegisterOnShutdown(s.core.Table.Drain)
	return nil
}

// endEvents ends the event streams of the API, for good.
func (s *Server) endEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	s.handlers.Load().about.Close()
}

func (s *Server) newSnapshots() *snapshot.Maker {
	return snapshot.New(snapshot.Config{
		Stream: s.core.Broadcaster.Stream, Keyframe: s.core.Broadcaster.Keyframe,
		Sources: func(name string) bool { return s.finders[name] != nil && !s.finders[name].Encoded() },
		Raw: func(ctx context.Context, name string) (*image.YCbCr, time.Time, error) {
			return s.finders[name].Picture(ctx)
		},
		Last: func(name string) (*image.YCbCr, time.Time, bool) { return s.finders[name].Last() },
		Wake: s.wake,
	})
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
