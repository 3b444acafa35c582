package signaling

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Defaults that suit one household or one office behind one address.
const (
	DefaultRate  = 50 // requests per second and client
	DefaultBurst = 50
)

// maxClients bounds the memory of a Limiter, about 100 bytes each.
const maxClients = 10_000

// Limiter bounds the requests of each client address. One Limiter may serve
// several Handlers. A nil Limiter allows everything.
type Limiter struct {
	rate  rate.Limit
	burst int
	// idle is after how long without requests a client's bucket is full again, so
	// that forgetting it changes nothing.
	idle time.Duration

	mu      sync.Mutex
	clients map[netip.Addr]*client
	// strangers is shared by the clients that find no place in the table: the
	// defence against floods from many addresses.
	strangers client
	swept     time.Time
}

// client is one bucket.
type client struct {
	bucket *rate.Limiter
	seen   time.Time
}

// NewLimiter allows each client perSecond requests a second in the long run and
// burst at once. It returns nil, which allows everything, when perSecond is not
// positive; a burst below one counts as one.
func NewLimiter(perSecond float64, burst int) *Limiter {
	if perSecond <= 0 {
		return nil
	}
	burst = max(burst, 1)
	l := &Limiter{
		rate: rate.Limit(perSecond), burst: burst,
		idle:    time.Duration(float64(burst) / perSecond * float64(time.Second)),
		clients: make(map[netip.Addr]*client),
	}
	l.strangers.bucket = rate.NewLimiter(l.rate, burst)
	return l
}

// allow counts one request. It returns a *rateError when it is one too many.
func (l *Limiter) allow(addr netip.Addr) error {
	if l == nil {
		return nil
	}
	now := time.Now()
	l.mu.Lock()
	bucket := l.clientLocked(key(addr), now).bucket
	l.mu.Unlock()

	reservation := bucket.ReserveN(now, 1)
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now) // refused requests do not push the next one away
		return &rateError{retry: wait}
	}
	return nil
}

// key is what counts as one client. A household has a whole /64 of IPv6.
func key(addr netip.Addr) netip.Addr {
	if addr.Is4() || !addr.IsValid() {
		return addr
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return addr
	}
	return prefix.Addr()
}

func (l *Limiter) clientLocked(addr netip.Addr, now time.Time) *client {
	c := l.clients[addr]
	if c == nil {
		l.sweepLocked(now)
		if len(l.clients) >= maxClients {
			return &l.strangers
		}
		c = &client{bucket: rate.NewLimiter(l.rate, l.burst)}
		l.clients[addr] = c
	}
	c.seen = now
	return c
}

// sweepLocked forgets idle clients, at most once per idle time and second: a
// flood of new addresses must not make each request walk the table.
func (l *Limiter) sweepLocked(now time.Time) {
	if now.Sub(l.swept) < max(l.idle, time.Second) {
		return
	}
	l.swept = now
	for addr, c := range l.clients {
		if now.Sub(c.seen) > l.idle {
			delete(l.clients, addr)
		}
	}
}
