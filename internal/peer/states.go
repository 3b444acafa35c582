package peer

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
	"porthole/internal/sessioninfo"
)

// stateMetrics tell in which states sessions are and how they change: our own, that of
// ICE (RTCIceConnectionState) and that of the connection as a whole
// (RTCPeerConnectionState).
type stateMetrics struct {
	sessions   *prometheus.GaugeVec   // by role and state
	ice        *prometheus.CounterVec // by role and state
	connection *prometheus.CounterVec // by role and state
}

func newStateMetrics() *stateMetrics {
	labels := []string{"role", "state"}
	m := &stateMetrics{
		sessions: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "porthole_session_states",
			Help: "Sessions that have an answer and have not ended, by state.",
		}, labels),
		ice: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "porthole_ice_state_changes_total",
			Help: "Changes of the ICE state of sessions, by the state that was entered (RTCIceConnectionState).",
		}, labels),
		connection: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "porthole_connection_state_changes_total",
			Help: "Changes of the connection state of sessions, by the state that was entered (RTCPeerConnectionState).",
		}, labels),
	}
	for _, role := range []negotiate.Role{negotiate.Publish, negotiate.Watch} {
		for state := sessioninfo.StateAnswered; state < sessioninfo.StateClosed; state++ {
			m.sessions.WithLabelValues(roleLabel(role), state.String())
		}
		for state := webrtc.ICEConnectionStateChecking; state <= webrtc.ICEConnectionStateClosed; state++ {
			m.ice.WithLabelValues(roleLabel(role), state.String())
		}
		for state := webrtc.PeerConnectionStateConnecting; state <= webrtc.PeerConnectionStateClosed; state++ {
			m.connection.WithLabelValues(roleLabel(role), state.String())
		}
	}
	return m
}

func (m *stateMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.sessions, m.ice, m.connection}
}

// enter changes the session's state, which only ever ends once. The caller holds mu.
func (s *Connection) enter(state sessioninfo.State) {
	old := s.life.state
	if old == sessioninfo.StateClosed || old == state {
		return
	}
	s.life.state = state
	gauge := s.engine.metrics.states.sessions
	if old != sessioninfo.StateNew {
		gauge.WithLabelValues(roleLabel(s.role), old.String()).Dec()
	}
	if state != sessioninfo.StateClosed {
		gauge.WithLabelValues(roleLabel(s.role), state.String()).Inc()
	}
	if state == sessioninfo.StateConnected || state == sessioninfo.StateDisconnected {
		s.engine.settings.onState(s.id, state)
	}
}

// noteConnection keeps the state of the connection as a whole. The caller holds mu.
func (s *Connection) noteConnection(state webrtc.PeerConnectionState) {
	if s.life.connection == state.String() {
		return
	}
	s.life.connection = state.String()
	s.life.record("connection " + s.life.connection)
	s.engine.metrics.states.connection.WithLabelValues(roleLabel(s.role), s.life.connection).Inc()
}

// combine puts the state of a connection together from those of its parts
//
//	(WebRTC 1.0 section 4.3.3).
func combine(ice, dtls string) webrtc.PeerConnectionState {
	switch {
	case ice == webrtc.ICEConnectionStateClosed.String():
		return webrtc.PeerConnectionStateClosed
	case ice == webrtc.ICEConnectionStateFailed.String() || dtls == webrtc.DTLSTransportStateFailed.String():
		return webrtc.PeerConnectionStateFailed
	case ice == webrtc.ICEConnectionStateDisconnected.String():
		return webrtc.PeerConnectionStateDisconnected
	case ice == "" || ice == webrtc.ICEConnectionStateNew.String():
		return webrtc.PeerConnectionStateNew
	case ice != webrtc.ICEConnectionStateChecking.String() && dtls == webrtc.DTLSTransportStateConnected.String():
		return webrtc.PeerConnectionStateConnected
	default:
		return webrtc.PeerConnectionStateConnecting
	}
}

// logICE tells of a client that goes silent, or comes back: the end of a session is
// told by who runs it. The caller holds mu.
func (s *Connection) logICE(before, now string) {
	log := s.engine.settings.log.With("role", roleLabel(s.role), "ice", now, "before", before)
	if s.life.pair != nil {
		log = log.With("client", s.life.pair.Remote.Address, "path", s.life.pair.Local.Type, "protocol", s.life.pair.Local.Protocol)
	}
	disconnected := webrtc.ICEConnectionStateDisconnected.String()
	switch {
	case now == disconnected:
		log.Info("a client stopped sending", "for", s.engine.settings.timeouts.ICEDisconnected)
	case before == disconnected && now == webrtc.ICEConnectionStateConnected.String():
		log.Info("a client is back")
	default:
		log.Debug("ICE state of a session has changed")
	}
}
