package negotiate

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// maxCandidates bounds how many addresses one description can make the server
// send connectivity checks to. Browsers with many interfaces list about twenty.
const maxCandidates = 40

// Candidate types of RFC 8839 section 5.1.
const (
	typHost  = "host"
	typSrflx = "srflx"
	typPrflx = "prflx"
	typRelay = "relay"
)

// candidate is the part of an a=candidate value that decisions are made from.
type candidate struct {
	foundation string
	component  int
	transport  string // lower case
	priority   uint32
	addr       netip.Addr // without zone; invalid when it is a name
	port       uint16
	typ        string
	related    string // " raddr … rport …" or ""
}

// parseCandidate reads the value of an a=candidate line (RFC 8839 section 5.1),
// with or without the "candidate:" in front that some clients repeat.
func parseCandidate(value string) (candidate, bool) {
	f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(value), "candidate:"))
	if len(f) < 8 || f[6] != "typ" || !isFoundation(f[0]) {
		return candidate{}, false
	}
	component, err := strconv.ParseUint(f[1], 10, 16)
	if err != nil {
		return candidate{}, false
	}
	priority, err := strconv.ParseUint(f[3], 10, 32)
	if err != nil {
		return candidate{}, false
	}
	port, err := strconv.ParseUint(f[5], 10, 16)
	if err != nil {
		return candidate{}, false
	}
	c := candidate{
		foundation: f[0],
		component:  int(component),
		transport:  strings.ToLower(f[2]),
		priority:   uint32(priority),
		port:       uint16(port),
		typ:        f[7],
		related:    relatedAddress(f[8:]),
	}
	if addr, err := netip.ParseAddr(f[4]); err == nil {
		c.addr = addr.Unmap().WithZone("")
	}

	return c, true
}

// isFoundation checks for 1 to 32 ice-chars.
func isFoundation(s string) bool {
	return len(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '+' || r == '/')
	})
}

func relatedAddress(f []string) string {
	if len(f) < 4 || f[0] != "raddr" || f[2] != "rport" {
		return ""
	}
	addr, err := netip.ParseAddr(f[1])
	if err != nil {
		return ""
	}
	port, err := strconv.ParseUint(f[3], 10, 16)
	if err != nil {
		return ""
	}

	return fmt.Sprintf(" raddr %s rport %d", addr.WithZone(""), port)
}

// usable tells whether the server can send checks to a client's candidate. TCP
// is not: the server only listens, so that nobody can make it open connections.
// Names are not resolved, .local ones (mDNS) least of all: a client that has
// nothing else is learned from its own checks.
func (c candidate) usable() bool {
	switch c.typ {
	case typHost, typSrflx, typPrflx, typRelay:
	default:
		return false
	}
	// Component 0 is what one widespread SDK sends for its only component.
	return c.component <= 1 && c.transport == "udp" && c.port != 0 &&
		c.addr.IsValid() && !c.addr.IsUnspecified() && !c.addr.IsMulticast()
}

// String is the canonical value, for component 1 and without the extensions
// (generation, network-cost), which mean nothing to anybody but their author.
func (c candidate) String() string {
	return fmt.Sprintf("%s 1 %s %d %s %d typ %s%s",
		c.foundation, c.transport, c.priority, c.addr, c.port, c.typ, c.related)
}

// usableCandidates returns the canonical form of the usable ones among values,
// each once, at most maxCandidates.
func usableCandidates(values []string) []string {
	var usable []string
	seen := make(map[string]bool)
	for _, value := range values[:min(len(values), maxCandidateLines)] {
		c, ok := parseCandidate(value)
		if !ok || !c.usable() {
			continue
		}
		text := c.String()
		if seen[text] {
			continue
		}
		seen[text] = true
		if usable = append(usable, text); len(usable) == maxCandidates {
			break
		}
	}

	return usable
}

// rank orders the server's own candidates by how likely a client reaches them;
// lower is better. FFmpeg looks at the first one only, and is lost when that is
// IPv6 or TCP. Loopback is the last, unless there is no host elsewhere: then it was
// named, and is the first.
func (c candidate) rank(elsewhere bool) int {
	order := []bool{
		c.isUDP() && c.typ == typHost && c.addr.Is4() && isPublic(c.addr),
		c.isUDP() && c.typ == typHost && c.addr.Is4() && !c.addr.IsLinkLocalUnicast(),
		c.isUDP() && c.typ == typHost && c.addr.Is4(),
		c.isUDP() && c.typ == typHost && c.addr.IsGlobalUnicast(),
		c.isUDP() && c.typ == typHost && c.addr.IsValid(),
		c.isUDP() && c.typ != typRelay && c.addr.IsValid(),
		!c.isUDP() && c.typ != typRelay && c.addr.Is4(),
		!c.isUDP() && c.typ != typRelay && c.addr.IsValid(),
		c.addr.IsValid(), // a relay, which costs the way there and back
	}
	last := len(order)
	switch {
	case elsewhere && c.addr.IsLoopback() && c.isUDP():
		return last + 1
	case elsewhere && c.addr.IsLoopback():
		return last + 2
	}
	for i, matches := range order {
		if matches {
			return i
		}
	}

	return last
}

func (c candidate) isUDP() bool { return c.transport == "udp" }

// isPublic leaves out the shared address space of carrier NATs (RFC 6598), which
// net/netip does not count as private.
func isPublic(addr netip.Addr) bool {
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)

	return addr.IsGlobalUnicast() && !addr.IsPrivate() && !shared.Contains(addr)
}
