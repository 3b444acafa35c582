package sse

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"porthole/internal/ratelimit"
)

// Why an event stream is refused. Both are worth another try later.
var (
	// ErrClientFull says that the client follows as many streams as it may.
	ErrClientFull = errors.New("too many streams of events or pictures from your address")
	// ErrFull says the same of all clients together.
	ErrFull = errors.New("the server has as many streams of events and pictures as it can")
)

// Limit bounds the streams of events, and of pictures, that are open at a time: each keeps a connection and a
// goroutine for as long as its client likes. A nil Limit allows any number.
type Limit struct {
	// Set by NewLimit, read-only afterwards.
	perClient, total int // 0: no bound

	mu      sync.Mutex
	open    int
	clients map[netip.Addr]int // of those who have any
}

// NewLimit allows perClient streams for each client, a /64 of IPv6 being one, and total
// for all together; 0 is no bound.
func NewLimit(perClient, total int) *Limit {
	return &Limit{perClient: perClient, total: total, clients: make(map[netip.Addr]int)}
}

// Enter counts one more stream of a client, until leave is called, once. The error is
// ErrClientFull or ErrFull and says how many there may be.
func (l *Limit) Enter(client netip.Addr) (leave func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	client = ratelimit.Key(client.Unmap().WithZone(""))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.perClient > 0 && l.clients[client] >= l.perClient:
		return nil, fmt.Errorf("%w: %d at a time, half of what --max-client-connections and ulimit -n allow one address", ErrClientFull, l.perClient)
	case l.total > 0 && l.open >= l.total:
		return nil, fmt.Errorf("%w: %d at a time; half of what ulimit -n allows is the limit", ErrFull, l.total)
	}
	l.open++
	l.clients[client]++
	return func() { l.leave(client) }, nil
}

func (l *Limit) leave(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.clients[client]--; l.clients[client] == 0 {
		delete(l.clients, client)
	}
}
