package broadcast

import (
	"porthole/internal/broadcast/number"
)

// ChangeSource says that the packets which follow come from another source (SSRC): another
// encoder, or the same one after a restart. Their numbers and timestamps have nothing to do with
// those before; viewers get them as one gapless stream, from a keyframe on. It is called
// by the layer's writer.
func (l *Layer) ChangeSource() {
	l.changed = true
	l.inFrame = false
	l.retimer = number.NewRetimer(l.cfg.Codec.ClockRate)
	l.retimed.Store(false)
	l.health.began = false
	l.health.order.restart()
	if l.sets != nil {
		l.sets.release() // of a picture that does not come any more
	}
}
