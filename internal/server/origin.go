package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"porthole/internal/origin"
)

// originGuard keeps web sites away where no token does. Beyond loopback there is
// always a publish token, and who leaves out the view token wants to be embedded. A
// publish token and a trusted proxy in front say the same of a loopback listener.
func (c Config) originGuard() (origin.Guard, error) {
	viewers := c.ViewToken != "" || len(c.TrustedProxies) > 0
	g := origin.Guard{
		Private: !c.BeyondLoopback() && (c.PublishToken == "" || !viewers),
		Names:   c.Hosts, Allowed: c.AllowOrigins, Proxies: c.TrustedProxies,
		TokenPublish: c.PublishToken != "", TokenView: c.ViewToken != "", Framed: c.FrameAncestors,
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		short, _, _ := strings.Cut(name, ".")
		g.Names = append([]string{name, short, short + ".local"}, g.Names...)
	}
	if c.Cert == "" {
		return g, nil
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return g, fmt.Errorf("--cert %s, --key %s: %w", c.Cert, c.Key, err)
	}
	if g.Certificate, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
		return g, fmt.Errorf("--cert %s: %w", c.Cert, err)
	}
	return g, nil
}
