package broadcast

// A stream's readers are called when its viewers are, by a list that is replaced and never edited: the
// publisher looks at as many of them as read, and waits for none.

// addReaderLocked makes r one of the stream's readers.
func (s *stream) addReaderLocked(r *Reader) {
	if s.readers == nil {
		s.readers = make(map[*Reader]struct{})
	}
	s.readers[r] = struct{}{}
	s.b.readers++
	s.refreshTurnsLocked()
	if s.publisher == nil && s.waitersLocked() > 0 {
		s.beginGraceLocked()
	}
	s.arrangeLocked()
	s.changed()
}

// removeReaderLocked takes r away from the stream.
func (s *stream) removeReaderLocked(r *Reader) {
	delete(s.readers, r)
	s.b.readers--
	s.refreshTurnsLocked()
	s.dropIfUnusedLocked()
	s.changed()
}

// refreshReadersLocked works out again which readers are called: the stream's own, and those of
// streams that borrow from it who want to see what viewers see.
func (s *stream) refreshReadersLocked() {
	var called []*Reader
	for r := range s.readers {
		called = append(called, r)
	}
	for borrower := range s.borrowers {
		for r := range borrower.readers {
			if r.cfg.Fallback {
				called = append(called, r)
			}
		}
	}
	s.called.Store(&called)
}

// waitersLocked is how many would wait for a publisher, and end with ErrPublisherGone.
func (s *stream) waitersLocked() int {
	n := len(s.viewers)
	for r := range s.readers {
		if !r.cfg.Stays {
			n++
		}
	}
	return n
}

// wantersLocked is how many a source that works on demand works for.
func (s *stream) wantersLocked() int {
	n := len(s.viewers)
	for r := range s.readers {
		if !r.cfg.Passive {
			n++
		}
	}
	return n
}

// giveUpReadersLocked ends the readers who do not stay and for whom there is nothing to read.
func (s *stream) giveUpReadersLocked() {
	shown := s.lender != nil && s.lender.publisher != nil
	for r := range s.readers {
		if !r.cfg.Stays && s.publisher == nil && !(r.cfg.Fallback && shown) {
			r.end(ErrPublisherGone)
		}
	}
}
