package broadcast

import (
	"math"
	"time"

	"github.com/pion/rtcp"
)

const (
	// boundBurst is how much a viewer's bound may be exceeded for a moment, in time
	// at the bound's rate: the pictures of a stream differ in size.
	boundBurst = 500 * time.Millisecond
	// boundReserve is how much of it has to be there before the picture comes back.
	boundReserve = boundBurst / 2
	// boundPatience is how long a publisher's own keyframe is waited for then: one
	// that is asked for costs all other viewers something.
	boundPatience = 2 * time.Second
	// noticesPerSecond and noticesBurst bound how often a viewer is told of its bounds:
	// a request has many entries, and each answer is larger than one.
	noticesPerSecond = 4
	noticesBurst     = 8
)

// rateLimit is the bit rate that a viewer allows for a track (TMMBR, RFC 5104 section
// 3.5.4). It is a bucket that fills with time and that packets are taken from.
// Pictures are sent whole or not at all: one may begin while the bucket is not
// empty, and what it takes too much is missing afterwards. A viewer of several
// encodings is sent one that fits, so that the bucket seldom runs empty.
type rateLimit struct {
	bitRate  uint64 // bits per second; 0 stops the track
	overhead int    // bytes that are counted for each packet besides its payload
	level    float64
	filled   int64 // when level was right
	readyAt  int64 // when there was enough again; 0: there is not
}

// newRateLimit makes one with a full bucket, so that a stream which keeps to it is
// not disturbed.
func newRateLimit(e maxBitRate, now int64) *rateLimit {
	return &rateLimit{bitRate: e.rate, overhead: e.overhead, filled: now, level: float64(boundBurst) * float64(e.rate) / 8e9}
}

// take counts a packet. It may be called without a limit.
func (b *rateLimit) take(payload int) {
	if b != nil {
		b.level -= float64(payload + b.overhead)
	}
}

// fill brings the bucket up to date and returns its level, in bytes.
func (b *rateLimit) fill(now int64) float64 {
	perNano := float64(b.bitRate) / 8e9
	b.level = min(b.level+float64(now-b.filled)*perNano, float64(boundBurst)*perNano)
	b.filled = now
	return b.level
}

// allows says whether a picture may begin.
func (b *rateLimit) allows(now int64) bool { return b.fill(now) > 0 }

// holds says whether a picture that was interrupted has to stay away, and when to
// look again.
func (b *rateLimit) holds(now int64, video bool) (due int64, held bool) {
	if b.bitRate == 0 {
		return 0, true
	}
	reserve := 0.0
	if video {
		reserve = float64(boundReserve) * float64(b.bitRate) / 8e9
	}
	if missing := reserve - b.fill(now); missing >= 0 {
		b.readyAt = 0
		wait := min(missing*8e9/float64(b.bitRate)+1, float64(time.Hour))
		return now + int64(math.Ceil(wait)), true
	}
	if b.readyAt == 0 {
		b.readyAt = now
	}
	return 0, false
}

// asks returns when the track may ask for a keyframe; without a bound it always may.
func (b *rateLimit) asks() int64 {
	if b == nil || b.readyAt == 0 {
		return 0
	}
	return b.readyAt + int64(boundPatience)
}

// limitRate takes a viewer's TMMBR and answers it with the bounds that hold now (RFC 5104
// section 4.2.2). A connection has one receiver, whose newest word counts.
func (v *Viewer) limitRate(packet []byte, now int64) {
	owner, entries, ok := parseTMMBR(packet)
	if !ok {
		return
	}
	for _, e := range entries {
		t := v.bySSRC(e.ssrc)
		if t == nil {
			continue
		}
		b := newRateLimit(e, now)
		if t.bound != nil {
			b.level, b.readyAt = t.bound.fill(now), t.bound.readyAt
		}
		t.bound, t.checked = b, 0
		if !v.notices.take(now, 1, noticesPerSecond, noticesBurst) {
			continue // who is not told asks again
		}
		err := v.sink.WriteRTCP([]rtcp.Packet{
			&rtcp.ReceiverReport{SSRC: e.ssrc},
			rtcp.NewCNAMESourceDescription(e.ssrc, v.cname),
			formatNotification(e.ssrc, owner, e),
		})
		if err != nil {
			v.stats.drop(DropWriteError, 1)
		}
	}
}

// starved says whether a picture is missing because the viewer does not want it.
func (t *track) starved() bool { return t.bound != nil && t.gated }

// need returns the bits per second that it takes to send an encoding, with the
// headers that the viewer counts.
func (t *track) need(c candidate) uint64 {
	if t.bound == nil || t.packets == 0 || t.octets == 0 {
		return c.rate
	}
	return uint64(float64(c.rate) * (1 + float64(t.bound.overhead)*float64(t.packets)/float64(t.octets)))
}

// held says whether the viewer's bound keeps the gate closed, and when to look
// again. What comes meanwhile is not for the viewer: it would be too much again.
func (t *track) held(now int64) (due int64, held bool) {
	if t.bound == nil {
		return 0, false
	}
	if due, held = t.bound.holds(now, t.layer.video); held {
		t.from = t.layer.ring.Head()
	}
	return due, held
}
