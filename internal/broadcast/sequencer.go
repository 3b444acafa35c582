package broadcast

import "math/bits"

// order says how a packet stands to those before it.
type order uint8

const (
	next       order = iota // the newest so far
	late                    // older than the newest: reordered or retransmitted
	renumbered              // the first one of a new numbering
	empty                   // nothing for viewers: padding only, or what came before
)

// sequencer unwraps a publisher's sequence numbers. Packets of padding only, as
// browsers send to probe for bandwidth, are taken out of the count, so that
// viewers see no hole where they were. It never gives the same number twice in
// one numbering, whatever comes: viewers' packets are encrypted under it.
type sequencer struct {
	started bool
	epoch   uint32
	raw     uint64 // highest number, unwrapped
	offset  uint64 // added to unwrapped numbers; only renumbering changes it
	padded  uint64 // how many were taken out of the count
	seen    recent // what came
	// padding is what was taken out of the count, for packets that arrive after
	// one that was sent later. Padding that arrives late is not among it: packets
	// behind it have their numbers already, and it stays a hole.
	padding recent
	// missing is how many numbers are missing right in front of the newest one.
	missing uint64
	// insertions are the newest packets in front of which room was made.
	insertions [maxInsertions]insertion
	inserted   uint64 // how many there were, in this numbering
}

// insertion is room for packets that the publisher did not send.
type insertion struct{ raw, count uint64 }

// maxInsertions bounds what is known of them: one for each keyframe of some seconds.
const maxInsertions = 64

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
		s.seen.add(s.raw)
		return s.raw, next
	}
	diff := int64(int16(number - uint16(s.raw))) //nolint:gosec // serial number arithmetic, RFC 3550 appendix A.1
	if jumped || diff > maxReorder || diff < -maxReorder {
		return s.renumber(number, padding)
	}
	raw := uint64(int64(s.raw) + diff) //nolint:gosec // raw is far above maxReorder
	if raw > s.raw {
		s.advance(raw)
		if padding {
			s.padding.add(raw)
			s.padded++
			return 0, empty
		}
		return raw + s.offset - s.padded, next
	}
	if s.seen.has(raw) || s.forgotten(raw) {
		return 0, empty
	}
	s.seen.add(raw)
	if padding {
		return 0, empty
	}
	return raw + s.offset - s.padded + s.padding.after(raw, s.raw) - s.insertedAfter(raw), late
}

// ahead says whether a number is not an older one than the newest.
func (s *sequencer) ahead(number uint16) bool {
	diff := int16(number - uint16(s.raw)) //nolint:gosec // serial number arithmetic
	return !s.started || diff > 0 || diff < -maxReorder
}

// insert makes room for packets in front of the newest one, whose number, as place gave
// it, is the first one's now; its own is count higher.
func (s *sequencer) insert(count uint64) { s.insertAt(s.raw, count) }

// insertBeforeHole makes room in front of the numbers that are missing before the newest
// one: theirs, should they come, and its own are count higher. The first of the room is as
// far below what place gave as numbers are missing.
func (s *sequencer) insertBeforeHole(count uint64) { s.insertAt(s.raw-s.missing, count) }

func (s *sequencer) insertAt(raw, count uint64) {
	s.offset += count
	s.insertions[s.inserted%maxInsertions] = insertion{raw, count}
	s.inserted++
}

// insertedAfter counts the packets that were inserted in front of those after raw.
func (s *sequencer) insertedAfter(raw uint64) (count uint64) {
	for _, i := range s.insertions {
		if i.raw > raw {
			count += i.count
		}
	}
	return count
}

// forgotten says whether too much was inserted since to tell the number of a packet.
func (s *sequencer) forgotten(raw uint64) bool {
	return s.inserted > maxInsertions && raw < s.insertions[s.inserted%maxInsertions].raw
}

// advance makes raw the highest number.
func (s *sequencer) advance(raw uint64) {
	s.missing = raw - s.raw - 1
	s.seen.clear(s.raw, raw)
	s.padding.clear(s.raw, raw)
	s.seen.add(raw)
	s.raw = raw
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
	s.seen, s.padding = recent{}, recent{}
	s.insertions, s.inserted, s.missing = [maxInsertions]insertion{}, 0, 0
	s.seen.add(s.raw)
	s.offset = last + 1 - s.raw
	return last + 1, renumbered
}

// recentNumbers is more than maxReorder, so that every number which is not a jump
// has a bit of its own.
const recentNumbers = 1024

// recent is a set of the newest numbers.
type recent [recentNumbers / 64]uint64

func (r *recent) add(n uint64) { r[n/64%uint64(len(r))] |= 1 << (n % 64) }

func (r *recent) has(n uint64) bool { return r[n/64%uint64(len(r))]&(1<<(n%64)) != 0 }

// clear takes out the numbers above from, up to and with to, which have become the
// newest: their bits are those of numbers long gone.
func (r *recent) clear(from, to uint64) {
	for n := from + 1; n <= to; n++ {
		r[n/64%uint64(len(r))] &^= 1 << (n % 64)
	}
}

// after counts the numbers above n, up to newest.
func (r *recent) after(n, newest uint64) (count uint64) {
	for n++; n <= newest; n = (n | 63) + 1 {
		word := r[n/64%uint64(len(r))] >> (n % 64)
		if rest := newest - n; rest < 63 {
			word &= 1<<(rest+1) - 1
		}
		count += uint64(bits.OnesCount64(word)) //nolint:gosec // not negative
	}
	return count
}
