// Package server is the composition: it builds the parts, introduces them to each other,
// runs them, and stops them in the order in which nobody meets what is gone.
//
//	Config ─► New: sockets, parts ─► Run: sources, HTTP ─► the end of ctx ─► drain ─► stop
//
// What the parts do is theirs. The package does not read files, environment or flags, and
// prints nothing; faults of the configuration are told by the names of the flags.
package server

import (
	"cmp"
	"context"
	"errors"
	"image"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"porthole/capture"
	"porthole/internal/advice"
	"porthole/internal/api"
	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/iceserver"
	"porthole/internal/overload"
	"porthole/internal/peer"
	"porthole/internal/signaling"
	"porthole/internal/snapshot"
	"porthole/internal/turnserver"
	"porthole/whep"
	"porthole/whip"
)

// Server is the graph of all parts. What it holds is bound and ready when
// New returns, and serves between the begin and the end of Run.
type Server struct {
	cfg     Config
	log     *slog.Logger
	sources []Source
	finders map[string]*capture.Viewfinder // of sources, by stream

	listener    net.Listener
	http        *http.Server
	about       *api.API
	sessions    *signaling.Table
	prober      *iceserver.Prober
	turn        *turnserver.Server // nil: off
	engine      *peer.Engine
	broadcaster *broadcast.Broadcaster
	captured    *capture.Metrics
	guard       *overload.Guard
	files       *overload.Files
	metrics     *prometheus.Registry
	panics      *prometheus.CounterVec
}

// New checks the sources, binds the sockets and builds the parts. On an
// error it has undone what it did.
func New(ctx context.Context, cfg Config) (_ *Server, err error) {
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	sources, err := thisMachine().sources(cfg.Sources, log)
	if err != nil {
		return nil, err
	}
	fallbacks, extra := cfg.shownFallbacks()
	if err := thisMachine().checkAll(extra); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: log, sources: append(sources, extra...), finders: make(map[string]*capture.Viewfinder), files: overload.NewFiles()}
	for _, source := range s.sources {
		s.finders[source.Name] = new(capture.Viewfinder)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()

	s.files.LimitClients(cfg.ClientConns, cfg.TrustedProxies)
	if s.listener, err = listenHTTP(ctx, cfg, s.files); err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	s.metrics = registry
	s.panics = newPanicCounter(registry)
	if s.prober, err = iceserver.NewProber(iceserver.Config{Servers: slices.Concat(cfg.STUN, cfg.TURNServers()), Log: log, Registerer: registry}); err != nil {
		return nil, err
	}
	s.engine, err = peer.Listen(peer.Config{
		Media: cfg.Media, PublicIPs: cfg.PublicIPs, Advertise: cfg.Advertise, Interfaces: SplitInterfaces(cfg.Interfaces),
		Timeouts: cfg.Timeouts, Relays: s.relays, Policy: cfg.ICEPolicy, MDNS: cfg.MDNS, Mapped: s.prober.Mapped, Log: log, Registerer: registry,
		OnPanic: count(s.panics, "connection"), Connections: s.files,
	})
	if err != nil {
		return nil, listenFault("--media", cfg.Media, err)
	}
	s.prober.Start(s.askSTUN)
	if err = s.startTURN(registry); err != nil {
		return nil, err
	}
	s.broadcaster = broadcast.New(broadcast.Config{
		MaxViewers: cfg.MaxViewers, MaxStreamViewers: cfg.StreamViewers, Grace: cfg.Grace, Fallbacks: fallbacks, Log: log,
		OnWarning: advice.Logger(log), OnPanic: count(s.panics, "viewer"),
	})
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		api.NewCollector(s.broadcaster),
	)
	s.captured = capture.NewMetrics(registry)
	s.sessions = signaling.NewTable(signaling.TableConfig{
		// The limit that operators know is that of viewers; this one must not come first.
		MaxSessions: cmp.Or(cfg.MaxSessions, max(signaling.DefaultMaxSessions, 2*cfg.MaxViewers)),
		Log:         log,
		OnPanic:     count(s.panics, "session"),
	})
	registry.MustRegister(s.sessions.Metrics())
	if s.guard, err = s.newGuard(registry); err != nil {
		return nil, err
	}
	s.warnOfReadableSecrets()
	return s, s.buildHTTP(registry)
}

// Addr is where HTTP listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// MediaAddr is where media flows.
func (s *Server) MediaAddr() netip.AddrPort { return s.engine.Addr() }

// TURNAddr is where our own TURN server listens; the zero value: nowhere.
func (s *Server) TURNAddr() netip.AddrPort {
	if s.turn == nil {
		return netip.AddrPort{}
	}
	return s.turn.Addr()
}

// Metrics is where /metrics comes from, for what the program adds.
func (s *Server) Metrics() prometheus.Registerer { return s.metrics }

// buildHTTP makes the handlers of everything that is served, and their server.
func (s *Server) buildHTTP(metrics prometheus.Gatherer) error {
	verifier := auth.New(auth.Config{PublishToken: string(s.cfg.PublishToken), ViewToken: string(s.cfg.ViewToken)})
	common := signaling.Config{
		Table: s.sessions, Auth: verifier,
		Limiter:        signaling.NewLimiter(float64(s.cfg.RateLimit), cmp.Or(s.cfg.RateBurst, 10*s.cfg.RateLimit)),
		Events:         s.eventLimit(),
		ICEServers:     s.iceServers,
		TrustedProxies: s.cfg.TrustedProxies,
		MaxBody:        int64(s.cfg.MaxBody),
		BodyTimeout:    s.cfg.BodyTimeout,
		LenientRestart: s.cfg.LenientPatch,
		Admit:          s.guard.Admit,
		RedirectTo:     s.cfg.RedirectTo,
		Log:            s.log,
	}
	publish, err := whip.New(whip.Config{Broadcaster: s.broadcaster, Engine: s.engine, Signaling: common})
	if err != nil {
		return err
	}
	watch, err := whep.New(whep.Config{Broadcaster: s.broadcaster, Engine: s.engine, Signaling: common})
	if err != nil {
		return err
	}
	snapshots := snapshot.New(snapshot.Config{
		Stream: s.broadcaster.Stream, Keyframe: s.broadcaster.Keyframe,
		Sources: func(name string) bool { return s.finders[name] != nil },
		Raw: func(ctx context.Context, name string) (*image.YCbCr, time.Time, error) {
			return s.finders[name].Picture(ctx)
		},
	})
	s.about = api.New(api.Config{
		Streams:    s.broadcaster,
		Snapshot:   snapshots.Possible,
		Sessions:   sessionsOf(s.sessions),
		Auth:       verifier,
		Gatherer:   metrics,
		Version:    s.cfg.Version,
		ICEServers: func() any { return s.prober.Status() },
		OwnTURN:    s.ownTURN,
		Load:       s.load,
		Follow:     watch.Follow,
	})
	sites, err := s.cfg.originGuard()
	if err != nil {
		return err
	}
	s.http = newHTTPServer(overload.CountRequests(refuseBeyondFiles(routes(parts{
		log: s.log, onPanic: count(s.panics, "request"), auth: verifier, publish: publish, watch: watch, about: s.about,
		snapshots: snapshots, frameAncestors: sites.FrameAncestors(), sites: sites.Middleware, aboutLimit: s.cfg.aboutLimit(),
	}))), s.cfg.HeaderTimeout, s.log)
	s.http.ConnContext = overload.Context
	s.http.RegisterOnShutdown(s.about.Close)
	s.http.RegisterOnShutdown(s.sessions.Drain)
	return nil
}

// sessionsOf lets the API tell of the sessions.
func sessionsOf(table *signaling.Table) api.Sessions {
	return api.Sessions{
		List:      func() any { return table.Sessions() },
		Info:      func(id string) (any, bool) { return table.Info(id) },
		Diagnosis: func(id string) (any, bool) { return table.Diagnosis(id) },
		Transcript: func(id string, redact bool) (any, bool) {
			transcript, ok := table.Transcript(id)
			if redact {
				transcript = transcript.Redact()
			}
			return transcript, ok
		},
	}
}
