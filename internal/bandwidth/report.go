package bandwidth

import "time"

const (
	reportGap   = 200_000 // µs that reports must be apart to be judged
	reportQueue = 60_000  // µs by which the round trip must grow to be a queue
	reportDeep  = 150_000 // and to be one without losses
	reportGrow  = 8       // per cent a second by which a budget grows
	reportReach = 10      // half times what is sent, to which it grows: rungs are far apart
	reportRest  = 30_000_000
	reportMend  = 3_000_000 // µs that sending less has to show what it mends
)

// reports is what receivers without transport-cc tell.
type reports struct {
	at    int64 // when the last one came, µs
	bytes uint64
	remb  uint64 // bit/s; zero: none
	asked uint64 // what it was when it was last probed

	cutAt, rest int64 // when the budget was cut, and how long it then stays, µs
}

// Report takes the reception report of an RTCP receiver report (RFC 3550, section
// 6.4.1): the fraction lost, in 256ths, and the round trip made of LSR and DLSR, or zero.
// It is judged only of a receiver that sends no transport-cc feedback, which tells more.
func (e *Estimator) Report(fractionLost uint8, rtt time.Duration, now int64) {
	if e.heard != 0 {
		return
	}
	us, r := now/clockStep, &e.reports
	since := max(us-r.at, 1)
	if r.at != 0 && since < reportGap {
		return
	}
	sent := (e.sentBytes - r.bytes) * 8_000_000 / uint64(since)
	first := r.at == 0
	r.at, r.bytes = us, e.sentBytes
	queue := int64(0)
	if rtt > 0 {
		e.roundTrip(rtt.Microseconds())
		queue = e.delay.add(us, rtt.Microseconds())
		// What still queues has not come through.
		sent = sent * uint64(since) / uint64(since+max(queue-e.delay.standing, 0))
		e.delay.standing = queue
	}
	loss := float32(fractionLost) / 256
	e.window.loss += (loss - e.window.loss) / 2
	if first {
		return
	}
	e.judgeReport(sent, loss, queue, since)
}

func (e *Estimator) judgeReport(sent uint64, loss float32, queue, since int64) {
	j, r := &e.judge, &e.reports
	got := sent - uint64(float32(sent)*loss)
	e.window.acked = got
	switch {
	case queue <= reportQueue && loss > lossHigh && e.window.loss > lossHigh && !e.reportedLoss(loss):
		// The path loses as much whatever is sent, or has not had the time to show.
	case queue > reportDeep || queue > reportQueue && loss > 0.02 || loss > lossHigh && e.window.loss > lossHigh:
		if r.rest = 2 * r.rest; r.rest < probeFirst {
			r.rest = probeFirst
		}
		r.rest, r.cutAt = min(r.rest, reportRest), r.at
		budget := got / 100 * 85
		if j.budget != 0 {
			budget = min(budget, j.budget)
		}
		j.budget, j.state, j.limit = max(budget, MinBudget), Congested, ByQueue
		if queue <= reportQueue {
			j.limit = ByLoss
		}
	case queue > reportQueue:
		j.state, j.ceiling = EarlyWarning, got
	default:
		j.state, j.ceiling = Steady, 0
		j.shown = max(j.shown, got)
		if j.budget != 0 && r.at-r.cutAt > r.rest {
			more := j.budget + j.budget*reportGrow*uint64(min(since, 5_000_000))/100_000_000
			j.budget = max(j.budget, min(more, got*reportReach/2))
		}
		if r.at-r.cutAt > reportRest {
			r.rest = 0
		}
		j.settle()
	}
}

// reportedLoss says whether a loss without a queue is a reason to send less: the first time, and again when sending
// less has helped.
func (e *Estimator) reportedLoss(loss float32) bool {
	j, r, l := &e.judge, &e.reports, &e.judge.loss
	switch {
	case r.at-r.cutAt < reportMend || loss < l.floor+lossHigh:
		return false
	case j.limit == ByLoss && loss > l.before*lossMend:
		l.floor, j.budget, j.state = loss, l.budget, Steady
		j.settle()
		return false
	}
	l.before, l.budget = loss, j.budget
	return true
}

// REMB takes a receiver's estimated maximum bitrate (draft-alvestrand-rmcat-remb), in
// bit/s. No more than that is allowed, until there is another.
func (e *Estimator) REMB(bits uint64, now int64) {
	r, p := &e.reports, &e.probe
	if r.asked != 0 && bits > r.asked+r.asked/20 {
		// It helped. Whatever the receiver says, probes stay a second apart.
		p.backoff, p.due, r.asked = 0, p.due-p.backoff+probeApart, 0
	}
	r.remb = max(bits, MinBudget)
}

// probeREMB probes for a receiver that tells its estimate itself: it rises with what arrives.
func (e *Estimator) probeREMB(wanted uint64, now int64) (Cluster, bool) {
	r := &e.reports
	if r.remb == 0 || r.remb >= wanted {
		return Cluster{}, false
	}
	r.asked = r.remb
	e.probe.fail(now)
	rate := min(wanted, r.remb*2)
	bytes := rate * probeQueue / 8_000_000
	return Cluster{Rate: rate, Bytes: int(min(max(bytes, probeMin), probeMax))}, true
}
