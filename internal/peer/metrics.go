package peer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/egress"
	"porthole/internal/negotiate"
	"porthole/internal/reach"
)

// roleLabel is what a role is called in metrics and in Info.
func roleLabel(role negotiate.Role) string {
	if role == negotiate.Publish {
		return "publisher"
	}
	return "viewer"
}

// metrics of the package. All children exist from the start, so that a rate over
// a counter sees its first increment.
type metrics struct {
	answer, connect *prometheus.HistogramVec // by role
	sessions        *prometheus.GaugeVec     // by role
	ends            *prometheus.CounterVec   // by reason
	relay           *reach.RelayMetrics
	states          *stateMetrics

	media   *prometheus.HistogramVec // by role
	picture prometheus.Histogram

	sourcesDropped prometheus.Counter
	mediaDropped   *prometheus.CounterVec // by reason
	sourceChanges  prometheus.Counter
}

// dropReason says why a publisher's packet came in vain: the label of a metric.
type dropReason string

const (
	dropPayloadType dropReason = "payload_type"
	dropSources     dropReason = "sources"
	dropRival       dropReason = "second_source"
)

// newMetrics registers the metrics; sent tells what became of media packets.
func newMetrics(registerer prometheus.Registerer, sent func() egress.Stats) (*metrics, error) {
	m := &metrics{
		relay: reach.NewRelayMetrics(), states: newStateMetrics(),
		answer: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "porthole_answer_seconds",
			Help:    "Time from an offer to its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2},
		}, []string{"role"}),
		connect: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "porthole_connect_seconds",
			Help:    "Time from an answer to the end of the DTLS handshake.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2, 4, 8, 15},
		}, []string{"role"}),
		media: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "porthole_first_media_seconds",
			Help:    "Time from an offer to the first media packet that came or was sent.",
			Buckets: firstBuckets(),
		}, []string{"role"}),
		picture: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "porthole_first_picture_seconds",
			Help:    "Time from a viewer's offer to the last packet of the first picture that it was sent, a keyframe.",
			Buckets: firstBuckets(),
		}),
		sessions: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "porthole_sessions",
			Help: "Sessions that have an answer and have not ended.",
		}, []string{"role"}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "porthole_sessions_ended_total",
			Help: "Sessions that ended, by reason.",
		}, []string{"reason"}),
		sourcesDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "porthole_feedback_sources_dropped_total",
			Help: "Packets of RTCP dropped because their client had sent as too many sources (SSRCs) before.",
		}),
		mediaDropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "porthole_publisher_packets_dropped_total",
			Help: "Packets of publishers dropped, by reason: payload_type (not that of their track), sources (of too many SSRCs), second_source (of a second SSRC of a track that goes on).",
		}, []string{"reason"}),
		sourceChanges: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "porthole_publisher_source_changes_total",
			Help: "Tracks that went on under another SSRC.",
		}),
	}
	for _, role := range []negotiate.Role{negotiate.Publish, negotiate.Watch} {
		m.answer.WithLabelValues(roleLabel(role))
		m.connect.WithLabelValues(roleLabel(role))
		m.media.WithLabelValues(roleLabel(role))
		m.sessions.WithLabelValues(roleLabel(role))
	}
	for reason := range endReasons {
		m.ends.WithLabelValues(reason.String())
	}
	for _, why := range []dropReason{dropPayloadType, dropSources, dropRival} {
		m.mediaDropped.WithLabelValues(string(why))
	}
	if registerer == nil {
		return m, nil
	}
	var faults []error
	collectors := append(slices.Concat(socketMetrics(sent), m.relay.Collectors(), m.states.collectors()),
		m.answer, m.connect, m.media, m.picture, m.sessions, m.ends,
		m.sourcesDropped, m.mediaDropped, m.sourceChanges)
	for _, c := range collectors {
		faults = append(faults, registerer.Register(c))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

// firstBuckets are in seconds: a good start takes tens of milliseconds, and after some
// seconds people leave.
func firstBuckets() []float64 { return []float64{.025, .05, .1, .25, .5, 1, 2, 4, 8, 15, 30} }

// socketMetrics tell what became of media packets at the socket.
func socketMetrics(stats func() egress.Stats) []prometheus.Collector {
	counter := func(name, help string, labels prometheus.Labels, read func(egress.Stats) uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels},
			func() float64 { return float64(read(stats())) })
	}
	packets := func(result string, read func(egress.Stats) uint64) prometheus.Collector {
		return counter("porthole_socket_packets_total", "Media packets given to the UDP socket in batches, by result.",
			prometheus.Labels{"result": result}, read)
	}
	return []prometheus.Collector{
		packets("sent", func(s egress.Stats) uint64 { return s.Packets }),
		packets("buffer_full", func(s egress.Stats) uint64 { return s.Dropped }),
		packets("refused", func(s egress.Stats) uint64 { return s.Failed }),
		counter("porthole_socket_batches_total", "System calls that sent two media packets or more.",
			nil, func(s egress.Stats) uint64 { return s.Batches }),
	}
}

func (m *metrics) answered(role negotiate.Role, took time.Duration) {
	m.answer.WithLabelValues(roleLabel(role)).Observe(took.Seconds())
	m.sessions.WithLabelValues(roleLabel(role)).Inc()
}

func (m *metrics) connected(role negotiate.Role, took time.Duration) {
	m.connect.WithLabelValues(roleLabel(role)).Observe(took.Seconds())
}

func (m *metrics) ended(role negotiate.Role, reason error) {
	m.sessions.WithLabelValues(roleLabel(role)).Dec()
	m.ends.WithLabelValues(endReasonOf(reason).String()).Inc()
}
