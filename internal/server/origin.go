package server

import (
	"crypto/x509"
	"os"
	"strings"

	"porthole/internal/origin"
)

// originGuard keeps web sites away where no token does. Beyond loopback there is
// always a publish token, and who leaves out the view token wants to be embedded. A
// publish token and a trusted proxy in front say the same of a loopback listener.
// certificate is the server's own; nil: none.
func (c Config) originGuard(certificate *x509.Certificate) origin.Guard {
	viewers := c.ViewToken != "" || len(c.TrustedProxies) > 0
	g := origin.Guard{
		Private: !c.BeyondLoopback() && (c.PublishToken == "" || !viewers),
		Names:   c.Hosts, Allowed: c.AllowOrigins, Proxies: c.TrustedProxies,
		TokenPublish: c.PublishToken != "", TokenView: c.ViewToken != "", Framed: c.FrameAncestors,
		Certificate: certificate,
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		short, _, _ := strings.Cut(name, ".")
		g.Names = append([]string{name, short, short + ".local"}, g.Names...)
	}
	return g
}
