package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"porthole/internal/bench/process"
)

// settled is how long a server is left alone before it is looked at.
const settled = 3000 * time.Millisecond

// errSystem is returned where the system does not tell what processes cost.
var errSystem = errors.New("measuring needs Linux")

// row is what a number of viewers of one server costs. Costs are those of the
// server's process alone.
type row struct {
	Server  string `json:"server"`
	Viewers int    `json:"viewers"`
	received
	CPU        spread  `json:"cpu_ms_per_viewer_second"`
	Limits     float64 `json:"times_raw_limit,omitempty"` // the same of the raw limit; 0: not measured
	Memory     float64 `json:"rss_kib_per_viewer"`        // more than without viewers
	Goroutines float64 `json:"goroutines_per_viewer"`     // likewise
	Allocs     float64 `json:"allocations_per_packet"`    // that viewers received
	Others     float64 `json:"other_processors_busy"`     // with processes that have nothing to do with this
}

// spread is a figure that was measured several times.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	return spread{Median: median(values), Min: slices.Min(values), Max: slices.Max(values)}
}

// median sorts the values; it is 0 when there are none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

// state is a server at one moment.
type state struct {
	at     time.Time
	memory int64
	metrics
}

func (s *server) state(ctx context.Context) (state, error) {
	m, err := scrape(ctx, s.address)
	if err != nil {
		return state{}, s.Failure(err)
	}
	memory, err := residentMemory(s.PID())
	return state{at: time.Now(), memory: memory, metrics: m}, err
}

// measureCost makes one row.
func (p programs) measureCost(ctx context.Context, cfg config, name string, viewers int) (row, error) {
	s, err := p.startServer(ctx, name, feed{gop: usualGOP, spread: cfg.spread})
	if err != nil {
		return row{}, err
	}
	defer s.stop()
	if err := sleep(ctx, settled); err != nil {
		return row{}, err
	}
	without, err := s.state(ctx)
	if err != nil {
		return row{}, err
	}
	a, err := s.watch(ctx, viewers)
	if err != nil {
		return row{}, err
	}
	defer func() { _ = a.Stop() }()
	if err := sleep(ctx, settled); err != nil {
		return row{}, err
	}
	cost, err := s.windows(ctx, a, cfg)
	if err != nil {
		return row{}, err
	}
	if err := a.Stop(); err != nil {
		return row{}, err
	}
	r := row{Server: name, Viewers: viewers, Others: cost.others}
	if r.received, err = a.result(); err != nil {
		return row{}, err
	}
	r.add(cost, without)
	return r, nil
}

// add computes what one viewer costs.
func (r *row) add(c cost, without state) {
	n := float64(max(r.received.Viewers, 1))
	for i := range c.cpu {
		c.cpu[i] /= n
	}
	r.CPU = spreadOf(c.cpu)
	r.Memory = float64(c.with.memory-without.memory) / 1024 / n
	r.Goroutines = (c.with.goroutines - without.goroutines) / n
	if packets := r.PacketRate * c.seconds * n; packets > 0 {
		r.Allocs = max(0, c.mallocs/packets)
	}
}

// cost is what a server with viewers took.
type cost struct {
	cpu     []float64 // milliseconds a second, of each window
	with    state     // with viewers, after the windows
	mallocs float64   // objects allocated during seconds
	seconds float64
	others  float64 // processors that were busy with something else
}

// windows measures while media flows.
func (s *server) windows(ctx context.Context, a *audience, cfg config) (c cost, err error) {
	first, err := s.state(ctx)
	if err != nil {
		return c, err
	}
	ours := []*process.Process{s.Process, a.Process}
	if s.publisher != nil {
		ours = append(ours, s.publisher)
	}
	before, err := readUsage(ours)
	if err != nil {
		return c, err
	}
	begin, last := before, before
	for range cfg.windows {
		if err := sleep(ctx, cfg.window); err != nil {
			return c, err
		}
		if last, err = readUsage(ours); err != nil {
			return c, err
		}
		c.cpu = append(c.cpu, 1000*(last.own-before.own).Seconds()/last.at.Sub(before.at).Seconds())
		before = last
	}
	if c.with, err = s.state(ctx); err != nil {
		return c, err
	}
	c.seconds = c.with.at.Sub(first.at).Seconds()
	// The scrape at the end of this time allocates too: what a second one
	// allocates is taken off.
	again, err := s.state(ctx)
	if err != nil {
		return c, err
	}
	c.mallocs = (c.with.mallocs - first.mallocs) - (again.mallocs - c.with.mallocs)
	seconds := last.at.Sub(begin.at).Seconds()
	c.others = max(0, ((last.machine-begin.machine)-(last.ours-begin.ours)).Seconds()/seconds)
	return c, nil
}

// processor is a reading of processor times.
type processor struct {
	at      time.Time
	own     time.Duration // of the server
	ours    time.Duration // of all processes of the measurement
	machine time.Duration // of everything
}

// readUsage reads the times; the first process is the server.
func readUsage(processes []*process.Process) (processor, error) {
	var r processor
	for i, p := range processes {
		used, err := processorTime(p.PID())
		if err != nil {
			return r, err
		}
		if i == 0 {
			r.own, r.at = used, time.Now()
		}
		r.ours += used
	}
	var err error
	r.machine, err = machineTime()
	return r, err
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
