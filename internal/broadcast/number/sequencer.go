// Package number makes one gapless stream of what publishers number as they like: their sequence
// numbers without wrap-around, padding and repeats ([Sequencer]), their timestamps where they make
// sense ([Retimer]), and for each viewer numbers, timestamps ([Rewriter]) and picture ids ([Shift])
// that go on over whatever changes. It is pure: no clock, no locks.
package number

import (
	"math/bits"
	"time"
)

const (
	// MaxReorder is by how much a packet may be late; a larger jump of sequence numbers is a
	// new numbering.
	MaxReorder = 1000
	// MaxTimeJump is by how much a publisher's clock may differ from the time that passed.
	MaxTimeJump = 10 * time.Second
)

// Order says how a packet stands to those before it.
type Order uint8

// The orders.
const (
	Next       Order = iota // the newest so far
	Late                    // older than the newest: reordered or retransmitted
	Renumbered              // the first one of a new numbering
	Empty                   // nothing for viewers: padding only, or what came before
)

// Sequencer unwraps a publisher's sequence numbers. Packets of padding only, as
// browsers send to probe for bandwidth, are taken out of the count, so that
// viewers see no hole where they were. It never gives the same number twice in
// one numbering, whatever comes: viewers' packets are encrypted under it.
type Sequencer struct {
	started bool
	Epoch   uint32
	raw     uint64 // highest number, unwrapped
	offset  uint64 // added to unwrapped numbers; only renumbering changes it
	padded  uint64 // how many were taken out of the count
	seen    recent // what came
	// padding is what was taken out of the count, for packets that arrive after
	// one that was sent later. Padding that arrives late is not among it: packets
	// behind it have their numbers already, and it stays a hole.
	padding recent
	// Missing is how many numbers are missing right in front of the newest one.
	Missing uint64
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

// Place returns the number of a packet for the ring. jumped forces a new numbering.
func (s *Sequencer) Place(number uint16, padding, jumped bool) (uint64, Order) {
	if !s.started {
		if padding {
			return 0, Empty
		}
		s.started = true
		s.raw = sequenceBase + uint64(number)
		s.seen.add(s.raw)
		return s.raw, Next
	}
	diff := int64(int16(number - uint16(s.raw))) //nolint:gosec // serial number arithmetic, RFC 3550 appendix A.1
	if jumped || diff > MaxReorder || diff < -MaxReorder {
		return s.renumber(number, padding)
	}
	raw := uint64(int64(s.raw) + diff) //nolint:gosec // raw is far above maxReorder
	if raw > s.raw {
		s.advance(raw)
		if padding {
			s.padding.add(raw)
			s.padded++
			return 0, Empty
		}
		return raw + s.offset - s.padded, Next
	}
	if s.seen.has(raw) || s.forgotten(raw) {
		return 0, Empty
	}
	s.seen.add(raw)
	if padding {
		return 0, Empty
	}
	return raw + s.offset - s.padded + s.padding.after(raw, s.raw) - s.insertedAfter(raw), Late
}

// Ahead says whether a number is not an older one than the newest.
func (s *Sequencer) Ahead(number uint16) bool {
	diff := int16(number - uint16(s.raw)) //nolint:gosec // serial number arithmetic
	return !s.started || diff > 0 || diff < -MaxReorder
}

// Insert makes room for packets in front of the newest one, whose number, as Place gave
// it, is the first one's now; its own is count higher.
func (s *Sequencer) Insert(count uint64) { s.insertAt(s.raw, count) }

// InsertBeforeHole makes room in front of the numbers that are missing before the newest
// one: theirs, should they come, and its own are count higher. The first of the room is as
// far below what Place gave as numbers are missing.
func (s *Sequencer) InsertBeforeHole(count uint64) { s.insertAt(s.raw-s.Missing, count) }

func (s *Sequencer) insertAt(raw, count uint64) {
	s.offset += count
	s.insertions[s.inserted%maxInsertions] = insertion{raw, count}
	s.inserted++
}

// insertedAfter counts the packets that were inserted in front of those after raw.
func (s *Sequencer) insertedAfter(raw uint64) (count uint64) {
	for _, i := range s.insertions {
		if i.raw > raw {
			count += i.count
		}
	}
	return count
}

// forgotten says whether too much was inserted since to tell the number of a packet.
func (s *Sequencer) forgotten(raw uint64) bool {
	return s.inserted > maxInsertions && raw < s.insertions[s.inserted%maxInsertions].raw
}

// advance makes raw the highest number.
func (s *Sequencer) advance(raw uint64) {
	s.Missing = raw - s.raw - 1
	s.seen.clear(s.raw, raw)
	s.padding.clear(s.raw, raw)
	s.seen.add(raw)
	s.raw = raw
}

// renumber lets the new numbers follow the old ones without a hole.
func (s *Sequencer) renumber(number uint16, padding bool) (uint64, Order) {
	if padding {
		return 0, Empty
	}
	last := s.raw + s.offset - s.padded
	s.Epoch++
	s.raw = sequenceBase + uint64(number)
	s.padded = 0
	s.seen, s.padding = recent{}, recent{}
	s.insertions, s.inserted, s.Missing = [maxInsertions]insertion{}, 0, 0
	s.seen.add(s.raw)
	s.offset = last + 1 - s.raw
	return last + 1, Renumbered
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
