package choice

import "time"

const (
	// room is the share of the budget that what is better than now has to keep to: rates go up and
	// down, and the choice would follow them.
	room = 0.95
	// hold is how long a lower encoding is kept at least, and maxHold how long after failures to go
	// higher, each of which doubles it.
	hold    = 2 * time.Second
	maxHold = 32 * time.Second
	// trial is how long a higher encoding has to last to be no failure.
	trial = 5 * time.Second
)

// MaxTemporal is how many temporal layers of an encoding are told apart.
const MaxTemporal = 4

// Rung is one encoding.
type Rung struct {
	// Rates are the bits per second that it takes up to each temporal layer, all lower ones
	// included. Only the first Layers count.
	Rates [MaxTemporal]uint64
	// Layers is how many temporal layers there are: 1 to MaxTemporal.
	Layers int
	// Smooth is the lowest temporal layer up to which there are enough pictures to see motion: with less, a lower encoding is
	// better.
	Smooth uint8
}

// step is what to send.
type step struct {
	rung  int   // index
	layer uint8 // the highest temporal layer
	fits  bool  // the budget is enough for it
}

// chooser remembers what it has tried. The zero value has tried nothing.
type chooser struct {
	wentDown, wentUp int64 // when the rung last changed; 0: never
	hold             time.Duration
}

// choose returns what to send of the rungs, best first and at least one, when current is being sent
// up to temporal layer layer (-1: nothing is). budget is bits per second. now is in nanoseconds.
//
// An encoding may be sent without the temporal layers above Rung.Smooth. With less than that, a lower one is better.
// Of the lowest, as much is sent as fits. What becomes of the choice is to be told with moved.
func (c *chooser) choose(now int64, rungs []Rung, current int, layer uint8, budget uint64) step {
	for i := range rungs {
		r := &rungs[i]
		limit := budget
		if better := current >= 0 && i < current; better {
			if now-c.wentDown < int64(c.hold) && c.wentDown != 0 {
				continue
			}
			limit = keepingRoom(budget)
		}
		if r.least() > limit {
			continue
		}
		return step{rung: i, layer: r.highest(limit, budget, i == current, layer), fits: true}
	}
	lowest := len(rungs) - 1
	r := &rungs[lowest]
	return step{rung: lowest, layer: r.highest(budget, budget, lowest == current, layer), fits: r.Rates[0] <= budget}
}

// moved notes which rung is sent, or changed to, in place of which: of those that choose was given.
func (c *chooser) moved(now int64, from, to int) {
	switch {
	case from < 0 || from == to:
		if c.wentUp != 0 && now-c.wentUp >= int64(trial) {
			c.hold, c.wentUp = hold, 0 // it was good
		}
	case to > from:
		if c.wentUp != 0 && now-c.wentUp < int64(trial) {
			c.hold = min(2*c.hold, maxHold)
		}
		c.hold = max(c.hold, hold)
		c.wentDown, c.wentUp = now, 0
	default:
		c.wentUp = now
	}
}

// least returns the bits per second that it takes to send it at all, when there is a lower one.
func (r *Rung) least() uint64 { return r.Rates[r.Smooth] }

// withRoom returns the budget that it takes to go up to something of this rate.
func withRoom(rate uint64) uint64 { return uint64(float64(rate) / room * 1.02) }

// highest returns the highest temporal layer that fits; those above the one being sent have to leave room.
func (r *Rung) highest(limit, budget uint64, current bool, layer uint8) uint8 {
	best := 0
	for i := 1; i < r.Layers; i++ {
		allowed := limit
		if current && i > int(layer) {
			allowed = keepingRoom(budget)
		}
		if r.Rates[i] <= allowed {
			best = i
		}
	}
	return uint8(best) //nolint:gosec // below MaxTemporal
}

// relief returns the highest temporal layer of an encoding that has to go on for a while although a lower
// one was chosen.
func (r *Rung) relief(budget uint64) uint8 { return r.highest(budget, budget, false, 0) }

func keepingRoom(budget uint64) uint64 { return uint64(float64(budget) * room) }
