package peer

import (
	"errors"
	"time"

	"github.com/pion/webrtc/v4"

	"porthole/internal/sessioninfo"
)

var _ transportEvents = (*Connection)(nil)

// iceChanged, and the other methods of linkEvents, turn what happens to the
// connection into the session's state, timeline and end.
func (s *Connection) iceChanged(state webrtc.ICEConnectionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.life.ice
	if before == state.String() {
		return // both the agent and superviseConsent have found out
	}
	s.life.ice = state.String()
	s.life.record("ice " + s.life.ice)
	s.engine.metrics.states.ice.WithLabelValues(roleLabel(s.role), s.life.ice).Inc()
	s.logICE(before, s.life.ice)
	s.noteConnection(combine(s.life.ice, s.life.dtls))
	switch state {
	case webrtc.ICEConnectionStateChecking:
		s.enter(sessioninfo.StateConnecting)
	case webrtc.ICEConnectionStateConnected, webrtc.ICEConnectionStateCompleted:
		s.silent.Store(false)
		s.life.iceConnected = true
		if s.life.up {
			s.enter(sessioninfo.StateConnected)
		}
	case webrtc.ICEConnectionStateDisconnected:
		s.silent.Store(true)
		s.enter(sessioninfo.StateDisconnected)
	default:
	}
}

func (s *Connection) dtlsChanged(state webrtc.DTLSTransportState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.dtls = state.String()
	s.life.record("dtls " + s.life.dtls)
	s.noteConnection(combine(s.life.ice, s.life.dtls))
}

func (s *Connection) pairSelected(pair sessioninfo.Pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.pair = &pair
	if s.sink != nil {
		s.sink.follow(pair)
	}
}

func (s *Connection) up() {
	s.mu.Lock()
	if s.life.up || s.ctx.Err() != nil {
		s.mu.Unlock()
		return
	}
	s.life.up = true
	s.life.record("connected")
	s.enter(sessioninfo.StateConnected)
	took := time.Since(s.life.answered)
	s.writable.Store(true)
	s.mu.Unlock()
	if s.ctx.Err() != nil { // end came between the check and the store
		s.writable.Store(false)
	}
	s.engine.metrics.connected(s.role, took)
	close(s.connected)
}

func (s *Connection) down(reason error) {
	s.mu.Lock()
	switch {
	case errors.Is(reason, ErrICEFailed) && !s.life.iceConnected:
		reason = ErrICETimeout
	case errors.Is(reason, ErrRemoteClosed) && !s.life.up:
		// A failed handshake closes the connection too, and may be told first.
		reason = ErrDTLSFailed
	}
	s.mu.Unlock()
	s.end(reason)
}
