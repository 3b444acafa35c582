package bandwidth

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// Errors of Feedback. The feedback has then changed nothing.
var (
	// ErrMalformed is returned for feedback that is no transport-cc feedback.
	ErrMalformed = errors.New("malformed transport-cc feedback")
	// ErrNotSent is returned for feedback on packets that were never sent, or so long
	// ago that they are forgotten.
	ErrNotSent = errors.New("transport-cc feedback on packets that were not sent lately")
)

// Packet status symbols (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1.1).
const (
	notReceived = iota
	smallDelta  // one byte, unsigned
	largeDelta  // two bytes, signed
	reserved
)

const (
	tick        = 250          // µs, the unit of deltas
	ticksPerRef = 64000 / tick // the reference time counts 64 ms
	headerSize  = 8            // base number, count, reference time, feedback count
)

// Feedback takes transport-cc feedback: the feedback control information of an RTCP
// packet of type 205, format 15, which is what follows the two SSRCs. The bytes are
// read in place and not kept. Each costs a bounded time: that of its length and of the
// packets that are remembered.
func (e *Estimator) Feedback(fci []byte, now int64) error {
	if len(fci) < headerSize+2 {
		return ErrMalformed
	}
	base, count := binary.BigEndian.Uint16(fci), binary.BigEndian.Uint16(fci[2:])
	if count == 0 {
		return ErrMalformed
	}
	if count > history || uint16(e.next-1-(base+count-1)) >= e.held {
		return ErrNotSent
	}
	chunks, ok := measure(fci[headerSize:], int(count))
	if !ok {
		return ErrMalformed
	}
	r := reader{
		chunks: fci[headerSize : headerSize+chunks], deltas: fci[headerSize+chunks:],
		arrival: e.clock.reference(uint32(fci[4])<<16 | uint32(fci[5])<<8 | uint32(fci[6])),
	}
	us := now / clockStep
	e.begin(us)
	last := int64(-1)
	for number := base; count > 0; count -= r.len {
		r.next(count)
		for range r.len {
			if r.symbol() == notReceived {
				e.missing(number)
			} else if sent, ok := e.arrived(number, r.arrival*tick, us); ok {
				last = sent
			}
			number++
		}
	}
	e.end(last, us)
	return nil
}

// measure returns how many bytes the chunks of count packets have, and whether those
// and their deltas are there.
func measure(b []byte, count int) (chunks int, ok bool) {
	deltas := 0
	for count > 0 {
		if len(b) < chunks+2 {
			return 0, false
		}
		chunk := binary.BigEndian.Uint16(b[chunks:])
		chunks += 2
		if chunk>>15 == 0 { // run length
			symbol, n := int(chunk>>13), min(int(chunk&0x1fff), count)
			if n == 0 || symbol == reserved {
				return 0, false
			}
			deltas += symbol * n
			count -= n
		} else if chunk>>14 == 0b10 { // fourteen symbols of one bit
			n := min(14, count)
			deltas += bits.OnesCount16(chunk & 0x3fff >> (14 - n))
			count -= n
		} else { // seven symbols of two bits
			n := min(7, count)
			v := chunk & 0x3fff >> (14 - 2*n)
			high, low := v>>1&0x1555, v&0x1555
			if high&low != 0 {
				return 0, false
			}
			deltas += 2*bits.OnesCount16(high) + bits.OnesCount16(low)
			count -= n
		}
	}
	return chunks, len(b)-chunks >= deltas
}

// reader walks through feedback that measure found whole.
type reader struct {
	chunks, deltas []byte
	arrival        int64 // of the last packet, ticks

	len     uint16 // symbols of the chunk
	symbols uint32 // those to come, two bits each, the next one on top
	run     bool   // all are the same
}

// next begins the next chunk, of which at most count symbols count.
func (r *reader) next(count uint16) {
	chunk := binary.BigEndian.Uint16(r.chunks)
	r.chunks = r.chunks[2:]
	switch {
	case chunk>>15 == 0:
		r.run, r.len, r.symbols = true, chunk&0x1fff, uint32(chunk)>>13<<30
	case chunk>>14 == 0b10:
		r.run, r.len, r.symbols = false, 14, spread(chunk&0x3fff)<<4
	default:
		r.run, r.len, r.symbols = false, 7, uint32(chunk)<<18
	}
	r.len = min(r.len, count)
}

// spread puts a zero bit before each of 14 bits.
func spread(chunk uint16) uint32 {
	v := uint32(chunk)
	v = (v | v<<8) & 0x00ff00ff
	v = (v | v<<4) & 0x0f0f0f0f
	v = (v | v<<2) & 0x33333333
	return (v | v<<1) & 0x55555555
}

// symbol takes the next symbol, and its delta.
func (r *reader) symbol() uint32 {
	symbol := r.symbols >> 30
	if !r.run {
		r.symbols <<= 2
	}
	switch symbol {
	case smallDelta:
		r.arrival += int64(r.deltas[0])
		r.deltas = r.deltas[1:]
	case largeDelta:
		r.arrival += int64(int16(binary.BigEndian.Uint16(r.deltas)))
		r.deltas = r.deltas[2:]
	}
	return symbol
}

// arrivals makes one time of the receiver's reference times, which wrap every 12 days.
type arrivals struct {
	known bool
	last  uint32 // 24 bits
	ticks int64
}

// reference returns a reference time in ticks. A feedback that was overtaken has an
// earlier one than that before it.
func (a *arrivals) reference(ref uint32) int64 {
	if !a.known {
		a.known, a.last, a.ticks = true, ref, int64(ref)*ticksPerRef
	}
	steps := int64(int32((ref-a.last)<<8) >> 8)
	a.last = ref
	a.ticks += steps * ticksPerRef
	return a.ticks
}
