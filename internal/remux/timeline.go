package remux

import (
	"time"

	"porthole/internal/broadcast"
)

const (
	// A jump of timestamps: they say that more time has passed than did, or less, by more than this.
	jumpAhead  = int64(500 * time.Millisecond)
	jumpBehind = int64(500 * time.Millisecond)
	// referenceNoise is by how much what is told of the publisher's clock differs from itself by rounding alone.
	referenceNoise = int64(50 * time.Microsecond)
	// untold is how long nothing new may be told of the publisher's clock before it is taken to be a publisher that tells nothing.
	untold = int64(15 * time.Second)
	// bucket is how long the least delay of packets is looked for.
	bucket = int64(5 * time.Second)
)

// timeline gives the packets of one track times on the clock of the Reader, which all tracks share. It follows
// what the publisher tells of its clock in reports, which the heart has mapped to ours already; where it tells nothing, the clock
// shows by when packets come, over some seconds. It follows slowly, so that the time between two packets stays
// what the timestamps say.
type timeline struct {
	rate    int64 // ticks a second
	begun   bool
	last    uint32 // timestamp
	ticks   int64  // the same, without wrap-around
	base    int64  // time of tick 0, in nanoseconds
	arrived int64  // of the last packet

	reference int64 // where the publisher's reports put tick 0
	since     int64 // since when it is there
	delays    delays
}

// delays looks for the least time between capture and arrival, over whole buckets.
type delays struct {
	began, least int64
	known        int64 // of the last whole bucket
	any          bool
	first        int64 // of the first whole bucket since the reference changed
	measured     bool
}

// at returns the time of a packet's sample.
func (t *timeline) at(p broadcast.Packet, rate uint32) int64 {
	arrived := int64(p.Elapsed)
	captured := arrived
	if !p.Captured.IsZero() {
		if d := p.Captured.Sub(p.Arrived); d > -10*time.Second && d < time.Second {
			captured += int64(d)
		}
	}
	renumbered := p.Break != broadcast.NoBreak && p.Break != broadcast.BreakOverrun
	if !t.begun || int64(rate) != t.rate {
		t.begin(p.Timestamp, int64(rate), captured, arrived)
	} else {
		t.follow(p, renumbered, captured, arrived)
	}
	return t.time()
}

func (t *timeline) begin(timestamp uint32, rate, captured, arrived int64) {
	*t = timeline{rate: rate, begun: true, last: timestamp, base: captured, arrived: arrived, reference: captured, since: arrived}
	t.delays.began = arrived
}

// time is that of the newest packet.
func (t *timeline) time() int64 { return t.base + t.nanos(t.ticks) }

func (t *timeline) nanos(ticks int64) int64 {
	return ticks/t.rate*1e9 + ticks%t.rate*1e9/t.rate
}

func (t *timeline) follow(p broadcast.Packet, renumbered bool, captured, arrived int64) {
	step := int64(int32(p.Timestamp - t.last)) //nolint:gosec // serial number arithmetic
	passed := arrived - t.arrived
	claimed := t.nanos(step)
	t.last, t.arrived = p.Timestamp, arrived
	t.ticks += step
	ahead := claimed-passed > jumpAhead && t.time()-arrived > jumpAhead
	if renumbered || ahead || claimed < -jumpBehind {
		t.jump(arrived)
		return
	}
	t.delays.add(arrived, arrived-t.time())
	t.slew(t.target(captured, arrived)-t.base, passed)
}

// jump goes on where the time has gone, as late as packets of this track are.
func (t *timeline) jump(arrived int64) {
	late := int64(0)
	if t.delays.any {
		late = max(t.delays.known, 0)
	}
	t.base = arrived - late - t.nanos(t.ticks)
	t.reference, t.since = t.base, arrived
	t.delays = delays{began: arrived, known: late, any: t.delays.any}
}

// target is where tick 0 should be.
func (t *timeline) target(captured, arrived int64) int64 {
	told := captured - t.nanos(t.ticks)
	if d := told - t.reference; d > referenceNoise || d < -referenceNoise {
		t.reference, t.since = told, arrived
		t.delays.measured = false
	}
	if arrived-t.since < untold || !t.delays.measured {
		return told
	}
	// The delays were measured against base, which moves: what counts is what they would be by the reference.
	return t.base + t.delays.known - t.delays.first
}

// slew moves the base towards where it should be.
func (t *timeline) slew(off, passed int64) {
	share := int64(500) // 2 ms a second
	if off > int64(60*time.Millisecond) || off < -int64(60*time.Millisecond) {
		share = 20 // 50 ms a second
	}
	most := max(passed, 0) / share
	t.base += min(max(off, -most), most)
}

// add takes the delay of a packet.
func (d *delays) add(now, delay int64) {
	if d.least == 0 || delay < d.least {
		d.least = delay
	}
	if now-d.began < bucket {
		return
	}
	d.known, d.any = d.least, true
	if !d.measured {
		d.first, d.measured = d.least, true
	}
	d.began, d.least = now, 0
}
