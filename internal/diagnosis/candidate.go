package diagnosis

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ParseCandidates returns the candidates of an SDP or a fragment of one (RFC 8839
// 5.1, RFC 8840), names and TCP among them, each once. What it cannot read it
// leaves out.
func ParseCandidates(text string) []Candidate {
	var candidates []Candidate
	for line := range strings.Lines(text) {
		value, ok := strings.CutPrefix(strings.TrimSpace(line), "a=candidate:")
		if !ok {
			continue
		}
		if c, ok := parseCandidate(value); ok && !slices.Contains(candidates, c) {
			candidates = append(candidates, c)
		}
	}
	return candidates
}

// parseCandidate reads "FOUNDATION COMPONENT TRANSPORT PRIORITY HOST PORT typ TYPE …".
func parseCandidate(value string) (Candidate, bool) {
	f := strings.Fields(value)
	if len(f) < 8 || f[6] != "typ" {
		return Candidate{}, false
	}
	number, err := strconv.ParseUint(f[5], 10, 16)
	if err != nil {
		return Candidate{}, false
	}
	c := Candidate{Type: f[7], Protocol: strings.ToLower(f[2]), Host: f[4], Port: int(number)}
	if len(f) >= 12 && f[8] == "raddr" && f[10] == "rport" {
		c.Related = net.JoinHostPort(f[9], f[11])
	}
	return c, true
}

func (c Candidate) addr() netip.Addr {
	addr, err := netip.ParseAddr(c.Host)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// hidden: a name that stands for an address in the same network (mDNS ICE candidates).
func (c Candidate) hidden() bool {
	return strings.HasSuffix(strings.ToLower(c.Host), ".local")
}

func (c Candidate) tcp() bool     { return c.Protocol == "tcp" }
func (c Candidate) relayed() bool { return c.Type == "relay" }

// mapped: what a NAT made of a private address.
func (c Candidate) mapped() bool { return c.Type == "srflx" }

func (c Candidate) public() bool { return isPublic(c.addr()) }

func (c Candidate) local() bool {
	addr := c.addr()
	return addr.IsLoopback() || addr.IsLinkLocalUnicast()
}

// private: of a network that its outside cannot reach.
func (c Candidate) private() bool {
	addr := c.addr()
	return addr.IsValid() && !isPublic(addr) && !addr.IsLoopback()
}

// container: of a network that exists inside one machine, by the defaults of what
// makes such networks.
func (c Candidate) container() bool { return IsContainer(c.addr()) }

// containerNetworks are what container engines and virtual machines use unless they
// are told something else.
func containerNetworks() []netip.Prefix {
	network := func(a, b, c byte, bits int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{a, b, c, 0}), bits)
	}
	return []netip.Prefix{
		network(172, 17, 0, 16),    // Docker's bridge
		network(172, 18, 0, 16),    // the first network of Docker Compose
		network(10, 88, 0, 16),     // Podman
		network(10, 244, 0, 16),    // Kubernetes (flannel)
		network(10, 0, 3, 24),      // LXC
		network(192, 168, 65, 24),  // Docker Desktop
		network(192, 168, 122, 24), // libvirt
	}
}

// IsContainer tells whether an address is of a network that container engines or
// virtual machines make by default, and that nobody outside the machine can reach.
func IsContainer(addr netip.Addr) bool {
	return slices.ContainsFunc(containerNetworks(), func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// isPublic leaves out the shared address space of carriers' NATs (RFC 6598), too.
func isPublic(addr netip.Addr) bool {
	carrier := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
	addr = addr.Unmap()
	return addr.IsValid() && addr.IsGlobalUnicast() && !addr.IsPrivate() && !carrier.Contains(addr)
}

// udp returns those that UDP reaches.
func udp(candidates []Candidate) []Candidate {
	return slices.DeleteFunc(slices.Clone(candidates), Candidate.tcp)
}

// all tells whether there are some and each is so.
func all(candidates []Candidate, is func(Candidate) bool) bool {
	return len(candidates) > 0 && !slices.ContainsFunc(candidates, func(c Candidate) bool { return !is(c) })
}

func anyOf(candidates []Candidate, is func(Candidate) bool) bool {
	return slices.ContainsFunc(candidates, is)
}

// symmetric tells whether a NAT was seen to give one socket several ports: two
// servers were told of different ones. A browser that hides its addresses says "0"
// for the socket's, and then that cannot be known.
func symmetric(candidates []Candidate) bool {
	told := func(c Candidate) bool {
		return !c.tcp() && !c.relayed() && !c.hidden() && !strings.HasSuffix(c.Related, ":0")
	}
	for i, a := range candidates {
		for _, b := range candidates[:i] {
			if told(a) && told(b) && a.Host == b.Host && a.Port != b.Port && a.Related == b.Related && a.public() {
				return true
			}
		}
	}
	return false
}
