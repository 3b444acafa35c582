package sessions

import (
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/diagnosis"
)

// newVerdicts makes the counter of what was the matter with sessions that have ended.
// All children exist from the start, so that a rate sees the first increment.
func newVerdicts() *prometheus.CounterVec {
	verdicts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "porthole_session_verdicts_total",
		Help: "Sessions that ended, by what was the matter with them (docs/TROUBLESHOOTING.md).",
	}, []string{"code"})
	for _, code := range diagnosis.Codes() {
		verdicts.WithLabelValues(string(code))
	}
	return verdicts
}

// Metrics are those of the table, to be registered once.
func (t *Table) Metrics() prometheus.Collector { return t.verdicts }
