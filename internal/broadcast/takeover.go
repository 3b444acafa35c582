package broadcast

import "slices"

// A publisher that comes back, having lost its connection or its goodbye, finds its
// old self still there. It waits until it has something to send, and only then takes
// over: who asks for the stream and does not come, or asks twice, disturbs nobody.
//
//	Publish ─► waiting ─► AddLayer: takes over, the old one ends with ErrReplaced
//	              └─────► the old one leaves: the first of those that wait has the stream

// admitLocked gives p the stream if it is free, or lets p wait for it behind a
// publisher of the same key. It says whether either is possible.
func (s *stream) admitLocked(p *Publisher) bool {
	switch old := s.publisher; {
	case old == nil:
		s.attachLocked(p)
	case p.cfg.Key != "" && p.cfg.Key == old.cfg.Key:
		s.waiting = append(s.waiting, p)
	default:
		return false
	}
	return true
}

// takeOverLocked makes p, which has begun to send, the publisher if it was waiting.
// Viewers notice nothing but the new layers.
func (s *stream) takeOverLocked(p *Publisher) {
	if !s.withdrawLocked(p) {
		return
	}
	old := s.publisher
	old.end(ErrReplaced)
	old.settled.Stop()
	old.silence.Stop()
	s.attachLocked(p)
}

// withdrawLocked lets p wait no more and says whether it did.
func (s *stream) withdrawLocked(p *Publisher) bool {
	i := slices.Index(s.waiting, p)
	if i < 0 {
		return false
	}
	s.waiting = slices.Delete(s.waiting, i, i+1)
	return true
}

// succeedLocked gives the stream, whose publisher has left, to the first of those
// that wait, and says whether there was one.
func (s *stream) succeedLocked() bool {
	if len(s.waiting) == 0 {
		return false
	}
	next := s.waiting[0]
	s.waiting = slices.Delete(s.waiting, 0, 1)
	s.attachLocked(next)
	return true
}
