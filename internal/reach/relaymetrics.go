package reach

import "github.com/prometheus/client_golang/prometheus"

// RelayMetrics tell how the server's own address at a TURN server is.
type RelayMetrics struct {
	up          prometheus.Gauge
	allocations *prometheus.CounterVec // by result
	dropped     prometheus.Counter
}

// NewRelayMetrics makes them. Whoever has a registry registers Collectors.
func NewRelayMetrics() *RelayMetrics {
	m := &RelayMetrics{
		up: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "porthole_relay_up",
			Help: "1 while a TURN server receives for us, so that clients can reach us through it.",
		}),
		allocations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "porthole_relay_allocations_total",
			Help: "Requests to TURN servers for an address of our own, by result.",
		}, []string{"result"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "porthole_relay_dropped_packets_total",
			Help: "Packets that found no room on the way to the TURN server, told when an address is given up.",
		}),
	}
	for _, result := range []string{relayOK, relayFailed} {
		m.allocations.WithLabelValues(result)
	}
	return m
}

const (
	relayOK     = "ok"
	relayFailed = "failed"
)

// Collectors are what to register.
func (m *RelayMetrics) Collectors() []prometheus.Collector {
	return []prometheus.Collector{m.up, m.allocations, m.dropped}
}

func (m *RelayMetrics) allocated(err error) {
	if err != nil {
		m.allocations.WithLabelValues(relayFailed).Inc()
		return
	}
	m.allocations.WithLabelValues(relayOK).Inc()
}
