package turnserver_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"porthole/internal/iceserver"
	"porthole/internal/turnserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret = "the secret"
	// patience is how long a test waits for what should happen at once.
	patience = 10 * time.Second
)

// fixture is a server on loopback with one media socket that relays may reach.
type fixture struct {
	*turnserver.Server
	t        *testing.T
	media    *socket
	registry *prometheus.Registry
}

func start(t *testing.T, change func(*turnserver.Config)) *fixture {
	t.Helper()
	return startOn(t, netip.MustParseAddr("127.0.0.1"), change)
}

// startOn is start on another address of loopback.
func startOn(t *testing.T, addr netip.Addr, change func(*turnserver.Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, media: newSocketOn(t, addr), registry: prometheus.NewRegistry()}
	cfg := turnserver.Config{
		Listen: netip.AddrPortFrom(addr, 0).String(), Secret: secret, Registerer: f.registry,
		Media: func() []netip.AddrPort { return []netip.AddrPort{f.media.addr} },
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if f.Server, err = turnserver.Listen(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// refused returns the count of a reason.
func (f *fixture) refused(reason string) float64 {
	return f.metric("porthole_turn_refused_total", reason)
}

func (f *fixture) metric(name string, label ...string) float64 {
	f.t.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && (len(label) == 0 || m.GetLabel()[0].GetValue() == label[0]) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	f.t.Fatalf("there is no %s %v", name, label)
	return 0
}

// eventually polls for what nobody announces.
func (f *fixture) eventually(what string, ok func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// client is a TURN client of its own connection.
type client struct {
	*turn.Client
	conn net.PacketConn
}

// dial makes a client over UDP, TCP or TLS ("turns").
func (f *fixture) dial(transport, username, password string) *client {
	f.t.Helper()
	address := f.Addr().String()
	var conn net.PacketConn
	var err error
	switch transport {
	case "udp":
		conn, err = net.ListenPacket("udp", netip.AddrPortFrom(f.Addr().Addr(), 0).String())
	case "tcp":
		var tcp net.Conn
		if tcp, err = net.Dial("tcp", address); err == nil {
			conn = turn.NewSTUNConn(tcp)
		}
	case "turns":
		var secure *tls.Conn
		if secure, err = tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}); err == nil { //nolint:gosec // whose it is does not matter here
			conn = turn.NewSTUNConn(secure)
		}
	}
	if err != nil {
		f.t.Fatal(err)
	}
	inner, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: address, STUNServerAddr: address, Username: username, Password: password, Conn: conn,
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
	})
	if err == nil {
		err = inner.Listen()
	}
	if err != nil {
		f.t.Fatal(errors.Join(err, conn.Close()))
	}
	c := &client{Client: inner, conn: conn}
	f.t.Cleanup(c.close)
	return c
}

func (c *client) close() {
	c.Close()
	_ = c.conn.Close() // twice is no fault
}

// user makes credentials of a session that hold for a minute.
func user(session string) (username, password string) {
	return iceserver.Credential(secret, session, time.Now().Add(time.Minute))
}

// allocate makes a client with a relay.
func (f *fixture) allocate(transport, session string) (net.PacketConn, *client) {
	f.t.Helper()
	username, password := user(session)
	c := f.dial(transport, username, password)
	relay, err := c.Allocate()
	if err != nil {
		f.t.Fatalf("Allocate over %s: %v", transport, err)
	}
	f.t.Cleanup(func() { _ = relay.Close() })
	return relay, c
}

// socket is a peer that echoes and remembers what it got.
type socket struct {
	conn *net.UDPConn
	addr netip.AddrPort
	got  chan string
}

func newSocket(t *testing.T) *socket {
	t.Helper()
	return newSocketOn(t, netip.MustParseAddr("127.0.0.1"))
}

func newSocketOn(t *testing.T, addr netip.Addr) *socket {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		t.Fatal(err)
	}
	s := &socket{conn: conn, addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), got: make(chan string, 100)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			select {
			case s.got <- string(b[:n]):
			default: // nobody looks
			}
			_, _ = conn.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	return s
}

// send writes through a relay.
func send(t *testing.T, relay net.PacketConn, text string, to netip.AddrPort) {
	t.Helper()
	if _, err := relay.WriteTo([]byte(text), net.UDPAddrFromAddrPort(to)); err != nil {
		t.Fatalf("send to %v: %v", to, err)
	}
}

// receive reads from a relay.
func receive(t *testing.T, relay net.PacketConn) string {
	t.Helper()
	b := make([]byte, 2000)
	if err := relay.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	n, _, err := relay.ReadFrom(b)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	return string(b[:n])
}

// certificate makes one for a name.
func certificate(t *testing.T, name string) *tls.Config {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private, Leaf: leaf}}, MinVersion: tls.VersionTLS12}
}
