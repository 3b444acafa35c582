package reach

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/pion/ice/v4"
)

// How many candidates of a kind clients are told at the most: a machine with a
// hundred addresses must neither fill the answer, which FFmpeg refuses from 8 KiB,
// nor make every client send a hundred checks.
const (
	maxHosts   = 8 // of each family, over UDP
	maxTCP     = 4 // of each family
	maxMapped  = 4
	maxPublic  = 8
	localPrefs = 1 << 16
)

// Addresses is everything at which clients can reach us at a moment. It is compared to
// find out whether what was made of it still holds.
type Addresses struct {
	Port       uint16           // of the media sockets
	Hosts      []netip.Addr     // of this machine, the best first
	Public     []netip.Addr     // that a NAT forwards to us, besides hosts
	Advertised []netip.AddrPort // what clients are told instead of hosts
	Mapped     []netip.AddrPort // that STUN servers see us under
	Relay      *Relayed         // where a TURN server receives for us; nil for none
	RelayOnly  bool
}

func (r Addresses) equal(o Addresses) bool {
	return r.Port == o.Port && r.Relay == o.Relay && r.RelayOnly == o.RelayOnly && slices.Equal(r.Hosts, o.Hosts) &&
		slices.Equal(r.Public, o.Public) && slices.Equal(r.Advertised, o.Advertised) && slices.Equal(r.Mapped, o.Mapped)
}

// Offered is what clients are offered of them, and what ICE agents work with: they
// have one candidate for each family and transport, since there is one socket
// behind all addresses of a family. So neither answers nor checks grow with the
// number of addresses.
type Offered struct {
	Addresses
	// Lines are the values of a=candidate lines, the best first.
	Lines []string
	// Bases are the addresses that agents know the media sockets by, at most one of
	// each family.
	Bases []netip.Addr
}

// Candidates keeps what is offered until something changes: fifty viewers who come at
// once get the same.
type Candidates struct {
	mu   sync.Mutex
	last *Offered // replaced, never edited
}

// Of returns what is offered of the addresses. It returns an error for one that no candidate
// can be written of.
func (c *Candidates) Of(r Addresses) (*Offered, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && c.last.equal(r) {
		return c.last, nil
	}
	t, err := offer(r)
	if err != nil {
		return nil, err
	}
	c.last = t
	return t, nil
}

// offer writes the candidates of the addresses.
func offer(r Addresses) (*Offered, error) {
	t := &Offered{Addresses: r}
	w := candidateWriter{offered: t, written: make(map[string]bool)}
	if !r.RelayOnly {
		w.direct()
	}
	if r.Relay != nil {
		w.relay(r.Relay.Addr)
	}
	if w.err != nil {
		return nil, fmt.Errorf("write candidates: %w", w.err)
	}
	if len(t.Bases) == 0 && !r.RelayOnly { // no address at all; packets that come nevertheless are answered
		t.Bases = []netip.Addr{netip.IPv4Unspecified()}
	}
	return t, nil
}

// candidateWriter writes candidates in the order of their use.
type candidateWriter struct {
	offered *Offered
	written map[string]bool // transport and address
	err     error
}

func (w *candidateWriter) direct() {
	r := w.offered.Addresses
	var hosts []netip.AddrPort
	for _, ip := range r.Hosts {
		hosts = append(hosts, netip.AddrPortFrom(ip, r.Port))
	}
	if len(r.Advertised) > 0 {
		hosts = r.Advertised
	}
	four, six := byFamily(hosts)
	var public []netip.AddrPort
	for _, ip := range r.Public {
		public = append(public, netip.AddrPortFrom(ip, r.Port))
	}
	public = first(public, maxPublic)
	// A forwarded address comes first in the text, because FFmpeg tries nothing but the
	// first line and in the same network both lead to us. It has the lower priority
	// still: a browser in the same network must not go through the router.
	for i, addr := range public {
		w.host("udp", addr, maxHosts+i)
	}
	for i, addr := range append(first(four, maxHosts), first(six, maxHosts)...) {
		w.host("udp", addr, i)
	}
	base := w.shownBase(hosts)
	for i, addr := range first(r.Mapped, maxMapped) {
		w.mapped(addr, base, i)
	}
	for i, addr := range append(first(four, maxTCP), first(six, maxTCP)...) {
		w.host("tcp", addr, i)
	}
	for i, addr := range first(public, maxTCP) {
		w.host("tcp", addr, maxHosts+i)
	}
	for _, list := range [][]netip.Addr{r.Hosts, r.Public, addrsOf(r.Advertised), addrsOf(r.Mapped)} {
		for _, ip := range list {
			w.base(ip)
		}
	}
}

// base makes an address the one that agents know its family's sockets by, if it is
// the first.
func (w *candidateWriter) base(ip netip.Addr) {
	if !slices.ContainsFunc(w.offered.Bases, func(b netip.Addr) bool { return b.Is4() == ip.Is4() }) {
		w.offered.Bases = append(w.offered.Bases, ip)
	}
}

// shownBase is the related address of mapped candidates (RFC 8839 5.1): nothing for
// an operator who hides the machine's own addresses.
func (w *candidateWriter) shownBase(hosts []netip.AddrPort) netip.AddrPort {
	if len(w.offered.Advertised) > 0 || len(hosts) == 0 {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
	return hosts[0]
}

// Type preferences (RFC 8445 5.1.2.2, and RFC 6544 4.2 for TCP, as libwebrtc and pion
// have them).
const (
	preferHost   = 126
	preferMapped = 100
	preferTCP    = 99
	preferRelay  = 0
)

// priority of the place-th candidate of a kind, for component 1 (RFC 8445 5.1.2.1).
func priority(kind, localPreference uint32) uint32 { return kind<<24 | localPreference<<8 | 255 }

func (w *candidateWriter) host(network string, addr netip.AddrPort, place int) {
	cfg := ice.CandidateHostConfig{
		Network: network, Address: addr.Addr().String(), Port: int(addr.Port()), Component: ice.ComponentRTP,
		Priority: priority(preferHost, uint32(localPrefs-1-place)), //nolint:gosec // a few
	}
	if network == "tcp" {
		cfg.TCPType = ice.TCPTypePassive
		// RFC 6544 4.2: 4 is the direction preference of a passive one.
		cfg.Priority = priority(preferTCP, uint32(4<<13+1<<13-1-place)) //nolint:gosec // a few
	}
	c, err := ice.NewCandidateHost(&cfg)
	w.write(c, err, network, addr)
}

func (w *candidateWriter) mapped(addr, base netip.AddrPort, place int) {
	c, err := ice.NewCandidateServerReflexive(&ice.CandidateServerReflexiveConfig{
		Network: "udp", Address: addr.Addr().String(), Port: int(addr.Port()), Component: ice.ComponentRTP,
		Priority: priority(preferMapped, uint32(localPrefs-1-place)), //nolint:gosec // a few
		RelAddr:  base.Addr().String(), RelPort: int(base.Port()),
	})
	w.write(c, err, "udp", addr)
}

func (w *candidateWriter) relay(addr netip.AddrPort) {
	c, err := ice.NewCandidateRelay(&ice.CandidateRelayConfig{
		Network: "udp", Address: addr.Addr().String(), Port: int(addr.Port()), Component: ice.ComponentRTP,
		Priority: priority(preferRelay, localPrefs-1),
		RelAddr:  netip.IPv4Unspecified().String(), // the server's own is nobody's business (RFC 8839 5.1)
	})
	w.write(c, err, "udp", addr)
}

// write adds a candidate, unless there is one with its transport and address.
func (w *candidateWriter) write(c ice.Candidate, err error, network string, addr netip.AddrPort) {
	if err != nil {
		w.err = err
		return
	}
	if key := network + addr.String(); !w.written[key] {
		w.written[key] = true
		w.offered.Lines = append(w.offered.Lines, c.Marshal())
	}
}

func byFamily(addrs []netip.AddrPort) (four, six []netip.AddrPort) {
	for _, a := range addrs {
		if a.Addr().Is4() {
			four = append(four, a)
		} else {
			six = append(six, a)
		}
	}
	return four, six
}

func addrsOf(list []netip.AddrPort) (addrs []netip.Addr) {
	for _, a := range list {
		addrs = append(addrs, a.Addr())
	}
	return addrs
}

// first returns a copy of the first elements of a list, at most n.
func first[T any](list []T, n int) []T { return slices.Clone(list[:min(n, len(list))]) }
