package turnserver

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Why something was refused, as labels.
const (
	refusedCredentials = "credentials" // the user name or the password was wrong
	refusedExpired     = "expired"     // the user name's time is over
	refusedFailures    = "failures"    // too many wrong credentials before
	refusedSession     = "session"     // the session has its number of allocations
	refusedTotal       = "total"       // the server has
	refusedRate        = "rate"        // too many requests
	refusedPeer        = "peer"        // relays may not reach it
	refusedConnections = "connections" // too many TCP connections
	refusedTLS         = "tls"         // no certificate, or a handshake that failed
)

// metrics of the server. All children exist from the start.
type metrics struct {
	allocations, connections prometheus.Gauge
	allocated                prometheus.Counter
	refusals                 *prometheus.CounterVec // by reason
	bytes                    *prometheus.CounterVec // by direction
	in, out                  prometheus.Counter     // children of bytes
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		allocations: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "porthole_turn_allocations", Help: "Relays that the embedded TURN server has open.",
		}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "porthole_turn_connections", Help: "TCP connections to the embedded TURN server.",
		}),
		allocated: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "porthole_turn_allocations_created_total", Help: "Relays that the embedded TURN server has opened.",
		}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "porthole_turn_refused_total", Help: "Requests, packets and connections that the embedded TURN server refused, by reason.",
		}, []string{"reason"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "porthole_turn_relayed_bytes_total", Help: "Payload that the embedded TURN server relayed, by direction.",
		}, []string{"direction"}),
	}
	for _, reason := range []string{
		refusedCredentials, refusedExpired, refusedFailures, refusedSession, refusedTotal, refusedRate, refusedPeer,
		refusedConnections, refusedTLS,
	} {
		m.refusals.WithLabelValues(reason)
	}
	m.in, m.out = m.bytes.WithLabelValues("from_client"), m.bytes.WithLabelValues("to_client")
	if registerer == nil {
		return m, nil
	}
	var faults []error
	for _, c := range []prometheus.Collector{m.allocations, m.connections, m.allocated, m.refusals, m.bytes} {
		faults = append(faults, registerer.Register(c))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

func (m *metrics) refused(reason string) { m.refusals.WithLabelValues(reason).Inc() }

func (m *metrics) opened() {
	m.allocations.Inc()
	m.allocated.Inc()
}

func (m *metrics) closed() { m.allocations.Dec() }

func (m *metrics) toPeer(n int) { m.in.Add(float64(n)) }

func (m *metrics) toClient(n int) { m.out.Add(float64(n)) }
