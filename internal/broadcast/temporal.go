package broadcast

import "porthole/internal/codec"

// temporalLayers tells which temporal layer packets are of, for those who thin a stream out. It
// is the writer's.
type temporalLayers struct {
	read    func([]byte) (codec.Temporal, bool) // nil: the codec's packets say nothing of it
	late    func([]byte) (codec.Temporal, bool) // of pictures that were left behind
	current uint8                               // of the picture that is being written, as Packet.Temporal
}

func newTemporalLayers(cfg LayerConfig) temporalLayers {
	return temporalLayers{
		read: codec.TemporalReader(cfg.Codec, cfg.TemporalLayers),
		late: codec.TemporalReader(cfg.Codec, cfg.TemporalLayers),
	}
}

// temporalSync is the bit of Packet.Temporal that is codec.Temporal.Sync; the rest is its ID.
const temporalSync = 0x80

func packTemporal(t codec.Temporal) uint8 {
	if t.Sync {
		return t.ID | temporalSync
	}
	return t.ID
}

// unpackTemporal is what packTemporal was given.
func unpackTemporal(packed uint8) codec.Temporal {
	return codec.Temporal{ID: packed &^ temporalSync, Sync: packed&temporalSync != 0}
}

// of returns what Packet.Temporal is: of a picture's first packet what it says itself, of others what
// the first one said. What tells nothing, such as parameter sets on their own, is of layer 0: sent.
func (l *temporalLayers) of(payload []byte, start, current bool) uint8 {
	switch {
	case l.read == nil:
		return 0
	case start:
		t, _ := l.read(payload)
		l.current = packTemporal(t)
	case !current:
		t, _ := l.late(payload)
		return packTemporal(t)
	}
	return l.current
}

// rateUpTo returns the bits per second of a temporal layer and those below it, as a rule.
func (l *Layer) rateUpTo(id uint8) uint64 {
	return l.rates[min(id, codec.MaxTemporalID)].Load()
}

// topTemporal returns the highest temporal layer that was sent in the last second: 0 where
// there is nothing to thin out.
func (l *Layer) topTemporal() uint8 { return uint8(l.top.Load()) } //nolint:gosec // at most codec.MaxTemporalID
