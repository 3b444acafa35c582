// Package pace says when a viewer may be sent something, and how much: a [Pacer] spreads large
// pictures, a [Budget] bounds what a viewer makes us do beyond the stream, and a [RateLimit] keeps to the
// rate that the viewer allows (TMMBR). It is pure: times are nanoseconds of whatever clock is passed in.
package pace

import "time"

const (
	paceFactor = 8 // how much faster than the stream a viewer may be sent to
	// Min is the slowest pace, in bytes per second: 24 Mbit/s.
	Min = 3_000_000
	// Burst is how many bytes may leave at once on a path that is not known to be narrow. A usual key picture of 720p, 40 kB,
	// is below it: by the pace alone it would come 7 ms later than others, twice a second or
	// so a jerk. It is one system call, and less than what the buffers of the smallest
	// routers hold.
	Burst = 48 * 1200.0
	// paceStep is how long packets then gather, so that not each one is a wake-up.
	paceStep = 2 * time.Millisecond
)

// Pacer is a leaky bucket in the form of a virtual clock: a larger key picture
// leaves in bursts, and other viewers' packets go out in between. Times are nanoseconds.
type Pacer struct {
	next int64 // when the bucket is empty
}

// Allow takes size bytes from the bucket, which burst bytes fit into. When they have to wait, it takes
// nothing and returns the time to try again.
func (p *Pacer) Allow(now int64, size int, bytesPerSecond, burst float64) (due int64, ok bool) {
	window := int64(burst / bytesPerSecond * 1e9)
	if p.next > now+window {
		return max(p.next-window, now+int64(paceStep)), false
	}
	p.Charge(now, size, bytesPerSecond)
	return 0, true
}

// Charge takes size bytes that do not wait from the bucket.
func (p *Pacer) Charge(now int64, size int, bytesPerSecond float64) {
	p.next = max(p.next, now) + int64(float64(size)/bytesPerSecond*1e9)
}

// Empty returns when all that was taken has left, at the pace it had.
func (p *Pacer) Empty(now int64) int64 { return max(p.next, now) }

// For returns the bytes per second at which a viewer is sent a stream of
// the given bit rate.
func For(bitsPerSecond uint64) float64 {
	return max(Min, float64(bitsPerSecond)/8*paceFactor)
}
