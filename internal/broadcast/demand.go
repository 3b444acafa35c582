package broadcast

import (
	"sync/atomic"
	"time"

	"porthole/internal/broadcast/choice"
)

// An encoding may be on demand: it exists in the choice of quality from the beginning, and its encoder works only while
// some viewer needs it.
//
//	viewer wants it ─► Layer.Wanted ─► encoder starts ─► its first keyframe: the viewer changes to it
//
// Viewers say again and again that they need it, for as long as it is what they get or change to; nobody counts them, so
// nobody who leaves can be forgotten. Whoever encodes asks with every picture.

const (
	// demandLinger is how long an encoder goes on when nobody needs it any more: who comes back soon finds it running.
	demandLinger = 4 * time.Second
	// demandEvery is how often viewers say it, at most: they share the line of memory.
	demandEvery = 250 * time.Millisecond
)

// Nominal is what an encoder was told to make.
type Nominal struct {
	Width, Height int    // pixels
	Bitrate       uint64 // bits per second
}

// demand is that for a layer. The zero value is that of one that nobody has needed.
type demand struct {
	at    atomic.Int64 // when a viewer last said so; 0: never
	since atomic.Int64 // since when there has been demand all the time
}

// say notes that a viewer needs the layer.
func (d *demand) say(now int64) {
	last := d.at.Load()
	if last != 0 && now-last < int64(demandEvery) {
		return
	}
	if !d.lasts(now) {
		d.since.Store(now)
	}
	d.at.Store(now)
}

// lasts says whether somebody needs the layer, or did a moment ago.
func (d *demand) lasts(now int64) bool {
	last := d.at.Load()
	return last != 0 && now-last < int64(demandLinger)
}

// unheard says whether there has been demand for so long that something should have come.
func (d *demand) unheard(now int64) bool {
	return d.lasts(now) && now-d.since.Load() >= int64(layerIdle)
}

// Wanted says whether the layer is to be sent: always, unless it is on demand. Whoever encodes asks before each picture, and
// starts with a keyframe. Any goroutine may call it.
func (l *Layer) Wanted() bool {
	return !l.cfg.OnDemand || l.demand.lasts(l.clock.now())
}

// needed notes that a viewer needs the layer.
func (l *Layer) needed(now int64) {
	if l.cfg.OnDemand {
		l.demand.say(now)
	}
}

// rests says whether the layer is on demand, and nothing comes of it yet: what its ring has is from another time.
func (l *Layer) rests(now int64) bool { return l.cfg.OnDemand && !l.active(now) }

// The share of its nominal bitrate that an encoding is taken to need, however still or lively the picture is now.
const minShare, maxShare = 0.25, 1.5

// foresee completes what is known of encodings with a nominal bitrate. Those that rest come when they are wanted, as long as
// their publisher sends anything and they did not fail to come before. All show the same picture, so that all need the share of their
// nominal bitrate that the highest which is sent needs: what is measured of one that has just begun says little.
func foresee(known []choice.Candidate, of []*Layer, now int64) {
	best, share := uint64(0), 1.0
	for i, c := range known {
		nominal := of[i].cfg.Nominal.Bitrate
		if !c.Active || nominal <= best {
			continue
		}
		best, share = nominal, 1
		if c.Rate > 0 {
			share = min(max(float64(c.Rate)/float64(nominal), minShare), maxShare)
		}
	}
	if best == 0 {
		return
	}
	for i, l := range of {
		c := &known[i]
		c.Active = c.Active || l.rests(now) && !l.demand.unheard(now)
		if l.cfg.Nominal.Bitrate > 0 {
			c.Rate = uint64(share * float64(l.cfg.Nominal.Bitrate))
		}
	}
}
