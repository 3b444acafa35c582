package turnserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/turn/v5"
)

var (
	errNoTCPRelay = errors.New("relays carry UDP only") // no RFC 6062
	errNoPort     = errors.New("no port of the relay range is free")
	errNoAddress  = errors.New("this machine has no address of the wanted family that media is sent from")
	errQuota      = errors.New("too many allocations")
	errClosed     = errors.New("the TURN server is closed")
)

// portAttempts is how many ports of a range are tried.
const portAttempts = 32

// relays makes the sockets of allocations, counts them, and knows where they may
// send. It is a turn.RelayAddressGenerator.
type relays struct {
	cfg     Config
	policy  *policy
	metrics *metrics
	readers readers // of the relays' sockets

	mu        sync.Mutex
	closed    bool
	open      map[*relayConn]struct{}
	bySession map[string]int
}

func newRelays(cfg Config, p *policy, m *metrics) *relays {
	return &relays{cfg: cfg, policy: p, metrics: m, open: make(map[*relayConn]struct{}), bySession: make(map[string]int)}
}

var _ turn.RelayAddressGenerator = (*relays)(nil)

// Validate has nothing to find fault with.
func (*relays) Validate() error { return nil }

// quota is a turn.QuotaHandler: it says whether a session may have one more.
func (r *relays) quota(session, _ string, _ net.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return false
	case len(r.open) >= r.cfg.Limits.Allocations:
		r.metrics.refused(refusedTotal)
		return false
	case r.bySession[session] >= r.cfg.Limits.SessionAllocations:
		r.metrics.refused(refusedSession)
		return false
	}
	return true
}

// permit is a turn.PermissionHandler, which is told no port: relayConn looks at it.
func (r *relays) permit(_ net.Addr, peer net.IP) bool {
	addr, ok := netip.AddrFromSlice(peer)
	if ok && r.policy.host(addr) {
		return true
	}
	r.metrics.refused(refusedPeer)
	return false
}

// AllocatePacketConn opens the socket of an allocation, on an address that the
// media socket is known by: nobody else need reach it.
func (r *relays) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	wants4 := c.Network != "udp6"
	media, _ := r.policy.current()
	last := errNoAddress
	for _, addr := range media {
		if addr.Addr().Is4() != wants4 {
			continue
		}
		udp, err := r.bind(c.Network, addr.Addr(), c.RequestedPort)
		if err != nil { // an address beyond a NAT is not ours to bind
			last = err
			continue
		}
		enlarge(udp, relayBuffer)
		conn, err := r.add(udp, c.UserID)
		if err != nil {
			return nil, nil, errors.Join(err, udp.Close())
		}
		return conn, udp.LocalAddr(), nil
	}
	return nil, nil, fmt.Errorf("open a relay: %w", last)
}

// bind opens a socket on a port of the range.
func (r *relays) bind(network string, addr netip.Addr, port int) (*net.UDPConn, error) {
	ports := r.cfg.RelayPorts
	if port != 0 || ports.IsZero() {
		return net.ListenUDP(network, &net.UDPAddr{IP: addr.AsSlice(), Port: port})
	}
	for range portAttempts {
		port := int(ports.Min) + rand.IntN(int(ports.Max)-int(ports.Min)+1) //nolint:gosec // guessing a port gains nothing
		if conn, err := net.ListenUDP(network, &net.UDPAddr{IP: addr.AsSlice(), Port: port}); err == nil {
			return conn, nil
		}
	}
	return nil, errNoPort
}

// add counts a socket. The quota is checked again: clients of several connections
// are served at the same time.
func (r *relays) add(udp *net.UDPConn, session string) (*relayConn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, errClosed
	case len(r.open) >= r.cfg.Limits.Allocations || r.bySession[session] >= r.cfg.Limits.SessionAllocations:
		return nil, errQuota
	}
	c := &relayConn{UDPConn: udp, relays: r, session: session}
	r.open[c] = struct{}{}
	r.bySession[session]++
	r.metrics.opened()
	return c, nil
}

// remove forgets a socket.
func (r *relays) remove(c *relayConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.open[c]; !ok {
		return
	}
	delete(r.open, c)
	if r.bySession[c.session]--; r.bySession[c.session] == 0 {
		delete(r.bySession, c.session)
	}
	r.metrics.closed()
}

func (r *relays) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.open)
}

// close closes all sockets and lets nobody open one.
func (r *relays) close() {
	r.readers.shut()
	r.mu.Lock()
	r.closed = true
	var open []*relayConn
	for c := range r.open {
		open = append(open, c)
	}
	r.mu.Unlock()
	for _, c := range open {
		_ = c.Close() // its reader notices
	}
}

// AllocateListener refuses relays that carry TCP.
func (*relays) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNoTCPRelay
}

// AllocateConn refuses relays that carry TCP.
func (*relays) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errNoTCPRelay }

// relayConn is the socket of one allocation. Packets from and to where relays may
// not send are dropped here, whatever permissions were given by IP address.
type relayConn struct {
	*net.UDPConn
	relays  *relays
	session string
	once    sync.Once
}

// ReadFrom returns the next packet of a peer that relays may hear.
func (c *relayConn) ReadFrom(b []byte) (int, net.Addr, error) {
	if !c.relays.readers.enter() {
		return 0, nil, net.ErrClosed
	}
	defer c.relays.readers.leave()
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			c.relays.settle()
			return n, nil, err // pion compares it
		}
		if !c.relays.policy.peer(from) {
			c.relays.metrics.refused(refusedPeer)
			continue
		}
		c.relays.metrics.toClient(n)
		return n, net.UDPAddrFromAddrPort(netip.AddrPortFrom(from.Addr().Unmap(), from.Port())), nil
	}
}

// settle comes after what was done before close: see Server.Close.
func (r *relays) settle() {
	r.mu.Lock()
	defer r.mu.Unlock()
}

// WriteTo sends a packet to a peer, or drops it like a network would.
func (c *relayConn) WriteTo(b []byte, to net.Addr) (int, error) {
	addr, ok := to.(*net.UDPAddr)
	if !ok || !c.relays.policy.peer(addr.AddrPort()) {
		c.relays.metrics.refused(refusedPeer)
		return len(b), nil
	}
	c.relays.metrics.toPeer(len(b))
	return c.UDPConn.WriteTo(b, to)
}

// Close closes the socket and gives its place back.
func (c *relayConn) Close() error {
	c.once.Do(func() { c.relays.remove(c) })
	return c.UDPConn.Close()
}
