package reach

import (
	"net/netip"
	"sync"
	"time"
)

// networkAge is how old what is known of the machine's interfaces may be. Reading
// them takes longer than anything else in an answer, and fifty viewers who come at
// once would read the same.
const networkAge = time.Second

// Network is the machine's addresses that clients are told, as of a moment ago.
type Network struct {
	// Set by whoever makes it, read-only afterwards.
	Named    netip.Addr // the one address that counts; unspecified for all
	Choice   InterfaceChoice
	Read     func() ([]Interface, error)
	Outgoing func() []netip.Addr // that packets to the world leave from

	mu    sync.Mutex
	since time.Time
	hosts []netip.Addr // replaced, never edited
}

// Current returns the addresses, the best one first.
func (n *Network) Current() ([]netip.Addr, error) {
	if n.Named.IsValid() && !n.Named.IsUnspecified() {
		return []netip.Addr{n.Named}, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.since.IsZero() && time.Since(n.since) < networkAge {
		return n.hosts, nil
	}
	interfaces, err := n.Read()
	if err != nil {
		return nil, err
	}
	n.hosts, n.since = n.Choice.HostAddrs(interfaces, n.Outgoing()), time.Now()
	return n.hosts, nil
}
