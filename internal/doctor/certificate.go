package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"time"
)

// expiresSoon is from when on a certificate should be renewed.
const expiresSoon = 14 * 24 * time.Hour

// certificate looks at --cert and --key, or at what is missing without them.
func (c Config) certificate(context.Context) []Finding {
	f := Finding{Group: "certificate", Name: "HTTPS"}
	if c.Cert == "" {
		f.Found = "plain HTTP on this machine only, where browsers give pages the camera"
		if c.Beyond {
			f.Verdict = Warn
			f.Found = "plain HTTP: people in the network can watch, but their browsers give pages no camera to publish with"
			f.Cure = "give --cert and --key, or put a reverse proxy with HTTPS in front"
		}
		return []Finding{f}
	}
	f.Data = map[string]any{"cert": c.Cert}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		f.Verdict, f.Found = Fail, err.Error()
		f.Cure = "give --cert a chain and --key its private key, both in PEM and readable for this user"
		if strings.Contains(err.Error(), "does not match") {
			f.Cure = "--key is not the key of --cert; take the pair that was made together"
		}
		return []Finding{f}
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		f.Verdict, f.Found, f.Cure = Fail, err.Error(), "get the certificate anew"
		return []Finding{f}
	}
	return []Finding{c.judgeCertificate(f, leaf, len(pair.Certificate), time.Now())}
}

// judgeCertificate says whether browsers take it, as far as that can be known here.
func (c Config) judgeCertificate(f Finding, leaf *x509.Certificate, chain int, now time.Time) Finding {
	names := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	left := leaf.NotAfter.Sub(now)
	days := int(left.Hours() / 24)
	f.Data["names"], f.Data["notAfter"] = names, leaf.NotAfter.UTC().Format(time.RFC3339)
	f.Found = fmt.Sprintf("for %s, good for %d days", strings.Join(names, ", "), days)
	host, _, _ := net.SplitHostPort(c.HTTP)
	anywhere := host == "" || net.ParseIP(host) != nil && net.ParseIP(host).IsUnspecified()
	fail := func(v Verdict, found, cure string) Finding {
		f.Verdict, f.Found, f.Cure = v, found, cure
		return f
	}
	switch {
	case now.Before(leaf.NotBefore):
		return fail(Fail, "it is good only from "+leaf.NotBefore.UTC().Format("2006-01-02 15:04 UTC")+" on",
			"look at this machine's clock, or wait")
	case left <= 0:
		return fail(Fail, "it expired on "+leaf.NotAfter.UTC().Format("2006-01-02"), "renew it; browsers refuse it")
	case len(names) == 0:
		return fail(Fail, "it names no host (subjectAltName); browsers do not read anything else", "get one with the name in subjectAltName")
	case !anywhere && leaf.VerifyHostname(host) != nil:
		return fail(Warn, fmt.Sprintf("it is for %s, not for %s of --http", strings.Join(names, ", "), host),
			"open the pages under a name of the certificate, or get one for "+host)
	case left < expiresSoon:
		return fail(Warn, f.Found, "renew it, and restart the server then")
	case leaf.CheckSignatureFrom(leaf) == nil || leaf.Issuer.String() == leaf.Subject.String():
		return fail(Warn, f.Found+"; it is self-signed", "browsers warn of it, and OBS refuses it without a word: get one from an authority")
	case chain == 1:
		f.Found += "; without the authority's own certificate in the file, which some clients miss"
	}
	return f
}
