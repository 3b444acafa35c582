package bandwidth

const (
	queueLow  = 12_000 // µs of queue that are none: jitter, small pictures
	queueHigh = 25_000 // µs of standing queue that are a warning

	burstTime = 600_000   // µs of sending after which a standing queue must become shorter
	drainTime = 250_000   // and then in each such time
	queueDeep = 300_000   // µs of standing queue that are not waited for
	calmTime  = 300_000   // µs without a queue that end a congestion
	quietTime = 1_000_000 // or µs without a long one
	warnTime  = 200_000   // µs that end a warning

	spillTime = 3_000_000 // µs within which
	spillMax  = 3         // bursts with losses in a queue are congestion
	spillGap  = 300_000   // µs that bursts are apart

	lossHigh = 0.12 // share of packets lost without a queue that is looked at
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
	stuck := j.queue.follow(p)
	switch {
	case stuck && j.cut.times >= 4 && p.queue*5 > j.cut.queue*4 && e.window.loss < 0.02:
		// Sending less has not made it shorter. It is the path that became longer, or
		// others fill the queue: what it is now is the new zero.
		e.delay.rebase(e.delay.base + p.queue)
		j.budget = max(j.budget, j.cut.budget)
		j.queue = episode{calm: p.began, quiet: p.began}
		j.cut.times = 0
	case stuck:
		e.congested(ByQueue, p, now)
	case spilled:
		e.congested(ByLoss, p, now)
	case j.state == Congested && j.limit != ByLoss && j.queue.over(p):
		e.relieved(now)
	case j.state == EarlyWarning && j.queue.quiet != 0 && p.ended-j.queue.quiet >= warnTime:
		if full := e.busy.fresh(now) / 100 * 92; full != 0 && (j.budget == 0 || full < j.budget) {
			j.budget, j.full = full, e.busy.capacity
			e.probe.rest(now)
		}
		j.state = Steady
		j.settle()
	case j.state == Steady && (j.queue.standing || p.lost > 0 && p.deepest > queueHigh):
		j.state = EarlyWarning
	}
	j.ceiling = 0
	if j.state == EarlyWarning {
		if full := e.busy.fresh(now); full != 0 {
			j.ceiling, j.full = full/100*92, full
		}
	}
}

// follow takes a period, and reports whether the queue stands and does not drain.
func (q *episode) follow(p period) (stuck bool) {
	switch {
	case p.queue > queueLow:
		q.calm = 0
	case q.calm == 0:
		q.calm = p.began
	}
	switch {
	case p.queue > queueHigh:
		q.quiet = 0
	case q.quiet == 0:
		q.quiet = p.began
	}
	if q.calm != 0 {
		q.standing = false
		return false
	}
	if !q.standing {
		if p.queue > queueHigh {
			q.standing, q.length, q.look = true, p.queue, p.began+burstTime
		}
		return false
	}
	q.length = max(q.length, p.queue)
	if p.queue < queueDeep && p.ended < q.look {
		return false
	}
	stuck = p.queue > queueHigh && p.queue > q.length-q.length/8
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
	if p.lost == 0 || p.deepest < queueHigh {
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

// congested cuts the budget below what came through while the path was full.
func (e *Estimator) congested(why Limit, p period, now int64) {
	j := &e.judge
	carried := e.busy.fresh(now)
	if carried != 0 {
		j.full = carried
	} else {
		carried = e.carried()
	}
	budget := carried / 100 * 85
	if j.budget != 0 {
		budget = min(budget, j.budget)
	}
	j.budget = max(budget, MinBudget)
	if j.state != Congested {
		j.cut = cut{queue: p.queue, budget: j.budget}
		e.probe.disproved(now)
	}
	j.state, j.limit = Congested, why
	if why == ByLoss && e.window.queued > queueHigh {
		j.limit = ByQueue
	}
	j.cut.times++
	j.cut.at = now
	j.shown = 0
	// What was sent until now says nothing about the new budget.
	j.queue.length, j.queue.look = max(p.queue, queueHigh), now+drainTime
}

// relieved ends a congestion.
func (e *Estimator) relieved(now int64) {
	j := &e.judge
	if e.busy.at >= j.cut.at-busyFresh {
		j.full = e.busy.capacity
		j.budget = max(j.budget, j.full/100*92)
	}
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
	if queued > queueHigh {
		l.windows = 0
		return
	}
	if j.state == Steady && loss < lossHigh {
		j.shown = max(j.shown, e.window.acked)
		if j.budget != 0 && j.budget < e.window.acked {
			j.budget = e.window.acked
		}
	}
	if loss < l.floor {
		l.floor += (loss - l.floor) / 16
	}
	if j.state == Congested && j.limit == ByLoss {
		e.judgeLossCut(began, loss, now)
		return
	}
	if loss < l.floor+lossHigh {
		l.windows = 0
		return
	}
	if l.windows++; l.windows >= 2 {
		l.windows, l.before, l.budget = 0, loss, j.budget
		e.congested(ByLoss, period{}, now)
		j.limit = ByLoss
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
		j.budget = l.budget
		e.relieved(now)
	default:
		l.before = loss
		e.congested(ByLoss, period{}, now)
		j.limit = ByLoss
	}
}

// silent notes for how long, beyond patience, nothing has been heard, µs.
func (j *judge) silent(over int64) {
	j.silence = uint8(min(1+over/silenceStep, halvings))
}
