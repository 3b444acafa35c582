package supervisor

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what happens to sources, all of them together. A nil *Metrics counts nothing.
type Metrics struct {
	capturing prometheus.Gauge
	failures  [failures]prometheus.Counter
	encoders  prometheus.Counter
}

// NewMetrics makes the metrics and registers them, once for a registry.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	failed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "porthole_source_failures_total", Help: "Times that a source on this machine stopped or could not be opened, by reason.",
	}, []string{"reason"})
	m := &Metrics{
		capturing: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "porthole_sources_capturing", Help: "Sources on this machine that capture now; those that are off while nobody watches do not.",
		}),
		encoders: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "porthole_encoder_restarts_total", Help: "Video encoders that failed and were replaced.",
		}),
	}
	for i := range m.failures {
		m.failures[i] = failed.WithLabelValues(failure(i).String())
	}
	registry.MustRegister(m.capturing, failed, m.encoders)
	return m
}

func (m *Metrics) began() {
	if m != nil {
		m.capturing.Inc()
	}
}

func (m *Metrics) ended() {
	if m != nil {
		m.capturing.Dec()
	}
}

func (m *Metrics) failed(f failure) {
	if m != nil {
		m.failures[f].Inc()
	}
}

// EncoderReplaced counts an encoder that failed and was replaced.
func (m *Metrics) EncoderReplaced() {
	if m != nil {
		m.encoders.Inc()
	}
}
