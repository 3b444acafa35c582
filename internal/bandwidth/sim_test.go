package bandwidth

import (
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// A simulated path: a bottleneck that several flows share, in steps of one
// millisecond of fake time. A flow is a source that obeys its estimator, and a
// receiver that sends transport-cc feedback.

const step = int64(time.Millisecond)

// link is a bottleneck with a queue that drops what does not fit.
type link struct {
	rate   func(now time.Duration) float64 // bit/s
	queue  time.Duration                   // longest
	bucket float64                         // bytes that pass at once after a pause
	loss   float64                         // behind the queue
	jitter time.Duration                   // behind the queue, order kept
	delay  time.Duration                   // one way
	cross  float64                         // bit/s of others, in bursts
	stall  time.Duration                   // in which nothing passes, every two seconds
	wakes  time.Duration                   // how often the receiver reads what has come, on average
	drift  int64                           // of the receiver's clock, millionths

	free   float64 // when the queue is empty, ns
	random *rand.Rand
	last   int64
	awake  int64
	drops  int
}

func constant(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

// enqueue returns when a packet arrives, or false if it is dropped.
func (l *link) enqueue(size int, now int64) (int64, bool) {
	rate := l.rate(time.Duration(now))
	depth := l.free - float64(now)
	if depth > float64(l.queue) {
		l.drops++
		return 0, false
	}
	// A token bucket is a queue that may be as far behind as its bucket is deep.
	l.free = max(l.free, float64(now)-l.bucket*8e9/rate) + float64(size)*8e9/rate
	if l.stall > 0 && now%int64(2*time.Second) < int64(l.stall) {
		l.free = max(l.free, float64(now-now%int64(2*time.Second)+int64(l.stall)))
	}
	if l.random.Float64() < l.loss {
		return 0, false
	}
	at := max(int64(l.free), now) + int64(l.delay)
	if l.jitter > 0 {
		at += l.random.Int64N(int64(l.jitter))
	}
	if l.wakes > 0 {
		for l.awake < at {
			l.awake += l.random.Int64N(2 * int64(l.wakes))
		}
		at = l.awake
	}
	l.last = max(l.last, at)
	return l.last, true
}

type arrival struct {
	at     int64
	number uint16
	size   int
}

type feedback struct {
	at  int64
	fci []byte
}

// flow is a viewer.
type flow struct {
	e        *Estimator
	link     *link
	rungs    []float64 // bit/s, ascending
	interval time.Duration
	lostBack float64 // share of feedback that is lost
	begins   time.Duration
	unpaced  bool // bursts whatever the capacity
	greedy   bool // always the top rung, whatever the verdict

	rung, layer   int
	switched      int64
	picture, key  int64
	forceKey      bool
	sound         int64
	backlog       []int
	tokens        float64
	probing       int
	probeRate     float64
	probeTokens   float64
	flying        []arrival
	next          uint16 // next number to report
	got           map[uint16]int64
	told          int64
	count8        uint8
	backs         []feedback
	receivedBytes int
	sentBytes     int
	probedBytes   int
	worst         []time.Duration // delay of each packet that arrived
}

var layers = [3]float64{0.4, 0.65, 1}

// receiverClock is where the receiver's clock stands when the sender's begins, in µs:
// its reference time wraps in the course of a simulation.
const receiverClock = int64(1<<24)*64_000 - 9_000_000

func newFlow(l *link, rungs ...float64) *flow {
	return &flow{e: new(Estimator), link: l, rungs: rungs, rung: len(rungs) - 1, layer: 2, interval: 100 * time.Millisecond, got: map[uint16]int64{}, forceKey: true}
}

func (f *flow) rate() float64 { return f.rungs[f.rung] * layers[f.layer] }

const soundRate = 50_000.0

// choose obeys the verdict.
func (f *flow) choose(now int64) {
	if f.greedy {
		return
	}
	budget := float64(f.e.Verdict().Budget) - soundRate
	if f.rate() > budget {
		for f.layer > 0 && f.rate() > budget {
			f.layer--
		}
		if f.rate() > budget && f.rung > 0 {
			for f.rung > 0 {
				f.rung, f.layer, f.forceKey = f.rung-1, 2, true
				for f.layer > 0 && f.rate() > budget {
					f.layer--
				}
				if f.rate() <= budget {
					break
				}
			}
		}
		f.switched = now
		return
	}
	if now-f.switched < int64(500*time.Millisecond) {
		return
	}
	if rung, layer := f.better(); f.rungs[rung]*layers[layer]*1.05 < budget {
		f.forceKey = rung != f.rung
		f.rung, f.layer, f.switched = rung, layer, now
	}
}

// better is the next better choice: all layers, then the next rung with half of them.
func (f *flow) better() (rung, layer int) {
	switch {
	case f.layer < 2:
		return f.rung, f.layer + 1
	case f.rung+1 < len(f.rungs):
		return f.rung + 1, 1
	}
	return f.rung, f.layer
}

// wanted is what that needs.
func (f *flow) wanted() uint64 {
	rung, layer := f.better()
	if rung == f.rung && layer == f.layer {
		return uint64(f.rate())
	}
	return uint64(f.rungs[rung]*layers[layer]*1.1 + soundRate)
}

func (f *flow) send(size int, now int64) {
	number := f.e.Sent(size, now)
	f.sentBytes += size
	if at, ok := f.link.enqueue(size, now); ok {
		f.flying = append(f.flying, arrival{at, number, size})
		f.worst = append(f.worst, time.Duration(at-now))
	}
}

// tick lives a millisecond.
func (f *flow) tick(now int64) {
	if now < int64(f.begins) {
		return
	}
	for len(f.backs) > 0 && f.backs[0].at <= now {
		if err := f.e.Feedback(f.backs[0].fci, now); err != nil {
			panic(err)
		}
		f.backs = f.backs[1:]
	}
	if now >= f.sound {
		f.send(int(soundRate/8/50), now)
		f.sound = now + int64(20*time.Millisecond)
	}
	if now >= f.picture {
		f.choose(now)
		f.draw(now)
		if c, ok := f.e.Probe(f.wanted(), now); ok && !f.greedy {
			f.probing, f.probeRate, f.probeTokens = c.Bytes, float64(c.Rate), 0
		}
	}
	f.pace(now)
	f.receive(now)
}

// draw makes a picture: a keyframe, every two seconds or when asked for, is eight times a usual one.
func (f *flow) draw(now int64) {
	gap := []int64{4, 2, 1}[f.layer]
	f.picture = now + gap*int64(33333*time.Microsecond)
	size := f.rate() / 8 / 30 * float64(gap)
	n := float64(60 / gap)
	size = size * n / (n + 7)
	if f.forceKey || now-f.key >= int64(2*time.Second) {
		size, f.key, f.forceKey = size*8, now, false
	}
	size *= 0.8 + 0.4*f.link.random.Float64()
	for ; size > 0; size -= 1200 {
		f.backlog = append(f.backlog, int(min(size, 1200))+40)
	}
}

// pace sends pictures in bursts of 48 packets and then at 24 Mbit/s, or as fast as the
// verdict says.
func (f *flow) pace(now int64) {
	rate, burst := 24e6, 48*1200.0
	if pace := float64(f.e.Verdict().Pace); pace > 0 && pace < rate && !f.unpaced {
		rate, burst = pace, max(pace/8/100, 2*1200)
	}
	f.tokens = min(f.tokens+rate/8e3, burst)
	for len(f.backlog) > 0 && f.tokens > 0 {
		f.tokens -= float64(f.backlog[0])
		f.send(f.backlog[0], now)
		f.backlog = f.backlog[1:]
	}
	if f.probing > 0 {
		f.probeTokens += f.probeRate / 8e3
		for f.probeTokens > 0 && f.probing > 0 {
			f.send(1200, now)
			f.probedBytes += 1200
			f.probeTokens -= 1200
			f.probing -= 1200
		}
	}
}

// receive takes what has arrived, and sends feedback.
func (f *flow) receive(now int64) {
	for len(f.flying) > 0 && f.flying[0].at <= now {
		a := f.flying[0]
		f.flying = f.flying[1:]
		f.got[a.number] = (a.at+a.at/1_000_000*f.link.drift)/1000 + receiverClock
		f.receivedBytes += a.size
	}
	if now-f.told < int64(f.interval) || len(f.got) == 0 {
		return
	}
	f.told = now
	fci, next := encode(f.got, f.next, f.count8)
	clear(f.got)
	f.next = next
	f.count8++
	if f.link.random.Float64() >= f.lostBack {
		f.backs = append(f.backs, feedback{now + int64(f.link.delay), fci})
	}
}

// encode makes feedback of arrivals, which begins with number base.
func encode(got map[uint16]int64, base uint16, count uint8) (fci []byte, next uint16) {
	last := base
	for n := range got {
		if n-base < 1<<15 && n-base >= last-base {
			last = n
		}
	}
	first := int64(0)
	for n := base; ; n++ {
		if at, ok := got[n]; ok {
			first = at
			break
		}
	}
	ref := first / 64_000
	fci = binary.BigEndian.AppendUint16(nil, base)
	fci = binary.BigEndian.AppendUint16(fci, last-base+1)
	fci = append(fci, byte(ref>>16), byte(ref>>8), byte(ref), count)
	var deltas []byte
	previous := ref * 64_000 / tick
	chunk, symbols := uint16(0b11), 0
	for n := base; n != last+1; n++ {
		symbol := uint16(notReceived)
		if at, ok := got[n]; ok {
			delta := at/tick - previous
			previous = at / tick
			if delta >= 0 && delta < 256 {
				symbol, deltas = smallDelta, append(deltas, byte(delta))
			} else {
				symbol, deltas = largeDelta, binary.BigEndian.AppendUint16(deltas, uint16(delta))
			}
		}
		chunk = chunk<<2 | symbol
		if symbols++; symbols == 7 {
			fci = binary.BigEndian.AppendUint16(fci, chunk)
			chunk, symbols = 0b11, 0
		}
	}
	if symbols > 0 {
		fci = binary.BigEndian.AppendUint16(fci, chunk<<(2*(7-symbols)))
	}
	return append(fci, deltas...), last + 1
}

// run lives from one time to another; each is called every millisecond.
func run(l *link, from, to time.Duration, flows []*flow, each func(now time.Duration)) {
	for now := int64(from); now < int64(to); now += step {
		if l.cross > 0 && now%(10*step) == 0 {
			for range int(l.random.Float64() * 2 * l.cross / 8 / 100 / 1200) {
				l.enqueue(1200, now)
			}
		}
		for i := range flows {
			flows[(int(now/step)+i)%len(flows)].tick(now)
		}
		if each != nil {
			each(time.Duration(now))
		}
	}
}

func newLink(rate float64, queue time.Duration) *link {
	return &link{rate: constant(rate), queue: queue, delay: 10 * time.Millisecond, random: rand.New(rand.NewPCG(1, 2))}
}
