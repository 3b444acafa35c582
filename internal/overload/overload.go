// Package overload decides whether the process can take one more viewer. Refusing
// the next one, with a time after which to ask again, costs that one some seconds;
// taking it would cost everybody who is there the picture.
//
//	Measure, once a second ─► Guard ─┬─ Admit: nil, or ErrOverloaded with the reason
//	                                 └─ metrics, Status
//	Accept ─► Files ─► a connection, or one that is told to come again
//
// A [Guard] looks at what is scarce: processor time, by its own use and by how late
// pictures are sent, and memory, where the runtime has a limit (GOMEMLIMIT). A
// limit must be passed for some seconds before it counts, and be fallen well short
// of for as long before it does not any more. [Files] counts the sockets that
// clients can make the process open. The package knows neither media
// nor sessions.
package overload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Defaults of the limits.
const (
	// DefaultMaxCPU is a share of all processors.
	DefaultMaxCPU = 0.95
	// DefaultMaxLateness leaves something of the time after which viewers skip
	// pictures.
	DefaultMaxLateness = 250 * time.Millisecond
)

const (
	// every is how often the load is measured.
	every = time.Second
	// patience is for how many measurements in a row a limit has to be passed, or
	// fallen short of: one busy second is no overload.
	patience = 4
	// relief is what share of a limit the load must fall below to count as normal
	// again. Without it, the load of the last one who was taken would decide each time.
	relief = 0.85
	// maxMemory is a share of the runtime's limit, near which it does little else
	// than collecting garbage.
	maxMemory = 0.9
)

// ErrOverloaded is what Admit returns. It passes: try again in some seconds.
var ErrOverloaded = errors.New("the server is overloaded")

// Load is what was measured over the last second.
type Load struct {
	CPU      float64       // processor time used, of what there is: 0 to 1
	Lateness time.Duration // mean, from a complete picture to its last viewer, of the latest sender
	Memory   float64       // memory in use, of the runtime's limit; 0 without one
}

// Config says what is too much. Measure is required.
type Config struct {
	// Measure returns the load since its last call. It must not block.
	Measure     func() Load
	MaxCPU      float64       // share of all processors; 0: no limit
	MaxLateness time.Duration // 0: no limit
	Log         *slog.Logger  // nil: discard
	Registerer  prometheus.Registerer
}

// Guard watches the load. Its methods may be called by any goroutine.
type Guard struct {
	cfg     Config
	refused prometheus.Counter

	mu     sync.Mutex
	load   Load
	over   string // which limit is passed, for people; "" when none is
	streak int    // measurements in a row that speak against the present verdict
}

// New makes a Guard that admits everybody until Run has seen more than the limits
// allow. It fails when the metrics cannot be registered.
func New(cfg Config) (*Guard, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	g := &Guard{cfg: cfg, refused: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "porthole_overload_refusals_total",
		Help: "Viewers that were refused because the server was overloaded.",
	})}
	if cfg.Registerer == nil {
		return g, nil
	}
	gauge := func(name, help string, value func(Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "porthole_" + name, Help: help},
			func() float64 { return value(g.Status()) })
	}
	var faults []error
	for _, c := range []prometheus.Collector{
		g.refused,
		gauge("load_cpu_ratio", "Processor time used over the last second, of what there is.", func(s Status) float64 { return s.Load.CPU }),
		gauge("load_lateness_seconds", "Mean time over the last second from a complete picture to its last viewer, of the latest sender.",
			func(s Status) float64 { return s.Load.Lateness.Seconds() }),
		gauge("load_memory_ratio", "Memory in use, of GOMEMLIMIT; 0 without one.", func(s Status) float64 { return s.Load.Memory }),
		gauge("overloaded", "1 while new viewers are refused because of the load.", func(s Status) float64 {
			if s.Reason == "" {
				return 0
			}
			return 1
		}),
	} {
		faults = append(faults, cfg.Registerer.Register(c))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return g, nil
}

// SetLimits changes Config.MaxCPU and Config.MaxLateness. What was measured before counts on.
func (g *Guard) SetLimits(maxCPU float64, maxLateness time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cfg.MaxCPU, g.cfg.MaxLateness = maxCPU, maxLateness
}

// Run measures until ctx ends.
func (g *Guard) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	g.cfg.Measure() // what came before is of no interest
	for {
		select {
		case <-tick.C:
			g.judge(g.cfg.Measure())
		case <-ctx.Done():
			return
		}
	}
}

// judge takes a measurement.
func (g *Guard) judge(load Load) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.load = load
	share := 1.0
	if g.over != "" {
		share = relief
	}
	over := g.passed(load, share)
	if (over != "") == (g.over != "") {
		g.streak = 0
		g.over = cmp.Or(over, g.over)
		return
	}
	if g.streak++; g.streak < patience {
		return
	}
	g.streak, g.over = 0, over
	if over != "" {
		g.cfg.Log.Warn("overloaded: refusing new viewers", "reason", over)
	} else {
		g.cfg.Log.Info("no longer overloaded")
	}
}

// passed says which limit, of which only a share is allowed, the load is beyond.
func (g *Guard) passed(load Load, share float64) string {
	switch {
	case g.cfg.MaxCPU > 0 && load.CPU > share*g.cfg.MaxCPU:
		return fmt.Sprintf("%.0f %% of the processor time is in use", 100*load.CPU)
	case g.cfg.MaxLateness > 0 && load.Lateness > time.Duration(share*float64(g.cfg.MaxLateness)):
		return fmt.Sprintf("pictures are sent %v late", load.Lateness.Round(time.Millisecond))
	case load.Memory > share*maxMemory:
		return fmt.Sprintf("%.0f %% of the memory limit is in use", 100*load.Memory)
	}
	return ""
}

// Admit returns nil, or why there is no room for one more viewer now.
func (g *Guard) Admit() error {
	if over := g.Status().Reason; over != "" {
		g.refused.Inc()
		return fmt.Errorf("%w: %s", ErrOverloaded, over)
	}
	return nil
}

// Status is the last measurement and what it means.
type Status struct {
	Load   Load
	Reason string // why viewers are refused; "" while they are not
}

// Status returns that of now.
func (g *Guard) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Status{Load: g.load, Reason: g.over}
}
