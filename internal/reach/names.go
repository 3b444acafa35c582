package reach

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/mdns/v2"
	"golang.org/x/net/ipv4"

	"porthole/internal/pionlog"
)

const (
	// nameTimeout is how long a name is looked for: who has it answers at once, or is
	// in another network.
	nameTimeout = 2 * time.Second
	// maxNames is how many are looked for at a time. More are not looked for: their
	// clients are found by their own checks, as a rule.
	maxNames = 16
)

// Names looks up the .local names by which browsers hide their addresses (RFC 6762):
// knowing the address, we send checks there as well, which lets the answers of a host's
// own firewall in. The multicast socket exists while somebody is looked for, and no
// longer.
type Names struct {
	// Set by NewNames, read-only afterwards.
	query func(ctx context.Context, name string) (netip.Addr, error)
	log   *slog.Logger

	slots   chan struct{}  // one for each name that is looked for
	looking sync.WaitGroup // only added to while mu is held and closed is false

	mu     sync.Mutex
	closed bool       // guarded by mu
	conn   *mdns.Conn // guarded by mu; nil while users is 0
	users  int        // guarded by mu
}

// NewNames makes one that asks query for the address of a name, or, when that is nil,
// everybody in the machine's networks.
func NewNames(query func(ctx context.Context, name string) (netip.Addr, error), log *slog.Logger) *Names {
	n := &Names{query: query, log: log, slots: make(chan struct{}, maxNames)}
	if query == nil {
		n.query = n.ask
	}
	return n
}

// Close waits for the end of what Find began, whose contexts have ended, and begins
// nothing any more.
func (n *Names) Close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.looking.Wait()
}

// Find looks for a name in the background and tells its address, if there is one before
// ctx ends.
func (n *Names) Find(ctx context.Context, name string, found func(netip.Addr)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	select {
	case n.slots <- struct{}{}:
	default:
		return
	}
	n.looking.Go(func() {
		defer func() { <-n.slots }()
		ctx, cancel := context.WithTimeout(ctx, nameTimeout)
		defer cancel()
		addr, err := n.query(ctx, name)
		if err != nil {
			n.log.Debug("nobody answers to a client's name", "name", name, "error", err)
			return
		}
		if addr = addr.Unmap().WithZone(""); addr.IsValid() && !addr.IsLinkLocalUnicast() && !addr.IsUnspecified() && !addr.IsMulticast() {
			found(addr)
		}
	})
}

// ask asks everybody in the machine's networks.
func (n *Names) ask(ctx context.Context, name string) (netip.Addr, error) {
	conn, err := n.use()
	if err != nil {
		return netip.Addr{}, err
	}
	defer n.release()
	_, addr, err := conn.QueryAddr(ctx, name)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("mDNS: %w", err)
	}
	return addr, nil
}

// use returns the socket, which the first user opens.
func (n *Names) use() (*mdns.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn == nil {
		group, err := net.ResolveUDPAddr("udp4", mdns.DefaultAddressIPv4)
		if err != nil {
			return nil, fmt.Errorf("mDNS: %w", err)
		}
		udp, err := net.ListenUDP("udp4", group)
		if err != nil {
			return nil, fmt.Errorf("mDNS: %w", err)
		}
		n.conn, err = mdns.NewServer(ipv4.NewPacketConn(udp), nil,
			mdns.WithLoggerFactory(pionlog.Log{Log: n.log}), mdns.WithCacheRefresh(false),
			mdns.WithIncludeLoopback(true)) // a browser on this machine
		if err != nil {
			n.conn = nil
			return nil, errors.Join(fmt.Errorf("mDNS: %w", err), udp.Close())
		}
	}
	n.users++
	return n.conn, nil
}

// release closes the socket after its last user.
func (n *Names) release() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.users--; n.users > 0 {
		return
	}
	if err := n.conn.Close(); err != nil {
		n.log.Debug("cannot close the mDNS socket", "error", err)
	}
	n.conn = nil
}
