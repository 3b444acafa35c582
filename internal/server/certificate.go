package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync/atomic"
)

// certificate is that of --cert and --key, for HTTPS and TURN. Apply reads the files
// again: connections that come later get what is in them.
type certificate struct {
	current atomic.Pointer[tls.Certificate]
}

// readCertificate reads the files; nil when there are none.
func (c Config) readCertificate() (*tls.Certificate, error) {
	if c.Cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, fmt.Errorf("--cert %s, --key %s: %w", c.Cert, c.Key, err)
	}
	return &pair, nil
}

// set takes a certificate on; nil: there is none.
func (c *certificate) set(pair *tls.Certificate) { c.current.Store(pair) }

// leaf is the certificate itself, without its chain; nil: none.
func (c *certificate) leaf() *x509.Certificate {
	if pair := c.current.Load(); pair != nil {
		return pair.Leaf
	}
	return nil
}

// config is how to serve TLS with it, and these protocols over it; nil without a certificate.
func (c *certificate) config(protocols ...string) *tls.Config {
	if c.current.Load() == nil {
		return nil
	}
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
		NextProtos:     protocols,
		MinVersion:     tls.VersionTLS12,
	}
}
