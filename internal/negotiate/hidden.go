package negotiate

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/pion/sdp/v3"
)

// Hidden is a candidate of a client that tells a name instead of its address, which
// machines in its own network can look up (draft-ietf-mmusic-mdns-ice-candidates).
type Hidden struct {
	// Name ends in .local.
	Name string

	foundation string
	priority   uint32
	port       uint16
}

// maxHidden bounds how many names one description can make the server look up.
// Browsers have one for each of their addresses.
const maxHidden = 4

// Value is the candidate with its address in the place of the name, in the form that
// addIceCandidate takes.
func (h Hidden) Value(addr netip.Addr) string {
	return fmt.Sprintf("candidate:%s 1 udp %d %s %d typ host", h.foundation, h.priority, addr, h.port)
}

// hiddenCandidates returns the candidates with names among values, each name once.
func hiddenCandidates(known []Hidden, values []string) []Hidden {
	for _, value := range values[:min(len(values), maxCandidateLines)] {
		if len(known) == maxHidden {
			break
		}
		c, ok := parseCandidate(value)
		if !ok || c.component > 1 || c.transport != "udp" || c.port == 0 || c.typ != typHost {
			continue
		}
		name := strings.Fields(strings.TrimPrefix(strings.TrimSpace(value), "candidate:"))[4]
		if !isLocalName(name) {
			continue
		}
		h := Hidden{Name: name, foundation: c.foundation, priority: c.priority, port: c.port}
		if !hasHidden(known, h) {
			known = append(known, h)
		}
	}

	return known
}

func hasHidden(list []Hidden, h Hidden) bool {
	for _, k := range list {
		if k.Name == h.Name && k.port == h.port {
			return true
		}
	}

	return false
}

// isLocalName checks for one label of letters, digits and dashes before .local: what
// browsers make up, and nothing that could mean a host of somebody's own naming scheme.
func isLocalName(name string) bool {
	label, ok := strings.CutSuffix(name, ".local")

	return ok && label != "" && len(label) <= 63 && !strings.ContainsFunc(label, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-')
	})
}

// collectHidden notes the candidates with names before the others are all that is left.
func (d *draft) collectHidden() {
	for _, md := range d.desc.MediaDescriptions {
		d.offer.Hidden = hiddenCandidates(d.offer.Hidden, values(md.Attributes, sdp.AttrKeyCandidate))
	}
}
