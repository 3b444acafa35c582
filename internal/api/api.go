// Package api serves what Porthole tells about itself over HTTP:
//
//	GET /api/streams            all streams, a [StreamList]
//	GET /api/streams/{stream}   one of them, a [Stream], or 404
//	GET /api/events             the list again and again as server-sent events
//	GET /api/events?sessions    the list of sessions, too
//	GET /api/sessions           the WHIP and WHEP sessions, also those that ended a while ago
//	GET /api/sessions/{id}      one of them, with all that is known
//	GET /api/sessions/{id}/diagnosis    why it does not come up, for its own page
//	GET /api/sessions/{id}/transcript   its signalling; ?redact leaves out who and where
//	GET /api/sources            the sources on this machine, a [SourceList]
//	GET /api/sources/{source}   one of them, with the controls of its camera
//	PATCH /api/sources/{source} changes it
//	GET /api/ice-servers        what is known of STUN and TURN servers, likewise
//	GET /api/time               what time it is here, a [Time]
//	GET /healthz                200 while the server serves, 503 when it stops
//	GET /metrics                Prometheus
//
// But for sources, which it has changed by a function that it is given, the package changes nothing. It owns the shape of the JSON, which
// other programs rely on: fields may be added, never renamed. Errors are problem
// documents (package problem). Streams and events need the view token, sessions,
// sources and ICE servers the publish token, time, health and metrics none: they hold no names.
package api

import (
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/cors"
	"porthole/internal/document"
	"porthole/internal/events"
	"porthole/internal/iceserver"
	"porthole/internal/problem"
	"porthole/internal/sessioninfo"
	"porthole/internal/turnserver"
)

// Streams is what the API needs of a *broadcast.Broadcaster.
type Streams interface {
	Streams() []broadcast.StreamInfo
	Stream(name string) (broadcast.StreamInfo, bool)
	Events() *events.Bus // of which events.StreamChanged counts
}

// Sessions tells of the WHIP and WHEP sessions, as the table of sessions does; ok is
// false when there is none with the id.
type Sessions struct {
	List       func() []sessioninfo.Brief // also those that have ended a while ago; never nil
	Info       func(id string) (info sessioninfo.Session, ok bool)
	Diagnosis  func(id string) (diagnosis sessioninfo.Diagnosis, ok bool)
	Transcript func(id string, redact bool) (transcript sessioninfo.Transcript, ok bool)
}

// Config says what there is to tell.
type Config struct {
	Streams  Streams
	Sessions Sessions
	Sources  Sources
	// Snapshot says whether there are pictures of a stream at /snapshot; nil: of none.
	Snapshot func(broadcast.StreamInfo) bool
	// LastPicture says when the picture of a source on this machine was taken that it showed
	// last, the zero time when it has shown nothing yet; nil: nobody knows.
	LastPicture func(stream string) time.Time
	// ICEServers returns the servers of others for /api/ice-servers, OwnTURN what is
	// said there about our own, nil when it is off.
	ICEServers func() []iceserver.ServerStatus
	OwnTURN    func() *turnserver.Status
	Auth       *auth.Verifier
	// Follow counts one more event stream of the client that asks, until leave is called;
	// its error, of package sse, refuses the stream. nil: any number.
	Follow   func(r *http.Request) (leave func(), err error)
	Gatherer prometheus.Gatherer
	Load     func() Load // how much there is to do; nil: not told
	Version  string      // for /healthz
}

// API is the set of handlers. It starts no goroutines.
type API struct {
	cfg Config

	closing   chan struct{} // closed by Close, to end event streams
	closeOnce sync.Once
}

// New makes an API.
func New(cfg Config) *API {
	return &API{cfg: cfg, closing: make(chan struct{})}
}

// Close ends all event streams, which would otherwise keep a stopping server
// waiting, and makes /healthz say so. It does not wait, and a second call does
// nothing. It fits http.Server.RegisterOnShutdown.
func (a *API) Close() { a.closeOnce.Do(func() { close(a.closing) }) }

// Routes adds all routes to a router.
func (a *API) Routes(r chi.Router) {
	a.PublicRoutes(r)
	a.OperatorRoutes(r)
}

// PublicRoutes adds what players, pages and load balancers ask for. Pages of other sites
// may read what is about streams: whoever embeds one also wants to know whether it is live.
func (a *API) PublicRoutes(r chi.Router) {
	public := cors.Read("Authorization, Last-Event-ID", "WWW-Authenticate")
	r.Group(func(r chi.Router) {
		r.Use(public.Middleware)
		for _, path := range []string{"/streams", "/streams/{stream}", "/events", "/sessions/{id}/diagnosis", "/time"} {
			r.Options("/api"+path, public.Options)
		}
		get(r, "/api/time", a.time)
		r.Group(func(r chi.Router) {
			r.Use(a.cfg.Auth.Require(auth.View, streamOf))
			get(r, "/api/streams", a.streams)
			get(r, "/api/streams/{stream}", a.stream)
			r.Get("/api/events", a.events)
			get(r, "/api/sessions/{id}/diagnosis", a.sessionDiagnosis)
		})
	})
	get(r, "/healthz", a.health)
}

// OperatorRoutes adds what is for who runs the server: details of sessions, which need
// the publish token, and metrics.
func (a *API) OperatorRoutes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(a.cfg.Auth.Require(auth.Publish, auth.AllStreams))
		get(r, "/api/sessions", a.sessions)
		get(r, "/api/sessions/{id}", a.session)
		get(r, "/api/sessions/{id}/transcript", a.transcript)
		get(r, "/api/sources", a.sources)
		get(r, "/api/sources/{source}", a.source)
		r.Patch("/api/sources/{source}", a.changeSource)
		get(r, "/api/ice-servers", a.iceServers)
	})
	metrics := promhttp.HandlerFor(a.cfg.Gatherer, promhttp.HandlerOpts{})
	get(r, "/metrics", metrics.ServeHTTP)
}

// get adds a route for GET and for HEAD, of which net/http drops the body.
func get(r chi.Router, pattern string, h http.HandlerFunc) {
	r.Get(pattern, h)
	r.Head(pattern, h)
}

// streamOf is the stream that a route is about, "" for all.
func streamOf(r *http.Request) string { return chi.URLParam(r, "stream") }

func (a *API) streams(w http.ResponseWriter, _ *http.Request) {
	document.Write(w, http.StatusOK, document.JSON, a.streamList())
}

func (a *API) stream(w http.ResponseWriter, r *http.Request) {
	info, ok := a.cfg.Streams.Stream(streamOf(r))
	if !ok {
		problem.Write(w, http.StatusNotFound, "there is no such stream now")
		return
	}
	document.Write(w, http.StatusOK, document.JSON, a.newStream(info))
}

// ICEServerList is the document of /api/ice-servers.
type ICEServerList struct {
	Servers []iceserver.ServerStatus `json:"servers"`       // never null
	Own     *turnserver.Status       `json:"own,omitempty"` // nil when it is off
}

func (a *API) iceServers(w http.ResponseWriter, _ *http.Request) {
	document.Write(w, http.StatusOK, document.JSON, ICEServerList{Servers: a.cfg.ICEServers(), Own: a.cfg.OwnTURN()})
}

// Health is the document of /healthz.
type Health struct {
	Status  string `json:"status"` // "ok", or "stopping"
	Version string `json:"version"`
	Load    *Load  `json:"load,omitempty"`
}

// Load is how much the server has to do.
type Load struct {
	CPU      float64 `json:"cpu"`                // of all processors over the last second, 0 to 1
	Lateness float64 `json:"lateness"`           // seconds from a complete picture to its last viewer, mean
	Memory   float64 `json:"memory,omitempty"`   // of GOMEMLIMIT, 0 to 1; left out without one
	Overload string  `json:"overload,omitempty"` // why new viewers are refused; left out while they are not
}

func (a *API) health(w http.ResponseWriter, _ *http.Request) {
	select {
	case <-a.closing:
		document.Write(w, http.StatusServiceUnavailable, document.JSON, a.healthDocument("stopping"))
	default:
		document.Write(w, http.StatusOK, document.JSON, a.healthDocument("ok"))
	}
}

func (a *API) healthDocument(status string) Health {
	health := Health{Status: status, Version: a.cfg.Version}
	if a.cfg.Load != nil {
		load := a.cfg.Load()
		health.Load = &load
	}
	return health
}
