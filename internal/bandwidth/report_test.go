package bandwidth

import (
	"testing"
	"time"
)

// reporting is a receiver without transport-cc, on a path that carries so much: it is
// sent rate() for a second at a time, and tells each time what it lost and how long the
// round trip was.
type reporting struct {
	e        *Estimator
	capacity float64
	queue    float64 // bits
	longest  float64 // bits that the queue holds
	now      int64
}

// second sends for a second.
func (r *reporting) second(rate float64) {
	for range 100 {
		r.e.Sent(int(rate/8/100), r.now)
		r.now += 10 * step
	}
	r.queue = max(r.queue+rate-r.capacity, 0)
	dropped := max(r.queue-r.longest, 0)
	r.queue -= dropped
	rtt := 40*time.Millisecond + time.Duration(r.queue/r.capacity*1e9)
	r.e.Report(uint8(min(dropped/rate*256, 255)), rtt, r.now)
}

func newReporting(capacity float64) *reporting {
	return &reporting{e: new(Estimator), capacity: capacity, longest: capacity / 5, now: step}
}

func TestReports(t *testing.T) {
	r := newReporting(1 * megabit)
	for range 3 {
		r.second(0.8 * megabit)
	}
	if v := r.e.Verdict(); v.State != Steady || v.Limit != ByApplication || v.Budget != DefaultInitial || v.RTT != 40*time.Millisecond {
		t.Fatalf("on a path that carries all: %+v", v)
	}
	rate := 2.5 * megabit
	r.second(rate)
	v := r.e.Verdict()
	if v.State != Congested || v.Limit != ByQueue || v.Budget < 0.7*megabit || v.Budget > 1*megabit {
		t.Fatalf("on a path that carries less: %+v", v)
	}
	for range 2 {
		r.second(float64(v.Budget))
	}
	if v := r.e.Verdict(); v.State != Steady || v.Budget < 0.6*megabit || v.Budget > 1*megabit {
		t.Fatalf("after sending less: %+v", v)
	}
	r.capacity = 10 * megabit
	for range 30 {
		r.second(0.8 * megabit)
	}
	if v := r.e.Verdict(); v.Budget < 2.5*megabit || v.Budget > 4*megabit {
		t.Fatalf("after half a minute without loss: %+v", v)
	}
}

// Losses now and then, without a longer round trip, are no congestion.
func TestReportsOfRandomLoss(t *testing.T) {
	r := newReporting(10 * megabit)
	for i := range 60 {
		r.second(2.5 * megabit)
		r.now += 1 // not at once
		r.e.Report(uint8(13+i%3), 60*time.Millisecond, r.now+int64(time.Second/2))
	}
	if v := r.e.Verdict(); v.State != Steady || v.Budget < DefaultInitial || v.Loss == 0 {
		t.Fatalf("%+v", v)
	}
}

// A flood of reports is not judged.
func TestReportsThatAreTooMany(t *testing.T) {
	r := newReporting(10 * megabit)
	r.second(1 * megabit)
	r.second(1 * megabit)
	before := r.e.Verdict()
	for range 100 {
		r.now += step
		r.e.Report(255, time.Second, r.now)
	}
	if v := r.e.Verdict(); v != before {
		t.Errorf("%+v, was %+v", v, before)
	}
}

func TestREMB(t *testing.T) {
	e := new(Estimator)
	now := send(e, 100, step)
	if _, ok := e.Probe(1<<40, now); ok {
		t.Error("a probe that nobody would tell about")
	}
	e.REMB(600_000, now)
	if v := e.Verdict(); v.Budget != 600_000 || v.Limit != ByREMB {
		t.Errorf("%+v", v)
	}
	// Its estimate rises with what it gets.
	c, ok := e.Probe(2_500_000, now)
	if !ok || c.Rate != 1_200_000 || c.Bytes < 6000 || c.Bytes > 60_000 {
		t.Errorf("%+v, %v", c, ok)
	}
	if _, ok := e.Probe(2_500_000, now+int64(time.Second)); ok {
		t.Error("a probe before the last one shows in an estimate")
	}
	now += int64(time.Second)
	e.REMB(900_000, now)
	if _, ok := e.Probe(2_500_000, now); !ok {
		t.Error("no probe after the last one raised the estimate")
	}
	probes := 0
	for i := range 10_000 { // of a receiver that plays with us
		e.REMB(uint64(100_000+i%10*100_000), now)
		if _, ok := e.Probe(2_500_000, now); ok {
			probes++
		}
		now += step
	}
	if probes > 10 {
		t.Errorf("%d probes in ten seconds", probes)
	}
	e.REMB(3_000_000, now)
	if v := e.Verdict(); v.Budget != 3_000_000 {
		t.Errorf("%+v", v)
	}
	e.REMB(0, now)
	if v := e.Verdict(); v.Budget != MinBudget {
		t.Errorf("%+v", v)
	}
}
