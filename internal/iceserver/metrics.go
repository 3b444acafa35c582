package iceserver

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// The results of a probe, as labels.
const (
	probeOK     = "ok"
	probeFailed = "failed"
)

// metrics of the prober. The label "server" is a URL without credentials; there
// are as many as the operator configured.
type metrics struct {
	probes        *prometheus.CounterVec // by result
	up, rtt, loss *prometheus.GaugeVec   // by server
	changes       prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer, servers []Server) (*metrics, error) {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"server"})
	}
	m := &metrics{
		probes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "porthole_stun_probes_total",
			Help: "Questions to STUN and TURN servers, by result.",
		}, []string{"result"}),
		up:   gauge("porthole_ice_server_up", "Whether the STUN or TURN server answered the last question."),
		rtt:  gauge("porthole_ice_server_rtt_seconds", "Smoothed round-trip time to the STUN or TURN server."),
		loss: gauge("porthole_ice_server_loss_ratio", "Share of the last 32 requests to the server that were not answered in time."),
		changes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "porthole_mapped_address_changes_total",
			Help: "How often a server saw the media socket under another address than before.",
		}),
	}
	for _, result := range []string{probeOK, probeFailed} {
		m.probes.WithLabelValues(result)
	}
	for _, s := range servers {
		for _, g := range []*prometheus.GaugeVec{m.up, m.rtt, m.loss} {
			g.WithLabelValues(s.URL())
		}
	}
	if registerer == nil {
		return m, nil
	}
	var faults []error
	for _, c := range []prometheus.Collector{m.probes, m.up, m.rtt, m.loss, m.changes} {
		faults = append(faults, registerer.Register(c))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

// update shows what became of a question.
func (m *metrics) update(r *record, ok bool) {
	up, result := 0.0, probeFailed
	if ok {
		up, result = 1, probeOK
	}
	url := r.server.URL()
	m.probes.WithLabelValues(result).Inc()
	m.up.WithLabelValues(url).Set(up)
	m.rtt.WithLabelValues(url).Set(r.rtt.Seconds())
	m.loss.WithLabelValues(url).Set(r.loss())
}
