package signaling

import (
	"net/netip"
	"sync"

	"porthole/internal/ratelimit"
)

const (
	// openOffersPerClient is how many counter-offers one address may leave unanswered.
	// Each is a session with its ports and a place among the viewers, for which nothing
	// had to be sent but a line.
	openOffersPerClient = 16
	// maxOpenOffers is the same of all clients.
	maxOpenOffers = 256
)

// openOffers counts the counter-offers that wait for their answers. The zero value
// is ready.
type openOffers struct {
	mu      sync.Mutex
	clients map[netip.Addr]int
	all     int
}

// openOffer is one of them. nil is none.
type openOffer struct {
	of     *openOffers
	client netip.Addr
	once   sync.Once
}

// take counts one more, or returns errTooManyOffers or ErrTooManySessions.
func (o *openOffers) take(client netip.Addr) (*openOffer, error) {
	client = ratelimit.Key(client)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.clients[client] >= openOffersPerClient:
		return nil, errTooManyOffers
	case o.all >= maxOpenOffers:
		return nil, ErrTooManySessions
	}
	if o.clients == nil {
		o.clients = make(map[netip.Addr]int)
	}
	o.clients[client]++
	o.all++
	return &openOffer{of: o, client: client}, nil
}

// close is for when it is answered, or its session over; only the first call counts.
func (o *openOffer) close() {
	if o == nil {
		return
	}
	o.once.Do(func() {
		o.of.mu.Lock()
		defer o.of.mu.Unlock()
		o.of.all--
		if o.of.clients[o.client]--; o.of.clients[o.client] == 0 {
			delete(o.of.clients, o.client)
		}
	})
}
