package whep

import (
	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/peer"
)

// sink is a viewer's connection as its stream sees it: a client from which nothing
// comes is one that takes no packets. When it is back, it goes on at a keyframe.
type sink struct{ *peer.Connection }

// WriteRTP implements broadcast.Sink.
func (s sink) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	n, err := s.Connection.WriteRTP(h, payload)
	if err == peer.ErrSilent { //nolint:errorlint // documented to be returned as it is; hot path
		return 0, broadcast.ErrSinkFull
	}
	return n, err //nolint:wrapcheck // the heart counts errors, and reads none of them
}
