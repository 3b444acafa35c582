package bandwidth

const (
	queueLow  = 12_000 // µs of queue that are none: jitter, small pictures
	queueHigh = 25_000 // µs of standing queue that are a warning

	burstTime = 600_000   // µs of sending after which a standing queue must become shorter
	drainTime = 250_000   // and then in each such time
	queueDeep = 300_000   // µs of standing queue that are not waited for so long
	deepTime  = 200_000   // but this
	calmTime  = 300_000   // µs without a queue that end a congestion
	quietTime = 1_000_000 // or µs without a long one
	warnTime  = 200_000   // µs that end a warning

	cutsMax = 8 // cuts that must have shortened a queue

	spillTime = 3_000_000 // µs within which
	spillMax  = 3         // bursts with losses in a queue are congestion
	spillGap  = 300_000   // µs that bursts are apart

	lossHigh = 0.15 // share of packets lost without a queue that is looked at
	lossMend = 0.7  // what may be left of it after sending less, if that helped
	// lossFloor is the most that is put up with. A path that loses more is taken for a
	// full one, whatever helps.
	lossFloor = 0.25

	silenceMin  = 500_000 // µs without feedback that are noticed, and round trips
	silenceMax  = 3_000_000
	silenceStep = 500_000 // µs after which the budget is halved again
	halvings    = 4
)

// judge makes a verdict of what was measured. Its times are µs of the sender's clock.
type judge struct {
	state   State
	limit   Limit
	budget  uint64 // bit/s; zero: the path has never been congested
	ceiling uint64 // bit/s, during a warning; zero: none
	full    uint64 // bit/s that the path carried while it had a queue; zero: it never had
	shown   uint64 // bit/s that came through without a queue, the most so far
	wanted  uint64 // bit/s that the owner would send if it might
	silence uint8  // how often the budget is halved

	queue episode
	cut   cut
	loss  losses
}

// episode is the time in which a queue stands.
type episode struct {
	standing bool
	length   int64 // of the queue, the longest since it was looked at, µs
	look     int64 // when to look again
	calm     int64 // since when there has been no queue; zero: there is one
	quiet    int64 // since when it has been no warning

	spills  int   // losses in a queue
	spilled int64 // when they were first
	spill   int64 // and last
}

// cut is what was done about a congestion.
type cut struct {
	at     int64  // when the budget was last cut
	times  int    // since the path was steady
	queue  int64  // how long the queue was at the first one, µs
	budget uint64 // after the first one
	relief uint64 // when it is over
}

// losses are those without a queue.
type losses struct {
	floor   float32 // share that is lost whatever is sent
	windows int     // in a row in which more was
	before  float32 // share lost when the budget was cut for it
	budget  uint64  // before that cut
}

// judgePeriod judges what was sent within about 100 ms.
func (e *Estimator) judgePeriod(p period, now int64) {
	j := &e.judge
	spilled := j.spill(p)
	stood := j.queue.standing
	stuck := j.queue.follow(p, e.delay.jitter)
	if !stood && j.queue.standing {
		e.busy.stoodBytes, e.busy.stoodTime = 0, 0
	}
	switch {
	case stuck && j.cut.times >= cutsMax && p.queue*5 > j.cut.queue*4 && e.window.loss < 0.02:
		// Sending less has not made it shorter. It is the path that became longer, or
		// others fill the queue: what it is now is the new zero.
		e.delay.rebase(e.delay.base + p.queue)
		j.budget = max(j.budget, j.cut.budget)
		j.queue = episode{calm: p.began, quiet: p.began}
		j.cut.times = 0
	case stuck:
		e.congested(ByQueue, p, false, now)
	case spilled:
		e.congested(ByQueue, p, false, now)
	case j.state == Congested && j.limit != ByLoss && j.queue.over(p):
		e.relieved(now)
	case j.state == EarlyWarning && j.queue.quiet != 0 && p.ended-j.queue.quiet >= warnTime:
		if full := e.busy.fresh(now) / 100 * 92; full != 0 && (j.budget == 0 || full < j.budget) {
			j.budget, j.full = full, e.busy.capacity
			e.probe.disproved(now)
			e.probe.rest(now)
		}
		j.state = Steady
		j.settle()
	case j.state == Steady && (j.queue.standing || p.lost > 2 && p.deepest > queueHigh) && !e.expected(now):
		j.state = EarlyWarning
	}
	j.ceiling = 0
	if j.state == EarlyWarning {
		if full := e.busy.fresh(now); full != 0 {
			j.ceiling, j.full = full/100*92, full
		}
	}
}

// expected reports whether a queue is that of a picture, on a path that carries as much
// as it did.
func (e *Estimator) expected(now int64) bool {
	j := &e.judge
	return j.budget != 0 && j.full != 0 && e.busy.fresh(now) >= j.full/100*95
}

// follow takes a period, and reports whether the queue stands and does not drain.
// Jitter looks like a queue, and is none.
func (q *episode) follow(p period, jitter int64) (stuck bool) {
	low, high := queueLow+jitter, queueHigh+jitter
	switch {
	case p.queue > low:
		q.calm = 0
	case q.calm == 0:
		q.calm = p.began
	}
	switch {
	case p.queue > high:
		q.quiet = 0
	case q.quiet == 0:
		q.quiet = p.began
	}
	if q.calm != 0 {
		q.standing = false
		return false
	}
	if !q.standing {
		if p.queue > high {
			q.standing, q.length, q.look = true, p.queue, p.began+burstTime
		}
		return false
	}
	q.length = max(q.length, p.queue)
	if p.ended < q.look && (p.queue < queueDeep || p.ended < q.look-burstTime+deepTime) {
		return false
	}
	stuck = p.queue > high && p.queue > q.length-q.length/8
	q.length, q.look = p.queue, p.ended+drainTime
	return stuck
}

// over reports whether a congestion has passed.
func (q *episode) over(p period) bool {
	return q.calm != 0 && p.ended-q.calm >= calmTime || q.quiet != 0 && p.ended-q.quiet >= quietTime
}

// spill counts losses in a queue: one burst may be too much for it, several are
// congestion.
func (j *judge) spill(p period) bool {
	q := &j.queue
	if p.lost < 3 || p.lost*8 < p.packets || p.deepest < queueHigh {
		return false
	}
	if p.ended-q.spill < spillGap {
		return false
	}
	if p.ended-q.spilled > spillTime {
		q.spills, q.spilled = 0, p.ended
	}
	q.spill = p.ended
	q.spills++
	if q.spills < spillMax {
		return false
	}
	q.spills = 0
	return true
}

// congested cuts the budget below what came through while the path was full. What a
// short burst of ours got is more than a shared path has for us: while a queue stood
// is better, and where there is none, all that arrived.
func (e *Estimator) congested(why Limit, p period, lossy bool, now int64) {
	j := &e.judge
	carried := e.busy.fresh(now)
	if carried != 0 {
		j.full = carried
	}
	switch {
	case lossy || carried == 0:
		carried = e.carried()
	case e.busy.stoodTime >= stoodMin:
		carried = e.busy.stood()
	}
	e.busy.stoodBytes, e.busy.stoodTime = 0, 0
	budget, relief := carried/100*85, carried/100*92
	if j.budget != 0 {
		budget, relief = min(budget, j.budget), min(relief, j.budget)
	}
	j.budget = max(budget, MinBudget)
	if j.state != Congested {
		j.cut = cut{queue: p.queue, budget: j.budget}
		e.probe.disproved(now)
	}
	j.cut.relief = relief
	j.state, j.limit = Congested, why
	j.cut.times++
	j.cut.at = now
	j.shown = 0
	// What was sent until now says nothing about the new budget.
	j.queue.length, j.queue.look = max(p.queue, queueHigh), now+drainTime
	j.queue.calm, j.queue.quiet = 0, 0
}

// relieved ends a congestion.
func (e *Estimator) relieved(now int64) {
	j := &e.judge
	j.budget = max(j.budget, j.cut.relief)
	j.state = Steady
	j.queue.spills = 0
	j.settle()
	e.probe.rest(now)
}

// settle says what limits a path that is steady.
func (j *judge) settle() {
	j.limit = ByApplication
	if j.budget != 0 && j.budget < j.wanted {
		j.limit = ByProbing
	}
}

// judgeWindow judges what was sent within half a second, beginning at began.
func (e *Estimator) judgeWindow(began int64, loss float32, queued, now int64) {
	j, l := &e.judge, &e.judge.loss
	full := queued > queueHigh
	if !full && loss < lossHigh {
		if j.state == Steady {
			j.shown = max(j.shown, e.window.acked)
			if j.budget != 0 && j.full == 0 {
				j.budget = max(j.budget, e.window.acked)
			}
		}
		l.floor += (loss - l.floor) / 16
	}
	if j.state == Congested && j.limit == ByLoss {
		if !full {
			e.judgeLossCut(began, loss, now)
			return
		}
		j.limit = ByQueue
	}
	if loss < l.floor+lossHigh {
		l.windows = 0
		return
	}
	if l.windows++; l.windows >= 4 || l.windows >= 2 && !full {
		l.windows, l.before, l.budget = 0, loss, j.budget
		why := ByLoss
		if full {
			why = ByQueue
		}
		e.congested(why, period{queue: e.delay.standing}, true, now)
	}
}

// judgeLossCut looks whether sending less has mended losses without a queue.
func (e *Estimator) judgeLossCut(began int64, loss float32, now int64) {
	j, l := &e.judge, &e.judge.loss
	switch {
	case began < j.cut.at: // sent before
	case loss < l.floor+lossHigh/2:
		e.relieved(now)
	case loss > l.before*lossMend && loss < lossFloor:
		// It is the path, not what is sent on it.
		l.floor = loss
		j.budget, j.cut.relief = l.budget, 0
		e.relieved(now)
	default:
		l.before = loss
		e.congested(ByLoss, period{}, true, now)
	}
}

// silent notes for how long, beyond patience, nothing has been heard, µs.
func (j *judge) silent(over int64) {
	j.silence = uint8(min(1+over/silenceStep, halvings))
}
