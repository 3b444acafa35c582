package bandwidth

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"
)

const kilobit, megabit = 1e3, 1e6

// rungs are those of a camera's ladder.
var rungs = []float64{250 * kilobit, 800 * kilobit, 2500 * kilobit}

// course is what a flow did while a simulation ran.
type course struct {
	lower, higher   uint64        // budgets after the beginning
	first           time.Duration // when the budget first was below what the source sent
	congestions     int
	switches        int // of rungs
	states          int // changes
	lowest, highest int // rungs after the beginning
}

// follow notes the course of a flow after its first seconds.
func follow(f *flow, from time.Duration) (*course, func(time.Duration)) {
	c := &course{lower: 1 << 62, lowest: len(f.rungs)}
	state, rung := Steady, f.rung
	return c, func(now time.Duration) {
		v := f.e.Verdict()
		if c.first == 0 && float64(v.Budget) < f.rate() {
			c.first = now
		}
		if now < from {
			state, rung = v.State, f.rung
			return
		}
		c.lower, c.higher = min(c.lower, v.Budget), max(c.higher, v.Budget)
		c.lowest, c.highest = min(c.lowest, f.rung), max(c.highest, f.rung)
		if v.State != state {
			c.states++
			if v.State == Congested {
				c.congestions++
			}
		}
		if f.rung != rung {
			c.switches++
		}
		state, rung = v.State, f.rung
	}
}

// A path that is too narrow is noticed within the first feedbacks, and its budget
// stays between 70 and 100 % of what it carries.
func TestNarrowPath(t *testing.T) {
	const usual = 500 * time.Millisecond
	tests := []struct {
		name     string
		rate     float64
		set      func(*link, *flow)
		first    time.Duration // when the budget is below what the source sends
		low      float64       // lowest budget, as a part of the rate; zero: 0.7
		high     float64       // highest budget; zero: all of it
		switches int           // of rungs, at most
		congests int           // how often at most; zero: once
	}{
		{name: "2 Mbit/s", rate: 2 * megabit, first: usual},
		{name: "1 Mbit/s", rate: 1 * megabit, first: usual},
		{name: "0.5 Mbit/s", rate: 0.5 * megabit, first: usual, congests: 4},
		{name: "1 Mbit/s, 200 ms of round trip", rate: 1 * megabit, first: 700 * time.Millisecond,
			set: func(l *link, _ *flow) { l.delay = 100 * time.Millisecond }},
		{name: "1 Mbit/s, long queue", rate: 1 * megabit, first: 1200 * time.Millisecond, congests: 2,
			set: func(l *link, _ *flow) { l.queue = time.Second }},
		{name: "1 Mbit/s, short queue", rate: 1 * megabit, first: usual,
			set: func(l *link, _ *flow) { l.queue = 50 * time.Millisecond }},
		{name: "1 Mbit/s, token bucket", rate: 1 * megabit, first: usual, congests: 4, high: 2, switches: 2, // one probe passes
			set: func(l *link, _ *flow) { l.bucket = 15_000 }},
		{name: "1 Mbit/s, 3 % of loss", rate: 1 * megabit, first: usual, low: 0.6,
			set: func(l *link, _ *flow) { l.loss = 0.03 }},
		{name: "1 Mbit/s, bursts whatever the verdict", rate: 1 * megabit, first: usual,
			set: func(_ *link, f *flow) { f.unpaced = true }},
		{name: "2 Mbit/s, jitter", rate: 2 * megabit, first: usual, congests: 6, high: 1.2,
			set: func(l *link, _ *flow) { l.jitter = 30 * time.Millisecond }},
		{name: "2 Mbit/s, clock too fast", rate: 2 * megabit, first: usual,
			set: func(l *link, _ *flow) { l.drift = 200 }},
		{name: "2 Mbit/s, clock too slow", rate: 2 * megabit, first: usual,
			set: func(l *link, _ *flow) { l.drift = -200 }},
		{name: "2 Mbit/s, a fifth of the feedback lost", rate: 2 * megabit, first: 800 * time.Millisecond,
			set: func(_ *link, f *flow) { f.lostBack = 0.2 }},
	}
	for _, tt := range tests {
		for _, interval := range []time.Duration{50, 100, 250} {
			t.Run(fmt.Sprintf("%s, feedback each %d ms", tt.name, interval), func(t *testing.T) {
				l := newLink(tt.rate, 200*time.Millisecond)
				l.bucket = 4000
				f := newFlow(l, rungs...)
				f.interval = interval * time.Millisecond
				if tt.set != nil {
					tt.set(l, f)
				}
				c, each := follow(f, 5*time.Second)
				run(l, time.Millisecond, time.Minute, []*flow{f}, each)
				if c.first == 0 || c.first > tt.first+f.interval/2 {
					t.Errorf("budget below the stream after %v, want %v", c.first, tt.first)
				}
				low, high := cmp.Or(tt.low, 0.7), cmp.Or(tt.high, 1)
				if l, h := float64(c.lower)/tt.rate, float64(c.higher)/tt.rate; l < low || h > high {
					t.Errorf("budget %.2f to %.2f of the capacity", l, h)
				}
				if c.switches > tt.switches || c.congestions > cmp.Or(tt.congests, 1) {
					t.Errorf("%d switches, %d congestions in a minute", c.switches, c.congestions)
				}
				if lost := float64(l.drops) / float64(len(f.worst)+l.drops); lost > 0.05 {
					t.Errorf("%.3f of all packets dropped", lost)
				}
				if f.probedBytes > f.sentBytes*7/100 {
					t.Errorf("%d bytes of probes in %d", f.probedBytes, f.sentBytes)
				}
			})
		}
	}
}

// What carries the stream is never held back: not by pictures that come in bursts, not
// by loss, jitter or others' traffic.
func TestPathThatCarriesTheStream(t *testing.T) {
	tests := []struct {
		name string
		set  func(*link, *flow)
	}{
		{"a hundred times as wide", func(l *link, _ *flow) { l.rate = constant(250 * megabit) }},
		{"hardly wide enough", func(l *link, _ *flow) { l.rate = constant(3 * megabit) }},
		{"5 % of loss, 60 ms of round trip", func(l *link, _ *flow) { l.loss, l.delay = 0.05, 30*time.Millisecond }},
		{"a third of the feedback lost", func(_ *link, f *flow) { f.lostBack = 0.3 }},
		{"seldom feedback", func(_ *link, f *flow) { f.interval = 250 * time.Millisecond }},
		{"jitter", func(l *link, _ *flow) { l.jitter = 20 * time.Millisecond }},
		{"a receiver that reads seldom", func(l *link, _ *flow) { l.wakes = 50 * time.Millisecond }},
		{"a path that stops now and then", func(l *link, _ *flow) { l.rate, l.stall = constant(5*megabit), 150*time.Millisecond }},
		{"others' traffic", func(l *link, _ *flow) { l.rate, l.cross = constant(6*megabit), 2*megabit }},
		{"small pictures", func(_ *link, f *flow) { f.rungs, f.rung = rungs[:1], 0 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLink(20*megabit, 200*time.Millisecond)
			f := newFlow(l, rungs...)
			tt.set(l, f)
			c, each := follow(f, 0)
			run(l, time.Millisecond, time.Minute, []*flow{f}, each)
			if c.switches > 0 || f.layer != 2 || c.first != 0 {
				t.Errorf("held back after %v; %d switches, layer %d", c.first, c.switches, f.layer)
			}
			if c.higher > 2*25*megabit {
				t.Errorf("budget %d without a reason", c.higher)
			}
		})
	}
}

// A path that becomes narrow and wide again is followed, up again by probes.
func TestPathThatChanges(t *testing.T) {
	for _, narrow := range []float64{0.8 * megabit, 0.5 * megabit, 1.2 * megabit} {
		t.Run(fmt.Sprint(narrow), func(t *testing.T) {
			l := newLink(0, 200*time.Millisecond)
			l.rate = func(now time.Duration) float64 {
				if now > 20*time.Second && now < 40*time.Second {
					return narrow
				}
				return 3.2 * megabit
			}
			f := newFlow(l, rungs...)
			down, up := time.Duration(0), time.Duration(0)
			run(l, time.Millisecond, time.Minute, []*flow{f}, func(now time.Duration) {
				switch {
				case now > 20*time.Second && down == 0 && f.rate() < narrow:
					down = now - 20*time.Second
				case now > 40*time.Second && up == 0 && f.rung == 2 && f.layer == 2:
					up = now - 40*time.Second
				}
			})
			if down == 0 || down > 2*time.Second {
				t.Errorf("down after %v", down)
			}
			if up == 0 || up > 10*time.Second {
				t.Errorf("up again after %v", up)
			}
			if f.rung != 2 || f.layer != 2 {
				t.Errorf("in the end rung %d layer %d", f.rung, f.layer)
			}
		})
	}
}

// Sending less does not mend a path that loses 15 % of everything. That is found out
// once.
func TestMuchLoss(t *testing.T) {
	l := newLink(20*megabit, 200*time.Millisecond)
	l.loss = 0.15
	f := newFlow(l, rungs...)
	c, each := follow(f, 5*time.Second)
	run(l, time.Millisecond, time.Minute, []*flow{f}, each)
	if c.congestions > 0 || c.lowest < 2 || f.layer != 2 || c.lower < DefaultInitial {
		t.Errorf("%+v, layer %d", *c, f.layer)
	}
}

// A path without a queue drops what is too much. That is not a loss by accident.
func TestPathWithoutQueue(t *testing.T) {
	l := newLink(1*megabit, 10*time.Millisecond)
	l.bucket = 20_000
	f := newFlow(l, rungs...)
	c, each := follow(f, 5*time.Second)
	run(l, time.Millisecond, time.Minute, []*flow{f}, each)
	if c.first == 0 || c.first > 2*time.Second {
		t.Errorf("noticed after %v", c.first)
	}
	if rate := float64(f.sentBytes) * 8 / 60; rate < 0.5*megabit || rate > 1.2*megabit {
		t.Errorf("sent %.0f bit/s", rate)
	}
}

// A source that does not obey, because it has nothing smaller, does not let the
// budget starve: it stays what the path carries.
func TestSourceThatDoesNotObey(t *testing.T) {
	l := newLink(1*megabit, 200*time.Millisecond)
	f := newFlow(l, rungs...)
	f.greedy, f.unpaced = true, true
	c, each := follow(f, 3*time.Second)
	run(l, time.Millisecond, 30*time.Second, []*flow{f}, each)
	if c.lower < 700*kilobit || c.higher > 1*megabit {
		t.Errorf("budget %d to %d", c.lower, c.higher)
	}
	if v := f.e.Verdict(); v.State != Congested || v.Limit != ByQueue || v.Queue < 100*time.Millisecond {
		t.Errorf("%+v", v)
	}
}

// Nothing heard is bad news: the budget is halved, and halved again. When it turns
// out that all arrived, it is what it was.
func TestSilence(t *testing.T) {
	l := newLink(20*megabit, 200*time.Millisecond)
	f := newFlow(l, rungs...)
	run(l, time.Millisecond, 5*time.Second, []*flow{f}, nil)
	before := f.e.Verdict()
	f.lostBack = 1
	run(l, 5*time.Second, 6500*time.Millisecond, []*flow{f}, nil)
	v := f.e.Verdict()
	if v.State != Congested || v.Limit != BySilence || v.Budget > 1300*kilobit {
		t.Errorf("after 1.5 s of silence: %+v", v)
	}
	run(l, 6500*time.Millisecond, 10*time.Second, []*flow{f}, nil)
	if v := f.e.Verdict(); v.Budget > 400*kilobit || v.Budget < MinBudget {
		t.Errorf("after 5 s of silence: %+v", v)
	}
	f.lostBack = 0
	run(l, 10*time.Second, 10500*time.Millisecond, []*flow{f}, nil)
	if v := f.e.Verdict(); v.State != Steady || v.Budget < before.Budget {
		t.Errorf("after silence: %+v, before: %+v", v, before)
	}
}

// A path that becomes longer, as that of a phone that changes networks, is not taken
// for one with a queue for ever.
func TestPathThatBecomesLonger(t *testing.T) {
	l := newLink(20*megabit, 200*time.Millisecond)
	f := newFlow(l, rungs...)
	run(l, time.Millisecond, 10*time.Second, []*flow{f}, nil)
	l.delay += 80 * time.Millisecond
	run(l, 10*time.Second, 30*time.Second, []*flow{f}, nil)
	if v := f.e.Verdict(); f.rung != 2 || f.layer != 2 || v.State != Steady {
		t.Errorf("rung %d, layer %d, %+v", f.rung, f.layer, v)
	}
}

// After a pause, what was measured before it says nothing about the delay: clocks drift.
func TestPause(t *testing.T) {
	l := newLink(20*megabit, 200*time.Millisecond)
	l.drift = 200 // 60 ms in five minutes
	f := newFlow(l, rungs...)
	run(l, time.Millisecond, 10*time.Second, []*flow{f}, nil)
	f.picture, f.sound, f.backlog = int64(310*time.Second), int64(310*time.Second), nil
	run(l, 10*time.Second, 11*time.Second, []*flow{f}, nil) // what is on its way arrives
	c, each := follow(f, 0)
	run(l, 310*time.Second, 320*time.Second, []*flow{f}, each)
	if c.states > 0 || c.first != 0 || f.e.window.acked < 2*megabit {
		t.Errorf("%+v, %d bit/s acknowledged", *c, f.e.window.acked)
	}
}

// Ten viewers behind one link get alike, and all keep a picture that moves.
func TestFairness(t *testing.T) {
	tests := []struct{ rate, jain float64 }{
		{3 * megabit, 0.88}, // what the lowest choices of all need
		{6 * megabit, 0.9},
		{10 * megabit, 0.9},
	}
	for _, tt := range tests {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%.0f, seed %d", tt.rate, seed), func(t *testing.T) {
				l := newLink(tt.rate, 200*time.Millisecond)
				l.random = rand.New(rand.NewPCG(seed, 0))
				flows := make([]*flow, 10)
				for i := range flows {
					flows[i] = newFlow(l, rungs...)
					flows[i].begins = time.Duration(i) * 150 * time.Millisecond
				}
				run(l, time.Millisecond, 10*time.Second, flows, nil)
				for _, f := range flows {
					f.receivedBytes = 0
				}
				run(l, 10*time.Second, 70*time.Second, flows, nil)
				all := 0.0
				for i, f := range flows {
					got := float64(f.receivedBytes) * 8 / 60
					if got < soundRate+rungs[0]*layers[0] {
						t.Errorf("flow %d gets %.0f bit/s", i, got)
					}
					all += got
				}
				if j := jain(flows); j < tt.jain {
					t.Errorf("Jain's index %.3f", j)
				}
				if all < 0.75*tt.rate {
					t.Errorf("only %.0f bit/s are used", all)
				}
			})
		}
	}
}

// One of several viewers that stalls costs the others nothing: they get what it leaves.
func TestStalledNeighbour(t *testing.T) {
	l := newLink(3*megabit, 200*time.Millisecond)
	flows := []*flow{newFlow(l, rungs...), newFlow(l, rungs...), newFlow(l, rungs...)}
	run(l, time.Millisecond, 20*time.Second, flows, nil)
	before := flows[0].receivedBytes + flows[1].receivedBytes
	flows[2].lostBack = 1 // and nothing is heard of it
	flows[0].receivedBytes, flows[1].receivedBytes = 0, 0
	run(l, 20*time.Second, 40*time.Second, flows, nil)
	if after := flows[0].receivedBytes + flows[1].receivedBytes; after < before {
		t.Errorf("the others got %d bytes, and now %d", before, after)
	}
	if v := flows[2].e.Verdict(); v.Limit != BySilence || v.Budget > 200*kilobit {
		t.Errorf("%+v", v)
	}
}

func jain(flows []*flow) float64 {
	sum, squares := 0.0, 0.0
	for _, f := range flows {
		x := float64(f.receivedBytes)
		sum, squares = sum+x, squares+x*x
	}
	return sum * sum / (float64(len(flows)) * squares)
}

func TestSmall(t *testing.T) {
	if size := unsafe.Sizeof(Estimator{}); size > 9<<10 {
		t.Errorf("an estimator has %d bytes", size)
	}
}
