package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/broadcast"
)

// Totals is what a Collector needs of a *broadcast.Broadcaster.
type Totals interface {
	Streams() []broadcast.StreamInfo
	Totals() (totals broadcast.Counters, viewers int)
	Paths() map[broadcast.PathKind]int
}

// Collector turns the broadcaster's counters into metrics at each scrape, so that
// package broadcast counts without knowing Prometheus. It is safe for
// concurrent use. No metric has a stream or a viewer for a label.
type Collector struct {
	source Totals

	streams, viewers                   *prometheus.Desc
	packets, bytes, resent, nacks, pli *prometheus.Desc
	feedback, dropped, probes, paths   *prometheus.Desc
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector makes the metrics of what source counts.
func NewCollector(source Totals) *Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("porthole_"+name, help, labels, nil)
	}
	return &Collector{
		source:   source,
		streams:  desc("streams", "Streams that are live."),
		viewers:  desc("viewers", "Viewers that hold a place, those that are connecting among them."),
		packets:  desc("packets_sent_total", "RTP packets sent to viewers."),
		bytes:    desc("payload_sent_bytes_total", "RTP payload sent to viewers."),
		resent:   desc("packets_resent_total", "RTP packets sent to viewers again because they asked (NACK)."),
		nacks:    desc("nacks_received_total", "NACK packets received from viewers."),
		pli:      desc("keyframe_requests_received_total", "PLI and FIR packets received from viewers."),
		feedback: desc("transport_feedback_received_total", "Transport-wide feedback packets received from viewers."),
		probes:   desc("packets_probing_total", "RTP packets sent to viewers again to find out what their path carries."),
		paths:    desc("viewer_paths", "Viewers by their path: free (it has carried everything), limited (they are sent less for its sake), narrow (not even the lowest picture fits).", "path"),
		dropped:  desc("packets_dropped_total", "RTP packets that a viewer was not sent.", "reason"),
	}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(c, descs)
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
	}
	live := 0
	for _, s := range c.source.Streams() {
		if s.Live {
			live++
		}
	}
	totals, viewers := c.source.Totals()
	send(c.streams, prometheus.GaugeValue, float64(live))
	send(c.viewers, prometheus.GaugeValue, float64(viewers))
	send(c.packets, prometheus.CounterValue, float64(totals.Packets))
	send(c.bytes, prometheus.CounterValue, float64(totals.Bytes))
	send(c.resent, prometheus.CounterValue, float64(totals.Resent))
	send(c.nacks, prometheus.CounterValue, float64(totals.NACKs))
	send(c.pli, prometheus.CounterValue, float64(totals.PLIs))
	send(c.feedback, prometheus.CounterValue, float64(totals.Feedbacks))
	send(c.probes, prometheus.CounterValue, float64(totals.Probes))
	for kind, n := range c.source.Paths() {
		send(c.paths, prometheus.GaugeValue, float64(n), kind.String())
	}
	for _, reason := range broadcast.DropReasons() {
		send(c.dropped, prometheus.CounterValue, float64(totals.Drops[reason]), reason.String())
	}
}
