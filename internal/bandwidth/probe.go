package bandwidth

const (
	probeFirst   = 2_000_000  // µs from a congestion to the first probe
	probeLast    = 5_000_000  // and at most between probes that show nothing
	probeWrong   = 20_000_000 // or after those that were wrong
	probeDoubt   = 4_000_000  // µs in which a congestion disproves a probe
	probeSpan    = 50_000     // µs that a probe takes
	probeQueue   = 150_000    // µs of queue that a probe may cause, if it shows nothing
	probeSlow    = 100_000    // and one of a path so slow that a few packets take longer
	probeDelay   = 5_000      // µs by which the queue grows if a probe is too fast
	probeWaited  = 10_000     // µs for which packets must have come right behind others
	probeMin     = 2_400      // bytes
	probeMax     = 60_000
	probeApart   = 1_000_000 // µs between probes that help
	probeTimeout = 2_000_000 // µs
	probeReach   = 3         // times the budget at which a probe is sent
)

// Cluster is what a probe sends: Bytes at Rate, in bit/s, beginning now. Whatever is
// sent meanwhile is part of it. Repeated recent packets serve, or padding.
type Cluster struct {
	Rate  uint64
	Bytes int
}

// probe is the probe under way, and when the next one is due. Its times are µs of the
// sender's clock, but for those of arrivals.
type probe struct {
	open    bool // packets are being sent
	pending bool // or are on their way
	cluster Cluster
	asked   int64

	first, last  uint16
	packets      int
	bytes        int64 // after the first packet
	began, ended int64

	got, lost        int
	gotBytes         int64 // after the first packet that arrived
	gotBegan, gotEnd int64 // by the receiver's clock
	queue, queueEnd  int64
	waited           busy // packets that came right behind another

	due     int64 // when the next one may begin
	backoff int64
	raised  int64 // when one last raised the budget
	scale   int   // how much longer than usual, for paths that let a burst pass
}

// Probe tells whether to probe now, so that wanted, in bit/s, might be sent: what the
// next better choice needs, or zero if there is none; no more is allowed then. It is
// cheap enough to be asked for every picture. A probe
// that is begun must be sent, within twice the time that it takes at its rate.
func (e *Estimator) Probe(wanted uint64, now int64) (c Cluster, ok bool) {
	us := now / clockStep
	j, p := &e.judge, &e.probe
	j.wanted = wanted
	if j.state == Steady {
		j.settle()
	}
	if p.pending && us-p.asked > probeTimeout+2*e.rtt {
		p.open, p.pending = false, false
	}
	have := e.Verdict().Budget
	if j.state != Steady || j.silence > 0 || p.pending || us < p.due || have >= wanted {
		return Cluster{}, false
	}
	if e.heard == 0 {
		return e.probeREMB(wanted, us)
	}
	if e.delay.standing > queueLow {
		return Cluster{}, false
	}
	if p.raised != 0 && us-p.raised > probeDoubt {
		p.backoff, p.scale = 0, 0
	}
	// Much faster than hoped for: what is a little too fast hides in a token bucket.
	rate := have * probeReach
	bytes := min(rate*probeSpan, have*probeQueue) / 8_000_000 << p.scale
	if bytes < probeMin { // so few show nothing, and more would queue for longer on a slow path
		bytes = probeMin
		if took := probeMin * 8_000_000 / have; took > probeSlow {
			rate = min(rate, probeMin*8_000_000/(took-probeSlow))
		}
	}
	c = Cluster{Rate: rate, Bytes: int(min(bytes, probeMax))}
	*p = probe{
		open: true, pending: true, cluster: c, asked: us,
		due: p.due, backoff: p.backoff, raised: p.raised, scale: p.scale,
	}
	return c, true
}

// sent counts a packet of the probe.
func (p *probe) sent(number uint16, size int, now int64) {
	if p.packets == 0 {
		p.first, p.began = number, now
	} else {
		p.bytes += int64(size)
	}
	p.packets++
	p.last, p.ended = number, now
	if p.bytes >= int64(p.cluster.Bytes) || now-p.began > probeTimeout/8 {
		p.open = false
	}
}

// has reports whether a packet is the probe's.
func (p *probe) has(number uint16) bool {
	return p.packets > 0 && number-p.first <= p.last-p.first
}

func (p *probe) missing(number uint16) {
	if p.has(number) {
		p.lost++
	}
}

// arrived counts a packet that arrived so long after another that it had waited for, or
// -1 if it had not.
func (p *probe) arrived(number, size uint16, arrival, queue, after int64) {
	if !p.has(number) {
		return
	}
	if p.got == 0 {
		p.gotBegan, p.queue = arrival, queue
	} else {
		p.gotBytes += int64(size)
	}
	if p.got > 0 && after >= 0 {
		p.waited.bytes += int64(size)
		p.waited.time += after
	}
	p.got++
	p.gotEnd, p.queueEnd = max(p.gotEnd, arrival), queue
}

// judgeProbe ends a probe when all of it has been told of.
func (e *Estimator) judgeProbe(now int64) {
	p, j := &e.probe, &e.judge
	if p.open || p.packets == 0 || int16(e.delay.heard-p.last) < 0 {
		return
	}
	p.pending = false
	if j.state == Congested {
		return // which is answer enough
	}
	rate := min(p.rate(), j.wanted)
	have := j.budget
	if have == 0 {
		have = max(e.initial(), 2*j.shown)
	}
	if rate <= have || rate < j.wanted && rate <= have+have/20 {
		p.fail(now)
		return
	}
	if j.budget == 0 {
		j.shown = max(j.shown, (rate+1)/2)
	} else {
		j.budget = rate
	}
	if j.full < rate { // it was full with less
		j.full = 0
	}
	j.settle()
	p.due = now + e.rtt + calmTime
	if rate > have+have/5 {
		p.raised = now
	}
}

// rate returns what the probe showed, in bit/s, or zero.
func (p *probe) rate() uint64 {
	if p.got < 4 || p.lost*5 > p.got {
		return 0
	}
	sent := uint64(p.bytes * 8_000_000 / max(p.ended-p.began, 1000))
	got := uint64(p.gotBytes * 8_000_000 / max(p.gotEnd-p.gotBegan, 1000))
	if p.queueEnd-p.queue > probeDelay {
		// It came as fast as it could, but for a first burst that a path may let pass.
		if p.waited.time >= probeWaited {
			got = uint64(p.waited.bytes * 8_000_000 / p.waited.time)
		}
		got = got / 100 * 92
	}
	return min(p.cluster.Rate, sent, got)
}

// fail makes the next probe wait longer.
func (p *probe) fail(now int64) {
	p.backoff = min(max(p.backoff*2, probeFirst), probeLast)
	p.due = now + p.backoff
}

// rest waits after a congestion.
func (p *probe) rest(now int64) {
	p.open, p.pending = false, false
	p.backoff = max(p.backoff, probeFirst)
	p.due = max(p.due, now+p.backoff)
}

// disproved notes a congestion: if a probe raised the budget a moment ago, it was wrong.
func (p *probe) disproved(now int64) {
	if p.raised == 0 || now-p.raised > probeDoubt {
		p.backoff = 0
		return
	}
	p.scale = min(p.scale+1, 1)
	p.raised = 0
	p.backoff = min(max(p.backoff*2, probeFirst), probeWrong)
	p.due = now + p.backoff
}
