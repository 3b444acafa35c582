package overload

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Rounds is how late one sender is, in counters that only grow: broadcast.Lateness.
type Rounds struct {
	Total   time.Duration // of all rounds
	Rounds  uint64
	Waiting time.Duration // in a round that is not over yet
}

// Meter measures the load of this process. Only one goroutine may use it.
type Meter struct {
	// Lateness is asked for that of the senders; nil: there are none.
	Lateness func() []Rounds

	at     time.Time
	used   time.Duration
	before []Rounds
}

// Measure returns the load since the last call, in the first one since the start.
func (m *Meter) Measure() Load {
	now, used := time.Now(), processorTime()
	passed := now.Sub(m.at)
	load := Load{Memory: memoryUsed()}
	if !m.at.IsZero() && passed > 0 {
		load.CPU = float64(used-m.used) / float64(passed) / float64(runtime.GOMAXPROCS(0))
	}
	m.at, m.used = now, used
	if m.Lateness != nil {
		after := m.Lateness()
		load.Lateness = worst(m.before, after)
		m.before = after
	}
	return load
}

// worst returns the mean lateness between two looks of the sender where it is longest.
func worst(before, after []Rounds) (longest time.Duration) {
	for i, a := range after {
		longest = max(longest, a.Waiting)
		var b Rounds
		if i < len(before) {
			b = before[i]
		}
		if rounds := a.Rounds - b.Rounds; rounds > 0 {
			longest = max(longest, (a.Total-b.Total)/time.Duration(rounds)) //nolint:gosec // rounds of a second
		}
	}
	return longest
}

// memoryUsed returns the share of the runtime's memory limit that is in use.
func memoryUsed() float64 {
	limit := debug.SetMemoryLimit(-1) // changes nothing
	if limit == math.MaxInt64 {
		return 0
	}
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return float64(samples[0].Value.Uint64()-samples[1].Value.Uint64()) / float64(limit)
}
