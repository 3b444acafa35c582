package broadcast

import (
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast/number"
)

const (
	// maxPause is how much a pause between two pictures counts for, at most: a network
	// that stalls, a machine that sleeps and a source that stops are no fault of the encoder's.
	maxPause = time.Second
	// setsPatience is for how long pictures may come before the lack of parameter sets
	// is told: a lost packet is sent again by then.
	setsPatience = 3 * time.Second
	// judgeEvery is how often all that was seen is judged, at most: what is the matter
	// cannot change more often than that, whatever a publisher sends.
	judgeEvery = 250 * time.Millisecond
)

// health notices what in the pictures of a layer hurts its viewers. It looks at packets as
// they came, before anything is put right, has a fixed size, and belongs to the layer's
// writer.
type health struct {
	began     bool
	seq       uint16        // of the newest packet
	timestamp uint32        // of its picture
	at        int64         // when that picture began to come
	watched   time.Duration // for how long pictures have come, without long pauses
	judged    time.Duration // how much of that was judged
	order     pictureOrder
	keyframes keyframeHabit
	sets      bool // parameter sets are known, or the codec has none
}

// examine looks at a packet. Those that others overtook, or that came twice, say nothing
// about the order in which pictures were sent.
func (l *Layer) examine(p *rtp.Packet, now int64) {
	if len(p.Payload) == 0 {
		return
	}
	h := &l.health
	if h.began {
		ahead := int16(p.SequenceNumber - h.seq) //nolint:gosec // serial number arithmetic
		if ahead <= 0 && ahead > -number.MaxReorder {
			return
		}
		if ahead > number.MaxReorder || ahead <= -number.MaxReorder {
			h.order.restart() // another source, with a clock of its own
		}
	}
	fresh := !h.began || p.Timestamp != h.timestamp
	h.seq = p.SequenceNumber
	if l.nals.HasRecoveryPoint(p.Payload) {
		h.keyframes.refreshed()
	}
	if !fresh {
		return
	}
	if h.began {
		h.watched += min(time.Duration(now-h.at), maxPause)
	}
	h.began, h.timestamp, h.at = true, p.Timestamp, now
	h.order.add(p.Timestamp, int64(l.cfg.Codec.ClockRate), h.watched)
	if h.watched-h.judged >= judgeEvery {
		h.judged = h.watched
		l.warn(l.judge(now))
	}
}

// judge says what is the matter, as bits by WarningCode.
func (l *Layer) judge(now int64) (bits uint32) {
	h := &l.health
	set := func(c WarningCode, is bool) {
		if is {
			bits |= 1 << c
		}
	}
	if h.keyframes.doubt(h.watched, l.keyframeRequests.unanswered(now)) {
		l.requestKeyframe(now)
	}
	never := h.keyframes.never(h.watched)
	set(WarnNoKeyframes, never)
	set(WarnKeyframeInterval, !never && h.keyframes.seldom(h.watched))
	set(WarnBFrames, h.order.mixed(h.watched))
	if sps := l.sps.Load(); sps != nil {
		set(WarnProfile, !sps.ConstrainedBaseline)
	}
	h.sets = h.sets || l.sets == nil || l.sets.known()
	set(WarnNoParameterSets, !h.sets && h.watched > setsPatience)
	return bits
}

const (
	// mixedCycles is how often timestamps have to go back and forth before they are
	// B-frames, within mixedWindow, and how long they are told after the last time.
	mixedCycles = 3
	mixedWindow = 10 * time.Second
	// maxMixed is how far they go back, at most: encoders hold back 16 pictures.
	maxMixed = 2 * time.Second
)

// pictureOrder notices B-frames: pictures are sent in the order in which they are decoded,
// so that the timestamp, which says when one is shown, goes back and then passes the
// highest one again, over and over. A clock that is set back does it once, one that runs
// backwards never passes it.
type pictureOrder struct {
	started bool
	highest uint32
	behind  bool // a picture came that is to be shown before the highest
	cycles  int  // times that it was passed again
	first   time.Duration
	last    time.Duration
}

// restart forgets the clock, and nothing else.
func (o *pictureOrder) restart() { o.started, o.behind = false, false }

// add notes the timestamp of the next picture.
func (o *pictureOrder) add(timestamp uint32, rate int64, watched time.Duration) {
	if !o.started {
		o.started, o.highest = true, timestamp
		return
	}
	ahead := time.Duration(int32(timestamp-o.highest)) * time.Second / time.Duration(rate) //nolint:gosec // serial number arithmetic
	switch {
	case ahead.Abs() > maxMixed: // another clock
		o.highest, o.behind = timestamp, false
	case ahead < 0:
		o.behind = true
	default:
		o.highest = timestamp
		if o.behind {
			o.behind = false
			o.cycle(watched)
		}
	}
}

// cycle counts that the timestamp went back and forth once.
func (o *pictureOrder) cycle(watched time.Duration) {
	if watched-o.last > mixedWindow {
		o.cycles = 0
	}
	if o.cycles == 0 {
		o.first = watched
	}
	o.cycles++
	o.last = watched
	if o.cycles < mixedCycles && watched-o.first > mixedWindow {
		o.cycles, o.first = 1, watched
	}
}

// mixed says whether there are B-frames.
func (o *pictureOrder) mixed(watched time.Duration) bool {
	return o.cycles >= mixedCycles && watched-o.last <= mixedWindow
}
