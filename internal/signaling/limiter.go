package signaling

import (
	"net/netip"
	"time"

	"porthole/internal/ratelimit"
)

// DefaultRate is how many requests per second a client may make: enough for one household
// or one office behind one address.
const DefaultRate = 50

// Limiter bounds the requests of each client address. One Limiter may serve
// several Handlers. A nil Limiter allows everything.
type Limiter struct{ buckets *ratelimit.Buckets }

// NewLimiter allows each client perSecond requests a second in the long run and
// burst at once. It returns nil, which allows everything, when perSecond is not
// positive; a burst below one counts as one.
func NewLimiter(perSecond float64, burst int) *Limiter {
	if perSecond <= 0 {
		return nil
	}
	return &Limiter{buckets: ratelimit.New(perSecond, burst)}
}

// allow counts one request. It returns a *rateError when it is one too many.
func (l *Limiter) allow(addr netip.Addr) error {
	if l == nil {
		return nil
	}
	now := time.Now()
	reservation := l.buckets.Of(addr, now).ReserveN(now, 1)
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now) // refused requests do not push the next one away
		return &rateError{retry: wait}
	}
	return nil
}
