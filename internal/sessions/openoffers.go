package sessions

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
	// maxopenOffers is the same of all clients.
	maxopenOffers = 256
)

// openOffers counts the counter-offers that wait for their answers. The zero value
// is ready.
type openOffers struct {
	mu      sync.Mutex
	clients map[netip.Addr]int
	all     int
}

// OpenOffer is one of them. nil is none.
type OpenOffer struct {
	of     *openOffers
	client netip.Addr
	once   sync.Once
}

// take counts one more, or returns ErrTooManyOffers or ErrTooManySessions.
func (o *openOffers) take(client netip.Addr) (*OpenOffer, error) {
	client = ratelimit.Key(client)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.clients[client] >= openOffersPerClient:
		return nil, ErrTooManyOffers
	case o.all >= maxopenOffers:
		return nil, ErrTooManySessions
	}
	if o.clients == nil {
		o.clients = make(map[netip.Addr]int)
	}
	o.clients[client]++
	o.all++
	return &OpenOffer{of: o, client: client}, nil
}

// Close is for when it is answered, or its session over; only the first call counts.
func (o *OpenOffer) Close() {
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

// OpenOffer counts a counter-offer to a client until it is closed. The error is
// ErrTooManyOffers or ErrTooManySessions.
func (t *Table) OpenOffer(client netip.Addr) (*OpenOffer, error) { return t.offers.take(client) }
