// Package bandwidth estimates, at the sender, what one network path carries. Whoever
// sends on the path says so for every packet, hands in what the receiver reports, and
// asks for a [Verdict]: is the path congested, and how much may be sent on it.
//
//	Sent ──► ring of packets ◄── Feedback (transport-cc)
//	              │
//	              ├─► delay: how long packets wait in the path's queue
//	              ├─► capacity: how fast they leave it while it is never empty
//	              ├─► loss: with a queue, and without
//	              ▼
//	           judge ──► Verdict: state, budget, what limits
//
// The method in short. The lowest one-way delay of the last half minute is that of an
// empty path; what a packet takes longer is the queue. Pictures come in bursts, so a
// queue behind a picture is normal. One that is there in a whole period of 100 ms is
// looked at (early warning), and one that does not drain is congestion. A packet that
// was sent before the one ahead of it had left the queue was sent by the path as soon
// as it could be: runs of such packets measure the capacity, and the budget becomes a
// part of it. Loss counts when it comes with a queue, or when sending less mends it.
// A budget never rises by itself. It is raised by probes: a few packets more, faster,
// whose spacing at the receiver tells what the path carries.
//
// Receivers without transport-cc are judged by their receiver reports and REMB.
//
// The package knows no packets, sockets or clocks. An [Estimator] has no lock and
// starts no goroutine: its owner calls one method at a time. No method allocates.
package bandwidth

import "time"

const (
	// MinBudget is what is always allowed, in bit/s: sound, and enough packets to
	// notice that a path has recovered.
	MinBudget = 50_000
	// DefaultInitial is what may be sent on a path of which nothing is known, in bit/s.
	DefaultInitial = 10_000_000

	// history is how many sent packets are remembered: 4 s of a stream of 2.5 Mbit/s.
	history = 1024
	// clockStep is what a time in nanoseconds is divided by: the estimator counts in
	// microseconds.
	clockStep = 1000
)

// State is how a path is doing.
type State uint8

// The states.
const (
	Steady       State = iota // nothing is known against sending the budget
	EarlyWarning              // a queue is building up: send no probes, and repeat only what matters
	Congested                 // more was sent than the path carries
)

func (s State) String() string {
	return [...]string{"steady", "early-warning", "congested"}[s]
}

// Limit is what holds a budget where it is.
type Limit uint8

// The limits.
const (
	ByApplication Limit = iota // nothing: the path has carried all that was sent
	ByQueue                    // packets queue up, or did until a moment ago
	ByLoss                     // packets get lost that would not if fewer were sent
	ByREMB                     // the receiver asked for no more
	ByProbing                  // the path was congested; probes have not shown yet that it carries more
	BySilence                  // the receiver tells nothing of what is sent
)

func (l Limit) String() string {
	return [...]string{"application", "queue", "loss", "remb", "probing", "silence"}[l]
}

// Verdict is what an estimator makes of a path.
type Verdict struct {
	State State
	Limit Limit
	// Budget is how much may be sent, in bit/s, of all that goes through Sent: media,
	// repeated packets and probes together.
	Budget uint64
	// Capacity is how fast packets came through when the path was last full, in bit/s,
	// or zero if it never was, or carries more by now.
	Capacity uint64
	// Pace is how fast the packets of a picture may follow one another, in bit/s, or zero
	// if that does not matter. It is a tenth less than the path carries: sound goes
	// between, and a queue can drain.
	Pace uint64
	// RTT is the round trip with the queue in it, zero while it is not known.
	RTT time.Duration
	// Queue is how long a packet waits that follows on no other: what does not drain
	// between pictures.
	Queue time.Duration
	// Loss is the share of packets lost lately, from 0 to 1.
	Loss float32
}

// Estimator is the estimate of one path. Its zero value is ready. It is not safe for
// concurrent use. All times are nanoseconds of one monotonic clock, greater than zero.
type Estimator struct {
	// Initial is what may be sent before anything is known, in bit/s; zero means
	// DefaultInitial. Set it before the first packet, to twice what the stream needs:
	// what is held back at first is held back for nothing on most paths.
	Initial uint64

	next      uint16 // number of the next packet
	held      uint16 // packets in ring
	skipped   int    // bytes that left without a number since the last packet that had one
	sentBytes uint64
	waiting   int64 // since when nothing was heard of packets sent, µs; zero: nothing is out
	patience  int64 // how long that may take, µs; zero: there has been no feedback

	rtt      int64 // smoothed, µs
	interval int64 // between feedback packets, smoothed, µs
	heard    int64 // when the last feedback came, µs
	first    int64 // and the first one
	missed   int64 // when it last told of a packet that was lost
	limited  int64 // and when something limited what is sent; zero: never

	clock   arrivals
	delay   delay
	busy    busy
	period  period
	window  window
	judge   judge
	probe   probe
	reports reports

	ring [history]packet
}

// packet is one sent packet, of eight bytes.
type packet struct {
	sent uint32 // µs, wraps
	size uint16 // bytes
	fate fate
	// skipped is what left without a number right before it, in units of skipUnit, rounded up.
	skipped uint8
}

const skipUnit = 1024

// fate is what is known of a packet.
type fate uint8

const (
	unknown fate = iota
	received
	lost
)

// Sent notes a packet of size bytes that is being sent, and returns its transport-wide
// number. Sizes may be counted with headers or without, always alike: budgets are in
// the same measure.
func (e *Estimator) Sent(size int, now int64) (number uint16) {
	us := now / clockStep
	number = e.next
	e.next++
	e.ring[number%history] = packet{
		sent: uint32(us), size: uint16(min(size, 1<<16-1)), skipped: uint8(min((e.skipped+skipUnit-1)/skipUnit, 255)),
	}
	e.skipped = 0
	e.held = min(e.held+1, history)
	e.sentBytes += uint64(size)
	if e.waiting == 0 {
		e.waiting = us
	} else if e.patience != 0 && us-e.waiting > e.patience {
		e.judge.silent(us - e.waiting - e.patience)
	}
	if e.probe.open {
		e.probe.sent(number, size, us)
	}
	return number
}

// Skip notes a packet of size bytes that is being sent without a number, so that nothing will be told of it.
func (e *Estimator) Skip(size int) {
	e.skipped += size
	e.sentBytes += uint64(size)
}

// Relaxed reports whether it does to number some of the packets, several times a second a few in a row: the path has
// carried all for a while, without a queue and without losses. Each packet with a number is
// one that the receiver reports on, and each report costs both sides as much as several packets of media.
func (e *Estimator) Relaxed(now int64) bool {
	us, j := now/clockStep, &e.judge
	return e.heard != 0 && us-e.first > relaxAfter && us-e.missed > relaxAfter &&
		(e.limited == 0 || us-e.limited > relaxAgain) && !j.queue.standing && j.silence == 0 && e.reports.remb == 0 && !e.probe.pending
}

// Next returns the number that the next packet will have.
func (e *Estimator) Next() uint16 { return e.next }

// Verdict returns what is known now.
func (e *Estimator) Verdict() Verdict {
	j := &e.judge
	v := Verdict{
		State: j.state, Limit: j.limit, Budget: j.budget,
		Capacity: j.full,
		RTT:      time.Duration(e.rtt) * time.Microsecond,
		Queue:    time.Duration(e.delay.standing) * time.Microsecond,
		Loss:     e.window.loss,
	}
	if v.Budget == 0 {
		v.Limit = ByApplication
		v.Budget = max(e.initial(), 2*j.shown)
	}
	if j.state == EarlyWarning && j.ceiling != 0 && j.ceiling < v.Budget {
		v.Budget, v.Limit = j.ceiling, ByQueue
	}
	if remb := e.reports.remb; remb != 0 && remb < v.Budget {
		v.Budget, v.Limit = remb, ByREMB
	}
	if j.silence > 0 {
		// What was carried before is all that is known: half of it, and half again.
		v.State, v.Limit = Congested, BySilence
		v.Budget = min(v.Budget, e.carried()) >> j.silence
	}
	v.Budget = max(v.Budget, MinBudget)
	switch {
	case v.State != Steady || v.Limit == ByREMB:
		v.Pace = v.Budget / 10 * 9
	case v.Capacity != 0:
		v.Pace = v.Capacity / 10 * 9
	case v.Limit == ByProbing:
		v.Pace = v.Budget
	}
	return v
}

func (e *Estimator) initial() uint64 {
	if e.Initial == 0 {
		return DefaultInitial
	}
	return e.Initial
}

// carried returns how many bits a second came through lately, the most that is known.
func (e *Estimator) carried() uint64 {
	if e.window.acked == 0 {
		return e.initial()
	}
	return e.window.acked
}
