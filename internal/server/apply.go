package server

import (
	"cmp"
	"errors"

	"porthole/internal/sessions"
)

// ErrStopping is returned by Apply when the server has begun to stop.
var ErrStopping = errors.New("the server stops")

// Reloaded returns c with those settings of next that a running server can take on.
func (c Config) Reloaded(next Config) Config {
	// Who may do what.
	c.PublishToken, c.ViewToken, c.SecretFiles = next.PublishToken, next.ViewToken, next.SecretFiles
	c.Hosts, c.AllowOrigins, c.FrameAncestors = next.Hosts, next.AllowOrigins, next.FrameAncestors
	// How many, and how much.
	c.MaxViewers, c.StreamViewers, c.MaxSessions = next.MaxViewers, next.StreamViewers, next.MaxSessions
	c.MaxLoad, c.MaxLateness = next.MaxLoad, next.MaxLateness
	c.RateLimit, c.RateBurst = next.RateLimit, next.RateBurst
	c.MaxBody, c.BodyTimeout, c.LenientPatch = next.MaxBody, next.BodyTimeout, next.LenientPatch
	// The rest.
	c.Drain, c.RedirectTo, c.TURNHost, c.LogLevel = next.Drain, next.RedirectTo, next.TURNHost, next.LogLevel
	return c
}

// Apply takes on what Reloaded tells of next, and reads the files of the certificate
// again. Sessions go on; their number may be above a new limit until they leave. Event
// streams of the API end, and those of pictures, and clients that may still read them are back at once. On an
// error, of the certificate or ErrStopping, nothing has changed.
func (s *Server) Apply(next Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return ErrStopping
	}
	cfg := s.cfg.Reloaded(next)
	pair, err := cfg.readCertificate()
	if err != nil {
		return err
	}
	former := s.pair.current.Load()
	s.pair.set(pair)
	made, err := s.newHandlers(cfg)
	if err != nil {
		s.pair.set(former)
		return err
	}
	s.cfg = cfg
	s.core.Broadcaster.SetLimits(cfg.MaxViewers, cfg.StreamViewers)
	s.guard.SetLimits(cfg.loadLimit(), cfg.MaxLateness)
	s.core.Table.SetMaxSessions(cfg.sessionLimit())
	s.handlers.Swap(made).endStreams()
	return nil
}

// config is the configuration in force.
func (s *Server) config() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg
}

// sessionLimit is how many there may be. The limit that operators know is that of
// viewers; this one must not come first.
func (c Config) sessionLimit() int {
	return cmp.Or(c.MaxSessions, max(sessions.DefaultMaxSessions, 2*c.MaxViewers))
}

// loadLimit is --max-load as a share of all processors.
func (c Config) loadLimit() float64 { return float64(c.MaxLoad) / 100 }
