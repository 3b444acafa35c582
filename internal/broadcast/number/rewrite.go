package number

import (
	"math/rand/v2"
	"time"
)

// foldShift is by how much timestamps before the live edge are squeezed when a
// viewer starts from the ring: 4 s of history look like 125 ms. The player then
// decodes the history as fast as it comes and is live, with no delay kept.
const foldShift = 5

// Rewriter gives one viewer's track sequence numbers and timestamps of its own.
//
// A viewer must see one gapless stream whatever happens upstream: packets that
// were dropped on purpose leave no hole (a hole would be chased with NACKs),
// another layer or publisher continues where the last one ended. Packets lost
// before they came to us do leave a hole, because the player has to know that
// its picture is broken. It is pure: no clock, no locks.
type Rewriter struct {
	ClockRate uint32 // of the input, in Hz

	started   bool
	firstSeq  uint64 // input sequence number at which the current run began
	outFirst  uint64 // its output number
	outMax    uint64 // highest output number given
	tsOffset  uint32 // output timestamp = input + tsOffset
	foldAt    uint32 // input timestamp of the live edge when the run began; earlier ones are squeezed against it
	lastTS    uint32 // output timestamp of the newest packet
	lastNanos int64  // when that was
}

// NewRewriter starts at random numbers, as RFC 3550 section 5.1 asks for.
func NewRewriter(clockRate uint32) Rewriter {
	return Rewriter{
		ClockRate: clockRate,
		outMax:    uint64(rand.Uint32N(1<<15)) + 1<<16, // room below for late packets
		tsOffset:  rand.Uint32(),
	}
}

// Resume begins a new run at the packet with the given input numbers, within one
// layer: the next output sequence number follows the last one, the timestamps go
// on as they were. Timestamps before live, the input timestamp of the newest
// packet, are squeezed against it: the run looks as if it had happened just now.
func (r *Rewriter) Resume(seq uint64, live uint32) {
	r.run(seq)
	if int32(live-r.foldAt) > 0 { //nolint:gosec // serial number arithmetic
		r.foldAt = live
	}
}

func (r *Rewriter) run(seq uint64) {
	r.firstSeq = seq
	r.outFirst = r.outMax + 1
}

// Change begins a new run at the first packet of another layer or publisher,
// whose clock has nothing to do with the last one's: the timestamp moves on by
// the time that really passed.
func (r *Rewriter) Change(seq uint64, timestamp, live uint32, now int64) {
	r.run(seq)
	r.foldAt = live
	if !r.started {
		return
	}
	elapsed := uint32(max(now-r.lastNanos, 0) / 1000 * int64(r.ClockRate) / 1_000_000)
	r.tsOffset = r.lastTS - r.squeeze(timestamp) + max(elapsed, 1)
	// The newest packet, not the first one, is what happens now; but time must
	// not go backwards for a viewer.
	if history := live - r.squeeze(timestamp); int32(history) > 0 && history < elapsed { //nolint:gosec // serial number arithmetic
		r.tsOffset -= history
	}
}

// Number returns the viewer's numbers for a packet; seq is the output sequence
// number without wrap-around. ok is false for a packet from before the current
// run: its number is taken.
func (r *Rewriter) Number(in uint64, timestamp uint32) (seq uint64, outTS uint32, ok bool) {
	if in < r.firstSeq {
		return 0, 0, false
	}
	return r.outFirst + (in - r.firstSeq), r.Timestamp(timestamp), true
}

// Sent notes that a packet with these numbers went out.
func (r *Rewriter) Sent(seq uint64, timestamp uint32, now int64) {
	if seq > r.outMax || !r.started {
		r.started = true
		r.outMax, r.lastTS, r.lastNanos = seq, timestamp, now
	}
}

// OutMax returns the highest output sequence number that was sent.
func (r *Rewriter) OutMax() uint64 { return r.outMax }

// LastSent returns when the newest packet was sent; ok is false before the first.
func (r *Rewriter) LastSent() (nanos int64, ok bool) { return r.lastNanos, r.started }

// Behind returns how far an output timestamp is behind the newest one, as time.
func (r *Rewriter) Behind(timestamp uint32) time.Duration {
	return time.Duration(int32(r.lastTS-timestamp)) * time.Second / time.Duration(r.ClockRate) //nolint:gosec // serial number arithmetic
}

// Timestamp maps an input timestamp of the current run to the viewer's.
func (r *Rewriter) Timestamp(in uint32) uint32 { return r.squeeze(in) + r.tsOffset }

// squeeze moves an input timestamp from before the live edge close to it.
func (r *Rewriter) squeeze(in uint32) uint32 {
	if before := int32(r.foldAt - in); before > 0 { //nolint:gosec // serial number arithmetic
		return r.foldAt - uint32(before)>>foldShift
	}
	return in
}
