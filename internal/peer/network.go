package peer

import (
	"net/netip"
	"sync"
	"time"
)

// networkAge is how old what is known of the machine's interfaces may be. Reading
// them takes longer than anything else in an answer, and fifty viewers who come at
// once would read the same.
const networkAge = time.Second

// network is the machine's addresses that clients are told, as of a moment ago.
type network struct {
	// Set by Listen, read-only afterwards.
	named    netip.Addr // the one address that counts; unspecified for all
	choice   interfaceChoice
	read     func() ([]networkInterface, error)
	outgoing func() []netip.Addr // that packets to the world leave from

	mu    sync.Mutex
	since time.Time
	hosts []netip.Addr // replaced, never edited
}

// current returns the addresses, the best one first.
func (n *network) current() ([]netip.Addr, error) {
	if n.named.IsValid() && !n.named.IsUnspecified() {
		return []netip.Addr{n.named}, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.since.IsZero() && time.Since(n.since) < networkAge {
		return n.hosts, nil
	}
	interfaces, err := n.read()
	if err != nil {
		return nil, err
	}
	n.hosts, n.since = n.choice.hostAddrs(interfaces, n.outgoing()), time.Now()
	return n.hosts, nil
}
