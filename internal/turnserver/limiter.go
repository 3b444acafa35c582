package turnserver

import (
	"net/netip"
	"time"

	"porthole/internal/ratelimit"
)

// limiter bounds what each client address may do in a second. All methods may be
// called by any goroutine.
type limiter struct{ buckets *ratelimit.Buckets }

func newLimiter(perSecond float64, burst int) *limiter {
	return &limiter{buckets: ratelimit.New(perSecond, burst)}
}

// take uses up one token of a client. It says whether there was one.
func (l *limiter) take(client netip.Addr) bool {
	now := time.Now()
	return l.buckets.Of(client, now).AllowN(now, 1)
}

// has says whether a client has a token left, and takes none.
func (l *limiter) has(client netip.Addr) bool {
	bucket, full := l.buckets.Full(client)
	return full || bucket.TokensAt(time.Now()) >= 1
}
