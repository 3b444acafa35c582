package bandwidth

const (
	relaxAfter = 3_000_000  // µs in which a path has to have carried everything
	relaxAgain = 30_000_000 // and without a limit, if there was one
	baseWindow = 15_000_000 // µs; the lowest delay is that of one to two of these
	clockJump  = 5_000_000  // µs; the delay of no path changes by so much

	busySlack  = 1_000   // µs that a packet must have waited for the one ahead of it
	busyGap    = 80_000  // µs between two packets that are a pause of the path, not its rate
	burstGap   = 4_000   // µs between packets that are not sent together
	busyMin    = 30_000  // µs for which a path must have been busy to be measured
	busyMax    = 150_000 // µs after which a busy path is measured again
	busyBytes  = 5_000   // and what it must have carried
	busySteps  = 4       // and at how many times something must have come
	busyFresh  = 1_500_000
	stoodMin   = 200_000 // µs of a standing queue that say more than a burst
	periodMin  = 50_000  // µs of sending that are looked at together, if a feedback ends
	periodMax  = 100_000
	windowTime = 500_000 // µs over which loss and rate are counted
	windowMin  = 20      // packets
	windowGap  = 2_000_000
)

// delay follows the one-way delay, whose zero nobody knows, and what of it is queue.
type delay struct {
	known    bool
	base     int64    // of an empty path, µs
	low      [2]int64 // lowest of this window, and of that before it
	since    int64    // when this window began, by the sender's clock
	standing int64    // lowest queue of the last period, µs

	jitter  int64  // of packets that followed on no other, µs; mean
	arrival int64  // of the newest packet that arrived, by the receiver's clock, µs
	sent    int64  // when it was sent, µs
	heard   uint16 // newest packet of which anything was told
}

// add takes the delay of a packet and returns how long it queued.
func (d *delay) add(sent, delay int64) (queue int64) {
	off, pause := delay-d.base, sent-d.since > 2*baseWindow // clocks drift apart meanwhile
	if !d.known || pause || off > clockJump || off < -clockJump {
		d.known, d.since = true, sent
		d.rebase(delay)
		return 0
	}
	if sent-d.since > baseWindow {
		d.low[1], d.low[0], d.since = d.low[0], delay, sent
		d.base = min(d.low[0], d.low[1])
	}
	if delay < d.low[0] {
		d.low[0] = delay
		d.base = min(d.base, delay)
	}
	return delay - d.base
}

// rebase takes a delay for that of the empty path.
func (d *delay) rebase(base int64) {
	d.base, d.low = base, [2]int64{base, base}
}

// busy measures what a path carries while it has a queue.
type busy struct {
	bytes, time int64 // since it has been busy; µs by the receiver's clock
	widest      int64 // µs between two packets
	packets     int
	steps       int // arrivals at different times
	capacity    uint64
	at          int64 // when it was measured, µs

	stoodBytes, stoodTime int64 // since a queue stands
}

// add counts a packet that left the queue right behind another, so much later.
func (b *busy) add(size uint16, after, now int64) {
	b.bytes += int64(size)
	b.time += after
	b.packets++
	if after > 0 {
		b.steps++
		b.widest = max(b.widest, after)
	}
	b.stoodBytes += int64(size)
	b.stoodTime += after
	if b.time >= busyMax && b.steady() || b.time >= 2*busyMax {
		b.flush(now)
	}
}

// flush ends a run of such packets.
func (b *busy) flush(now int64) {
	if b.time >= busyMin && b.bytes >= busyBytes && b.steady() {
		rate := uint64(b.bytes * 8_000_000 / b.time)
		if b.capacity != 0 && now-b.at < busyFresh {
			// A long run says more than a short one.
			weight := uint64(min(b.time, busyMax) * 512 / busyMax)
			rate = (rate*weight + b.capacity*(1024-weight)) / 1024
		}
		b.capacity, b.at = rate, now
	}
	b.bytes, b.time, b.widest, b.packets, b.steps = 0, 0, 0, 0, 0
}

// steady reports whether packets came one after the other. A receiver or a radio link
// that stops for a moment, and then has all at once, says little about what a path carries:
// where packets come together, a longer run is needed.
func (b *busy) steady() bool {
	if b.steps*2 >= b.packets {
		return b.steps >= busySteps && b.widest <= b.time/2
	}
	return b.steps >= 2*busySteps && b.time >= busyMax*2/3 && b.widest <= b.time/4
}

// stood returns what the path has carried since a queue stands, in bit/s.
func (b *busy) stood() uint64 { return uint64(b.stoodBytes * 8_000_000 / b.stoodTime) }

// takes returns how long a packet takes by itself, µs.
func (b *busy) takes(size uint16) int64 {
	if b.capacity == 0 {
		return 0
	}
	return int64(size) * 8_000_000 / int64(b.capacity)
}

// fresh returns the capacity if it was measured a moment ago.
func (b *busy) fresh(now int64) uint64 {
	if now-b.at > busyFresh {
		return 0
	}
	return b.capacity
}

// period is what is judged together: packets sent within 100 ms.
type period struct {
	began, ended int64 // when the first and the last was sent, µs
	packets      int
	queue        int64 // lowest, µs
	deepest      int64
	lost         int // while there was a queue
}

// window counts what got through.
type window struct {
	began, ended   int64 // when the first and the last packet was sent, µs
	first, last    int64 // when they arrived, by the receiver's clock, µs
	bytes          int64 // received after the first packet
	received, lost int
	queued         int64 // deepest queue, µs

	acked uint64  // bit/s of the last whole window
	loss  float32 // of the last windows, smoothed
}

// begin prepares for feedback.
func (e *Estimator) begin(now int64) {
	if e.heard == 0 {
		e.first = now
		e.delay = delay{} // round trips of receiver reports are no one-way delays
	} else {
		e.interval += (now - e.heard - e.interval) / 4
	}
	e.heard, e.waiting = now, 0
	e.judge.silence = 0
}

// packet returns a remembered packet.
func (e *Estimator) packet(number uint16) (p *packet, ok bool) {
	return &e.ring[number%history], e.next-1-number < e.held
}

// with returns the bytes of a packet and of what left before it without a number.
func (p *packet) with() int64 { return int64(p.size) + int64(p.skipped)*skipUnit }

// missing notes that a packet has not arrived. It may yet, and is told of again then.
func (e *Estimator) missing(number uint16) {
	p, ok := e.packet(number)
	if !ok || p.fate != unknown {
		return
	}
	p.fate = lost
	e.missed = e.heard
	if e.ahead(number) {
		e.delay.heard = number
	}
	e.window.lost++
	if e.period.packets > 0 && e.period.deepest > queueLow {
		e.period.lost++
	}
	if e.probe.pending {
		e.probe.missing(number)
	}
}

// ahead reports whether a packet is newer than all of which anything was told.
func (e *Estimator) ahead(number uint16) bool {
	return !e.delay.known || int16(number-e.delay.heard) > 0
}

// arrived notes that a packet arrived, and returns when it was sent; ok is false if that was known.
func (e *Estimator) arrived(number uint16, arrival, now int64) (sent int64, ok bool) {
	p, ok := e.packet(number)
	if !ok || p.fate == received {
		return 0, false
	}
	if p.fate == lost {
		e.window.lost = max(e.window.lost-1, 0)
	}
	p.fate = received
	sent = now - int64(uint32(now)-p.sent)
	d := &e.delay
	if !e.ahead(number) {
		// It was overtaken. It counts, but it says nothing of the queue.
		e.window.received++
		e.window.bytes += p.with()
		return sent, true
	}
	next := number == d.heard+1 && d.known && p.skipped == 0
	previous := d.arrival
	queue := d.add(sent, arrival-sent)
	d.heard, d.arrival = number, arrival
	after := arrival - previous
	if next && after >= 0 && after <= busyGap && previous-sent > d.base+busySlack+d.jitter {
		e.busy.add(p.size, after, now)
	} else {
		if after != 0 { // what arrives together may have waited together
			e.busy.flush(now)
		}
		after = -1
		if sent-d.sent >= burstGap {
			d.jitter += (min(max(queue-e.busy.takes(p.size), 0), queueHigh) - d.jitter) / 32
		}
	}
	d.sent = sent
	if e.probe.pending {
		e.probe.arrived(number, p.size, arrival, queue, after)
	}
	e.count(sent, arrival, p.with(), queue, now)
	if e.period.packets > 0 && sent-e.period.began >= periodMax && e.period.packets >= 3 {
		e.close(now)
	}
	e.period.add(sent, queue)
	return sent, true
}

func (p *period) add(sent, queue int64) {
	if p.packets == 0 {
		*p = period{began: sent, queue: queue, deepest: queue}
	}
	p.packets++
	p.ended = sent
	p.queue = min(p.queue, queue)
	p.deepest = max(p.deepest, queue)
}

// count adds a packet to the window.
func (e *Estimator) count(sent, arrival, bytes, queue, now int64) {
	w := &e.window
	if w.received > 0 && sent-w.ended > windowGap {
		*w = window{acked: w.acked, loss: w.loss}
	}
	if w.received > 0 && sent-w.began >= windowTime && w.received+w.lost >= windowMin {
		e.closeWindow(now)
	}
	if w.received == 0 {
		w.began, w.first = sent, arrival
	} else {
		w.bytes += bytes
	}
	w.received++
	w.ended, w.last = sent, max(w.last, arrival)
	w.queued = max(w.queued, queue)
}

// closeWindow ends a window, which had 20 packets and more.
func (e *Estimator) closeWindow(now int64) {
	w := &e.window
	// Packets that a path held back and let go at once did not come that fast.
	span := max(w.ended-w.began, w.last-w.first, windowTime/2)
	acked := uint64(w.bytes * 8_000_000 / span)
	loss := float32(w.lost) / float32(w.lost+w.received)
	done := *w
	e.window = window{acked: acked, loss: w.loss + (loss-w.loss)/2}
	e.judgeWindow(done.began, loss, done.queued, now)
}

// close ends a period and judges it.
func (e *Estimator) close(now int64) {
	p := e.period
	e.period = period{}
	e.delay.standing = p.queue
	e.judgePeriod(p, now)
}

// end closes feedback of which sent is when the last packet was sent that arrived, or -1.
func (e *Estimator) end(sent, now int64) {
	if sent >= 0 {
		e.roundTrip(now - sent)
	}
	if p := &e.period; p.packets >= 3 && p.ended-p.began >= periodMin {
		if e.busy.time >= busyMin {
			e.busy.flush(now)
		}
		e.close(now)
	}
	if e.probe.pending {
		e.judgeProbe(now)
	}
	if e.judge.state != Steady || e.judge.limit != ByApplication {
		e.limited = now
	}
	e.patience = min(silenceMin+2*e.rtt+3*e.interval, silenceMax)
}

// roundTrip takes a measured round trip.
func (e *Estimator) roundTrip(rtt int64) {
	if rtt < 0 {
		return
	}
	if e.rtt == 0 {
		e.rtt = rtt
	}
	e.rtt += (rtt - e.rtt) / 4
}
