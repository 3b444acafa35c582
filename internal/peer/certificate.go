package peer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// certificateLife is long because there is one certificate for the process's
// life and clients pin its fingerprint, not its dates.
const certificateLife = 10 * 365 * 24 * time.Hour

// certificate is what all sessions prove themselves with in DTLS: ECDSA on
// P-256, as RFC 8827 6.5 wants.
type certificate struct {
	tls         tls.Certificate
	fingerprint string // the value of a=fingerprint (RFC 8122 5)
}

// newCertificate makes the certificate, which takes longer than the rest of an
// answer: one serves the whole process.
func newCertificate() (certificate, error) {
	fail := func(err error) (certificate, error) {
		return certificate{}, fmt.Errorf("make the DTLS certificate: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return fail(err)
	}
	name, now := pkix.Name{CommonName: "WebRTC"}, time.Now()
	template := x509.Certificate{
		Issuer: name, Subject: name, SerialNumber: serial, Version: 2,
		NotBefore: now.Add(-24 * time.Hour), // for clients whose clock is behind
		NotAfter:  now.Add(certificateLife),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return fail(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return fail(err)
	}
	return certificate{
		tls:         tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed},
		fingerprint: "sha-256 " + hexColons(sha256.Sum256(der)),
	}, nil
}

// hexColons writes a hash as a=fingerprint does: upper-case bytes with colons.
func hexColons(hash [sha256.Size]byte) string {
	return strings.ReplaceAll(strings.ToUpper(fmt.Sprintf("% x", hash[:])), " ", ":")
}
