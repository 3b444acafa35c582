// Package server is the composition: it builds the parts, introduces them to each other,
// runs them, and stops them in the order in which nobody meets what is gone.
//
//	Config ─► New: sockets, parts ─► Run: sources, HTTP ─► the end of ctx ─► drain ─► stop
//	                                  ▲
//	                         Apply: what can change while it runs
//
// All that HTTP alone depends on (tokens, limits of requests, who may embed) is one
// immutable set of handlers over the parts. Apply makes another of the new configuration
// and puts it in the place of the first; streams, sessions and connections belong to the
// parts below, which stay.
//
// What the parts do is theirs. The package does not read files, environment or flags, and
// prints nothing; faults of the configuration are told by the names of the flags.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"porthole/capture"
	"porthole/internal/advice"
	"porthole/internal/api"
	"porthole/internal/broadcast"
	"porthole/internal/core"
	"porthole/internal/iceserver"
	"porthole/internal/mjpeg"
	"porthole/internal/overload"
	"porthole/internal/peer"
	"porthole/internal/sessions"
	"porthole/internal/snapshot"
	"porthole/internal/sse"
	"porthole/internal/turnserver"
)

// Server is the graph of all parts. What it holds is bound and ready when
// New returns, and serves between the begin and the end of Run.
type Server struct {
	log       *slog.Logger
	sources   []Source
	finders   map[string]*capture.Viewfinder // of sources, by stream
	capturing []*capture.Source              // likewise, in the order of sources

	listener  net.Listener
	pair      certificate
	http      *http.Server
	core      *core.Core
	prober    *iceserver.Prober
	turn      *turnserver.Server // nil: off
	captured  *capture.Metrics
	guard     *overload.Guard
	files     *overload.Files
	metrics   *prometheus.Registry
	panics    *prometheus.CounterVec
	snapshots *snapshot.Maker
	mjpeg     *mjpeg.Hub
	events    *sse.Limit

	handlers atomic.Pointer[handlers] // that answer requests now

	mu       sync.Mutex
	cfg      Config // guarded by mu after New
	stopping bool   // event streams have been ended
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

	pair, err := cfg.readCertificate()
	if err != nil {
		return nil, err
	}
	s.pair.set(pair)
	s.files.LimitClients(cfg.ClientConns, cfg.TrustedProxies)
	if s.listener, err = listenHTTP(ctx, cfg, &s.pair, s.files); err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	s.metrics = registry
	s.panics = newPanicCounter(registry)
	if s.prober, err = iceserver.NewProber(iceserver.Config{Servers: slices.Concat(cfg.STUN, cfg.TURNServers()), Log: log, Registerer: registry}); err != nil {
		return nil, err
	}
	s.core, err = core.New(core.Config{
		Peer: peer.Config{
			Media: cfg.Media, PublicIPs: cfg.PublicIPs, Advertise: cfg.Advertise, Interfaces: SplitInterfaces(cfg.Interfaces),
			Timeouts: cfg.Timeouts, Relays: s.relays, Policy: cfg.ICEPolicy, MDNS: cfg.MDNS, Mapped: s.prober.Mapped, Log: log, Registerer: registry,
			OnPanic: count(s.panics, "connection"), Connections: s.files,
		},
		Broadcast: broadcast.Config{
			MaxViewers: cfg.MaxViewers, MaxStreamViewers: cfg.StreamViewers, Grace: cfg.Grace, Fallbacks: fallbacks, Smooth: cfg.Smooth, Keep: cfg.kept(), Log: log,
			OnWarning: advice.Logger(log), OnPanic: count(s.panics, "viewer"),
		},
		Table: sessions.Config{MaxSessions: cfg.sessionLimit(), Log: log, OnPanic: count(s.panics, "session")},
	})
	if err != nil {
		return nil, listenFault("--media", cfg.Media, err)
	}
	s.prober.Start(s.askSTUN)
	if err = s.startTURN(registry); err != nil {
		return nil, err
	}
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		api.NewCollector(s.core.Broadcaster),
		s.core.Table.Metrics(),
	)
	s.captured = capture.NewMetrics(registry)
	for _, source := range s.sources {
		s.capturing = append(s.capturing, capture.New(capture.Config{
			Broadcaster: s.core.Broadcaster, Name: source.Name, Spec: source.Spec,
			Finder: s.finders[source.Name], Metrics: s.captured, Log: s.log,
		}))
	}
	if s.guard, err = s.newGuard(registry); err != nil {
		return nil, err
	}
	s.warnOfReadableSecrets()
	if err = s.newPictures(); err != nil {
		return nil, err
	}
	s.events = s.eventLimit()
	return s, s.serveHTTP()
}

// Addr is where HTTP listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// MediaAddr is where media flows.
func (s *Server) MediaAddr() netip.AddrPort { return s.core.Engine.Addr() }

// TURNAddr is where our own TURN server listens; the zero value: nowhere.
func (s *Server) TURNAddr() netip.AddrPort {
	if s.turn == nil {
		return netip.AddrPort{}
	}
	return s.turn.Addr()
}

// Metrics is where /metrics comes from, for what the program adds.
func (s *Server) Metrics() prometheus.Registerer { return s.metrics }
