package load

import (
	"math"
	"math/bits"
	"sync"
	"time"
)

// histogram counts durations in memory of a fixed size, however many there are:
// to the microsecond below 256 µs, to less than one percent above. Negative
// ones are counted too: they tell that two clocks disagree. Any goroutine may
// use it; the zero value is empty.
type histogram struct {
	mu       sync.Mutex // guards what follows
	counts   [2 * histogramSide]uint32
	n        int
	min, max time.Duration
}

const (
	histogramBits = 7  // 128 buckets between a power of two and the next
	histogramMax  = 36 // bits of the longest duration, in microseconds: 19 hours
	histogramSide = (histogramMax - histogramBits + 1) << histogramBits
)

// add counts a duration.
func (h *histogram) add(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n == 0 {
		h.min, h.max = d, d
	}
	h.min, h.max = min(h.min, d), max(h.max, d)
	h.n++
	if d >= 0 {
		h.counts[histogramSide+bucket(d)]++
	} else {
		h.counts[histogramSide-1-bucket(-d)]++
	}
}

// bucket returns where a duration that is not negative is counted.
func bucket(d time.Duration) int {
	v := min(uint64(d.Microseconds()), 1<<histogramMax-1)
	shift := max(0, bits.Len64(v)-histogramBits-1)
	return shift<<histogramBits + int(v>>shift)
}

// lowest returns the shortest duration of a bucket.
func lowest(bucket int) time.Duration {
	shift := max(0, bucket>>histogramBits-1)
	return time.Duration(bucket-shift<<histogramBits) << shift * time.Microsecond
}

// distribution returns what was counted, in milliseconds. Least and greatest
// are exact.
func (h *histogram) distribution() Distribution {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n == 0 {
		return Distribution{}
	}
	rank := func(p float64) float64 {
		left := int(math.Ceil(p * float64(h.n)))
		for i, n := range h.counts {
			if left -= int(n); left <= 0 {
				return round(milliseconds(min(max(middle(i), h.min), h.max)))
			}
		}
		return round(milliseconds(h.max))
	}
	return Distribution{
		Count: h.n, Min: round(milliseconds(h.min)), P50: rank(0.5), P95: rank(0.95), P99: rank(0.99), Max: round(milliseconds(h.max)),
	}
}

// middle returns the duration in the middle of counts[i].
func middle(i int) time.Duration {
	if i < histogramSide {
		return -middle(2*histogramSide - 1 - i)
	}
	i -= histogramSide
	return (lowest(i) + lowest(i+1)) / 2
}
