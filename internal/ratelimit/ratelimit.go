// Package ratelimit keeps a token bucket for each client address, in bounded memory.
package ratelimit

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// MaxClients is how many addresses have a bucket of their own, of about 100 bytes.
// All others share one: the defence against floods from many addresses.
const MaxClients = 10_000

// Buckets are the clients' buckets. All methods may be called by any goroutine.
type Buckets struct {
	// Set by New, read-only afterwards.
	rate  rate.Limit
	burst int
	// idle is after how long without requests a client's bucket is full again, so
	// that forgetting it changes nothing.
	idle time.Duration

	mu        sync.Mutex
	clients   map[netip.Addr]*client
	strangers client
	swept     time.Time
}

// client is one bucket.
type client struct {
	bucket *rate.Limiter
	seen   time.Time
}

// New makes buckets that fill at perSecond tokens a second, more than zero, and hold
// burst tokens, one at least.
func New(perSecond float64, burst int) *Buckets {
	burst = max(burst, 1)
	return &Buckets{
		rate: rate.Limit(perSecond), burst: burst,
		idle:      time.Duration(float64(burst) / perSecond * float64(time.Second)),
		clients:   make(map[netip.Addr]*client),
		strangers: client{bucket: rate.NewLimiter(rate.Limit(perSecond), burst)},
	}
}

// Of returns the bucket of a client, who is here now.
func (b *Buckets) Of(addr netip.Addr, now time.Time) *rate.Limiter {
	addr = Key(addr)
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.clients[addr]
	if c == nil {
		b.sweepLocked(now)
		if len(b.clients) >= MaxClients {
			return b.strangers.bucket
		}
		c = &client{bucket: rate.NewLimiter(b.rate, b.burst)}
		b.clients[addr] = c
	}
	c.seen = now
	return c.bucket
}

// Full says whether a client's bucket is full because nothing is known of the
// client, and else returns it. It makes none.
func (b *Buckets) Full(addr netip.Addr) (bucket *rate.Limiter, full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.clients[Key(addr)]
	if c == nil {
		return nil, true
	}
	return c.bucket, false
}

// Len returns how many clients have a bucket of their own.
func (b *Buckets) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.clients)
}

// sweepLocked forgets idle clients, at most once per idle time and second: a
// flood of new addresses must not make each request walk the table.
func (b *Buckets) sweepLocked(now time.Time) {
	if now.Sub(b.swept) < max(b.idle, time.Second) {
		return
	}
	b.swept = now
	for addr, c := range b.clients {
		if now.Sub(c.seen) > b.idle {
			delete(b.clients, addr)
		}
	}
}

// Key is what counts as one client. A household has a whole /64 of IPv6.
func Key(addr netip.Addr) netip.Addr {
	if addr.Is4() || !addr.IsValid() {
		return addr
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return addr
	}
	return prefix.Addr()
}
