package peer

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/transport/v4"
	"github.com/pion/transport/v4/stdnet"
)

// networkAge is how old what is known of the machine's interfaces may be. Reading
// them takes longer than anything else in an answer, and fifty viewers who come at
// once would read the same.
const networkAge = time.Second

// network is the machine's interfaces and addresses, as of a moment ago.
type network struct {
	named netip.Addr // the one address that counts; unspecified for all

	mu    sync.Mutex
	read  time.Time
	hosts []netip.Addr  // what hostAddrs returned; replaced, never edited
	net   transport.Net // pion's view, for ICE-TCP
}

// current returns what clients are told, and pion's view of the same moment.
func (n *network) current() ([]netip.Addr, transport.Net, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.net != nil && time.Since(n.read) < networkAge {
		return n.hosts, n.net, nil
	}
	hosts, err := hostAddrs(n.named)
	if err != nil {
		return nil, nil, err
	}
	view, err := stdnet.NewNet()
	if err != nil {
		return nil, nil, fmt.Errorf("read network interfaces: %w", err)
	}
	n.hosts, n.net, n.read = hosts, view, time.Now()
	return n.hosts, n.net, nil
}
