package broadcast

const (
	paceFactor = 8           // how much faster than the stream a viewer may be sent to
	minPace    = 3_000_000   // bytes per second; 24 Mbit/s
	paceBurst  = 16 * 1200.0 // bytes that may leave at once: one batch
)

// pacer is a leaky bucket in the form of a virtual clock: a key picture of 60
// packets leaves in bursts of at most a batch, and other viewers' packets go
// out in between. Times are nanoseconds.
type pacer struct {
	next int64 // when the bucket is empty
}

// allow takes size bytes from the bucket. When they have to wait, it takes
// nothing and returns the time to try again.
func (p *pacer) allow(now int64, size int, bytesPerSecond float64) (due int64, ok bool) {
	window := int64(paceBurst / bytesPerSecond * 1e9)
	p.next = max(p.next, now)
	if p.next > now+window {
		return p.next - window, false
	}
	p.next += int64(float64(size) / bytesPerSecond * 1e9)
	return 0, true
}

// paceFor returns the bytes per second at which a viewer is sent a stream of
// the given bit rate.
func paceFor(bitsPerSecond uint64) float64 {
	return max(minPace, float64(bitsPerSecond)/8*paceFactor)
}
