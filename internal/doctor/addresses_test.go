package doctor

import (
	"net/netip"
	"strings"
	"testing"

	"porthole/internal/iceserver"
)

// What browsers ask about before they let a page from the internet reach a private
// address is told where the server has no other.
func TestLocalNetworkAccess(t *testing.T) {
	private, public := netip.MustParseAddr("192.168.1.7"), netip.MustParseAddr("198.51.100.7")
	for name, tt := range map[string]struct {
		told []netip.Addr
		c    Config
		want bool
	}{
		"in a network":                {[]netip.Addr{private}, Config{}, true},
		"this machine only":           {[]netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}, Config{}, true},
		"also on the internet":        {[]netip.Addr{private, public}, Config{}, false},
		"behind a forwarded port":     {[]netip.Addr{private}, Config{Public: []netip.Addr{public}}, false},
		"behind a NAT that is asked":  {[]netip.Addr{private}, Config{STUN: make([]iceserver.Server, 1)}, false},
		"under a name":                {[]netip.Addr{private}, Config{Advertise: []string{"cam.example"}}, false},
		"behind a relay":              {[]netip.Addr{private}, Config{RelayOnly: true}, false},
		"nowhere, which is told else": {nil, Config{}, false},
	} {
		f, concerns := tt.c.localNetworkAccess(tt.told)
		if concerns != tt.want || concerns && (f.Verdict != OK || !strings.Contains(f.Found, `allow="local-network-access"`)) {
			t.Errorf("%s: %v, %+v", name, concerns, f)
		}
	}
}
