package turnserver

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxClients bounds the memory of a limiter, about 100 bytes each.
const maxClients = 10_000

// limiter bounds what each client address may do in a second. All methods may be
// called by any goroutine.
type limiter struct {
	rate  rate.Limit
	burst int
	// idle is after how long a client's bucket is full again, so that forgetting it
	// changes nothing.
	idle time.Duration

	mu      sync.Mutex
	clients map[netip.Addr]*bucket
	// strangers is shared by those who find no place in the table: the defence
	// against floods from many addresses.
	strangers *bucket
	swept     time.Time
}

type bucket struct {
	tokens *rate.Limiter
	seen   time.Time
}

func newLimiter(perSecond float64, burst int) *limiter {
	return &limiter{
		rate: rate.Limit(perSecond), burst: burst, idle: time.Duration(float64(burst) / perSecond * float64(time.Second)),
		clients: make(map[netip.Addr]*bucket), strangers: &bucket{tokens: rate.NewLimiter(rate.Limit(perSecond), burst)},
	}
}

// take uses up one token of a client. It says whether there was one.
func (l *limiter) take(client netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	return l.bucket(client, now).tokens.AllowN(now, 1)
}

// has says whether a client has a token left, and takes none.
func (l *limiter) has(client netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.clients[key(client)]
	return b == nil || b.tokens.TokensAt(time.Now()) >= 1
}

// bucket returns the client's. The caller holds mu.
func (l *limiter) bucket(client netip.Addr, now time.Time) *bucket {
	client = key(client)
	b := l.clients[client]
	if b == nil {
		l.sweep(now)
		if len(l.clients) >= maxClients {
			return l.strangers
		}
		b = &bucket{tokens: rate.NewLimiter(l.rate, l.burst)}
		l.clients[client] = b
	}
	b.seen = now
	return b
}

// sweep forgets idle clients, at most once a second: a flood of new addresses must
// not make each request walk the table. The caller holds mu.
func (l *limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < max(l.idle, time.Second) {
		return
	}
	l.swept = now
	for addr, b := range l.clients {
		if now.Sub(b.seen) > l.idle {
			delete(l.clients, addr)
		}
	}
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
