package peer

import (
	"errors"

	"github.com/pion/rtcp"
	"golang.org/x/time/rate"
)

const (
	// heardPerSecond is how many compound packets of a client's RTCP are read, in the
	// long run and at once. Players send some tens a second when they lose a lot; of a
	// flood, the rest costs no more than its decryption.
	heardPerSecond = 300
	heardBurst     = 300
)

func newHeard() *rate.Limiter { return rate.NewLimiter(heardPerSecond, heardBurst) }

// readRTCP hands on what the client says of what it gets. Only what it has signed
// counts against its budget: who forges its address takes nothing from it.
func (l *mediaLink) readRTCP(packet []byte) {
	feedback, c := l.feedback.Load(), l.crypt.Load()
	if feedback == nil || c == nil {
		return
	}
	compound, err := c.openRTCP(packet)
	if errors.Is(err, errTooManySources) {
		l.engine.metrics.sourcesDropped.Inc()
	}
	if err != nil || !l.heard.Allow() {
		return
	}
	packets, err := rtcp.Unmarshal(compound)
	if err == nil && len(packets) > 0 {
		(*feedback)(packets)
	}
}
