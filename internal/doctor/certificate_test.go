package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue writes a pair of files. A nil authority makes it sign itself.
func (a *authority) issue(name string, selfSigned bool, change func(*x509.Certificate)) (cert, key string) {
	a.t.Helper()
	own := newKey(a.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"cam.example.org"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 3, 0),
	}
	if change != nil {
		change(template)
	}
	parent, signer := a.cert, a.key
	if selfSigned {
		parent, signer = template, own
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &own.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		a.t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if !selfSigned {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})...)
	}
	return a.write(name+".crt", chain), a.write(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

func (a *authority) write(name string, content []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

func TestCertificates(t *testing.T) {
	a := newAuthority(t)
	good, goodKey := a.issue("good", false, nil)
	_, otherKey := a.issue("other", false, nil)
	expired, expiredKey := a.issue("expired", false, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	soon, soonKey := a.issue("soon", false, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(48 * time.Hour) })
	early, earlyKey := a.issue("early", false, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })
	self, selfKey := a.issue("self", true, nil)
	nameless, namelessKey := a.issue("nameless", false, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil })
	broken := a.write("broken.crt", []byte("nonsense"))

	tests := []struct {
		name, http, cert, key string
		want                  Verdict
		says                  string
	}{
		{"good", ":8443", good, goodKey, OK, "cam.example.org, 127.0.0.1"},
		{"good for the address", "127.0.0.1:8443", good, goodKey, OK, "days"},
		{"for another host", "www.example.org:8443", good, goodKey, Warn, "not for www.example.org"},
		{"another's key", ":8443", good, otherKey, Fail, "does not match"},
		{"expired", ":8443", expired, expiredKey, Fail, "expired"},
		{"expires soon", ":8443", soon, soonKey, Warn, "good for 1 days"},
		{"not yet good", ":8443", early, earlyKey, Fail, "only from"},
		{"self-signed", ":8443", self, selfKey, Warn, "self-signed"},
		{"without a name", ":8443", nameless, namelessKey, Fail, "names no host"},
		{"not a certificate", ":8443", broken, goodKey, Fail, "PEM"},
		{"no such file", ":8443", "/nowhere/cert.pem", goodKey, Fail, "no such file"},
		{"plain, on this machine", "127.0.0.1:8080", "", "", OK, "plain HTTP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := Config{HTTP: tt.http, Cert: tt.cert, Key: tt.key}.certificate(t.Context())
			f := found[0]
			if len(found) != 1 || f.Verdict != tt.want || !strings.Contains(f.Found, tt.says) || (f.Verdict == OK) != (f.Cure == "") {
				t.Errorf("got %s: %s; %s", f.Verdict, f.Found, f.Cure)
			}
		})
	}
	f := Config{HTTP: ":8080", Beyond: true}.certificate(t.Context())[0]
	if f.Verdict != Warn || !strings.Contains(f.Found, "no camera") {
		t.Errorf("plain, for the network: got %s: %s", f.Verdict, f.Found)
	}
}
