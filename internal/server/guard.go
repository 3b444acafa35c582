package server

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/api"
	"porthole/internal/cors"
	"porthole/internal/overload"
	"porthole/internal/problem"
	"porthole/internal/signaling"
	"porthole/internal/sse"
)

// API and metrics: how many requests a second each client may make, and at once. Dozens
// of open pages poll that little; none of them takes from what signalling may do.
const aboutRate, aboutBurst = 100, 1000

// aboutLimit bounds the requests to API and metrics, unless requests have no limit.
func (c Config) aboutLimit() *signaling.Limiter {
	if c.RateLimit == 0 {
		return nil
	}
	return signaling.NewLimiter(aboutRate, aboutBurst)
}

// eventLimit lets event streams have half of the connections, of each client and of all:
// whoever follows leaves room for those who want to watch.
func (s *Server) eventLimit() *sse.Limit {
	half := func(connections int) int { return (connections + 1) / 2 } // at least one, 0 of no limit
	return sse.NewLimit(half(s.files.OfClient()), half(s.files.Most()))
}

// newPanicCounter makes the metric of panics that were contained, by where.
func newPanicCounter(registry prometheus.Registerer) *prometheus.CounterVec {
	panics := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "porthole_panics_total",
		Help: "Panics that ended one viewer, connection, session or request and nothing else; the log has their stacks.",
	}, []string{"where"})
	for _, where := range []string{"viewer", "connection", "session", "request"} {
		panics.WithLabelValues(where)
	}
	registry.MustRegister(panics)
	return panics
}

// count makes a function that counts a panic.
func count(panics *prometheus.CounterVec, where string) func() {
	return panics.WithLabelValues(where).Inc
}

// newGuard watches the load of the process.
func (s *Server) newGuard(registry prometheus.Registerer) (*overload.Guard, error) {
	meter := &overload.Meter{Lateness: s.lateness}
	registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "porthole_connections_refused_total",
		Help: "TCP connections that came when the process, or their client, had as many as it may.",
	}, func() float64 { return float64(s.files.Refused.Load()) }))
	return overload.New(overload.Config{
		Measure: meter.Measure, MaxCPU: s.cfg.loadLimit(), MaxLateness: s.cfg.MaxLateness,
		Log: s.log, Registerer: registry,
	})
}

// lateness is that of the senders, as overload wants it.
func (s *Server) lateness() []overload.Rounds {
	senders := s.core.Broadcaster.Lateness()
	rounds := make([]overload.Rounds, len(senders))
	for i, l := range senders {
		rounds[i] = overload.Rounds(l)
	}
	return rounds
}

// load tells the API how much there is to do.
func (s *Server) load() api.Load {
	status := s.guard.Status()
	return api.Load{
		CPU: status.Load.CPU, Lateness: status.Load.Lateness.Seconds(), Memory: status.Load.Memory, Overload: status.Reason,
	}
}

// refuseBeyondFiles answers requests on connections for which there is no room: 503,
// and the connection closes.
func refuseBeyondFiles(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !overload.NoRoom(r.Context()) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "5")
		cors.Open(w.Header()) // a player may be a page of another origin
		problem.Write(w, http.StatusServiceUnavailable, "the server has as many connections as it can, or as --max-client-connections lets one address have "+
			"(a reverse proxy is one address until --trusted-proxy names it)")
	})
}
