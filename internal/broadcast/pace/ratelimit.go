package pace

import (
	"math"
	"time"
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
)

// RateLimit is the bit rate that a viewer allows for a track (TMMBR, RFC 5104 section
// 3.5.4). It is a bucket that fills with time and that packets are taken from.
// Pictures are sent whole or not at all: one may begin while the bucket is not
// empty, and what it takes too much is missing afterwards. A viewer of several
// encodings is sent one that fits, so that the bucket seldom runs empty.
type RateLimit struct {
	BitRate  uint64 // bits per second; 0 stops the track
	Overhead int    // bytes that are counted for each packet besides its payload
	level    float64
	filled   int64 // when level was right
	readyAt  int64 // when there was enough again; 0: there is not
}

// NewRateLimit makes one with a full bucket, so that a stream which keeps to it is
// not disturbed.
func NewRateLimit(e MaxBitRate, now int64) *RateLimit {
	return &RateLimit{BitRate: e.Rate, Overhead: e.Overhead, filled: now, level: float64(boundBurst) * float64(e.Rate) / 8e9}
}

// Changed returns the limit that takes the place of b, which may be nil: what is left of it counts.
func (b *RateLimit) Changed(e MaxBitRate, now int64) *RateLimit {
	to := NewRateLimit(e, now)
	if b != nil {
		to.level, to.readyAt = b.fill(now), b.readyAt
	}
	return to
}

// Take counts a packet. It may be called without a limit.
func (b *RateLimit) Take(payload int) {
	if b != nil {
		b.level -= float64(payload + b.Overhead)
	}
}

// fill brings the bucket up to date and returns its level, in bytes.
func (b *RateLimit) fill(now int64) float64 {
	perNano := float64(b.BitRate) / 8e9
	b.level = min(b.level+float64(now-b.filled)*perNano, float64(boundBurst)*perNano)
	b.filled = now
	return b.level
}

// Allows says whether a picture may begin.
func (b *RateLimit) Allows(now int64) bool { return b.fill(now) > 0 }

// Holds says whether a picture that was interrupted has to stay away, and when to
// look again.
func (b *RateLimit) Holds(now int64, video bool) (due int64, held bool) {
	if b.BitRate == 0 {
		return 0, true
	}
	reserve := 0.0
	if video {
		reserve = float64(boundReserve) * float64(b.BitRate) / 8e9
	}
	if missing := reserve - b.fill(now); missing >= 0 {
		b.readyAt = 0
		wait := min(missing*8e9/float64(b.BitRate)+1, float64(time.Hour))
		return now + int64(math.Ceil(wait)), true
	}
	if b.readyAt == 0 {
		b.readyAt = now
	}
	return 0, false
}

// Asks returns when the track may ask for a keyframe; without a bound it always may.
func (b *RateLimit) Asks() int64 {
	if b == nil || b.readyAt == 0 {
		return 0
	}
	return b.readyAt + int64(boundPatience)
}
