package broadcast

// order says how a packet stands to those before it.
type order uint8

const (
	next       order = iota // the newest so far
	late                    // older than the newest: reordered or retransmitted
	renumbered              // the first one of a new numbering
	empty                   // padding only: nothing for viewers
)

// sequencer unwraps a publisher's sequence numbers. Packets of padding only, as
// browsers send to probe for bandwidth, are taken out of the count, so that
// viewers see no hole where they were.
type sequencer struct {
	started bool
	epoch   uint32
	raw     uint64 // highest number, unwrapped
	offset  uint64 // added to unwrapped numbers; only renumbering changes it
	// padding holds the newest padding-only numbers, for packets that arrive
	// after one that was sent later.
	padding [16]uint64
	padded  uint64 // how many there were
}

// sequenceBase leaves room below the first number for packets that arrive late.
const sequenceBase = 1 << 20

// place returns the number of a packet for the ring. jumped forces a new numbering.
func (s *sequencer) place(number uint16, padding, jumped bool) (uint64, order) {
	if !s.started {
		if padding {
			return 0, empty
		}
		s.started = true
		s.raw = sequenceBase + uint64(number)
		return s.raw, next
	}
	diff := int64(int16(number - uint16(s.raw))) //nolint:gosec // serial number arithmetic, RFC 3550 appendix A.1
	if jumped || diff > maxReorder || diff < -maxReorder {
		return s.renumber(number, padding)
	}
	raw := uint64(int64(s.raw) + diff) //nolint:gosec // raw is far above maxReorder
	if padding {
		if raw > s.raw {
			s.raw = raw
		}
		s.padding[s.padded%uint64(len(s.padding))] = raw
		s.padded++
		return 0, empty
	}
	seq := raw + s.offset - s.padded + s.paddingAfter(raw)
	if raw <= s.raw {
		return seq, late
	}
	s.raw = raw
	return seq, next
}

// renumber lets the new numbers follow the old ones without a hole.
func (s *sequencer) renumber(number uint16, padding bool) (uint64, order) {
	if padding {
		return 0, empty
	}
	last := s.raw + s.offset - s.padded
	s.epoch++
	s.raw = sequenceBase + uint64(number)
	s.padded = 0
	s.padding = [16]uint64{}
	s.offset = last + 1 - s.raw
	return last + 1, renumbered
}

// paddingAfter counts the padding packets that were sent after raw but came before.
func (s *sequencer) paddingAfter(raw uint64) uint64 {
	if raw > s.raw {
		return 0
	}
	var n uint64
	for _, p := range s.padding {
		if p > raw {
			n++
		}
	}
	return n
}
