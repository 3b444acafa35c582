package turnclient_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"go.uber.org/goleak"

	"porthole/internal/turnclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// turnServer is a TURN server on loopback, by UDP, TCP and TLS.
type turnServer struct {
	*turn.Server
	udp, tcp, tls string
	roots         *tls.Config
	permits       atomic.Int64 // permissions and channels that were asked for
}

// startServer begins a server whose users have the password "secret".
func startServer(t *testing.T, allow func(net.IP) bool) *turnServer {
	t.Helper()
	s := &turnServer{}
	generator := &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certificate, roots := selfSigned(t)
	secured, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	s.udp = "turn:" + udp.LocalAddr().String()
	s.tcp = "turn:" + tcp.Addr().String() + "?transport=tcp"
	s.tls = "turns:" + secured.Addr().String() + "?transport=tcp"
	s.roots = &tls.Config{RootCAs: roots}
	permit := func(_ net.Addr, ip net.IP) bool {
		s.permits.Add(1)
		return allow == nil || allow(ip)
	}
	s.Server, err = turn.NewServer(turn.ServerConfig{
		Realm: "test",
		AuthHandler: func(r *turn.RequestAttributes) (string, []byte, bool) {
			return r.Username, turn.GenerateAuthKey(r.Username, r.Realm, "secret"), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: generator, PermissionHandler: permit}},
		ListenerConfigs: []turn.ListenerConfig{
			{Listener: tcp, RelayAddressGenerator: generator, PermissionHandler: permit},
			{Listener: secured, RelayAddressGenerator: generator, PermissionHandler: permit},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// open allocates, and reads what comes into the channel until the test ends.
func open(t *testing.T, cfg turnclient.Config) (*turnclient.Allocation, <-chan received) {
	t.Helper()
	if cfg.Username == "" {
		cfg.Username, cfg.Password = "user", "secret"
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a, err := turnclient.Open(ctx, cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	packets := make(chan received, 1000) // more than any test sends
	var reading sync.WaitGroup
	reading.Go(func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := a.ReadFromAddrPort(buf)
			if err != nil {
				return
			}
			packets <- received{string(buf[:n]), from}
		}
	})
	t.Cleanup(func() {
		if err := errors.Join(a.Close(), a.Close()); err != nil {
			t.Errorf("Close: %v", err)
		}
		reading.Wait()
	})
	return a, packets
}

type received struct {
	text string
	from netip.AddrPort
}

// peer is somebody who talks with the relayed address.
func peer(t *testing.T, ip string) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func addrOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// expect reads one packet of a peer.
func expect(t *testing.T, c *net.UDPConn, want string, from netip.AddrPort) {
	t.Helper()
	buf := make([]byte, 2000)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	n, got, err := c.ReadFromUDPAddrPort(buf)
	if err != nil || string(buf[:n]) != want || got != from {
		t.Fatalf("the peer got %q from %v, %v; want %q from %v", buf[:n], got, err, want, from)
	}
}

func next(t *testing.T, packets <-chan received) received {
	t.Helper()
	select {
	case p := <-packets:
		return p
	case <-time.After(patience):
		t.Fatalf("waited %v for a packet", patience)
		return received{}
	}
}

func TestPacketsGoBothWays(t *testing.T) {
	s := startServer(t, nil)
	for _, test := range []struct{ name, url string }{{"UDP", s.udp}, {"TCP", s.tcp}, {"TLS", s.tls}} {
		t.Run(test.name, func(t *testing.T) {
			a, packets := open(t, turnclient.Config{URL: test.url, TLS: s.roots})
			one, other := peer(t, "127.0.0.2"), peer(t, "127.0.0.3")
			// Checks go without a channel (they begin with 0), media gets one; odd lengths
			// are padded over TCP. The first packet waits for the permission.
			for i, text := range []string{"\x00check", "\x80media", "\x80media 2", "\x80media 33", "\x80more of it"} {
				for _, p := range []*net.UDPConn{one, other} {
					text := fmt.Sprint(text, i)
					if _, err := a.WriteToAddrPort([]byte(text), addrOf(p)); err != nil {
						t.Fatal(err)
					}
					expect(t, p, text, a.Addr())
					if _, err := p.WriteToUDPAddrPort([]byte("re: "+text), a.Addr()); err != nil {
						t.Fatal(err)
					}
					if got := next(t, packets); got != (received{"re: " + text, addrOf(p)}) {
						t.Fatalf("got %q from %v, want the answer to %q from %v", got.text, got.from, text, addrOf(p))
					}
				}
			}
		})
	}
}

// Two hundred peers are more than one message can hold permissions for.
func TestManyPeers(t *testing.T) {
	s := startServer(t, nil)
	a, packets := open(t, turnclient.Config{URL: s.udp})
	const peers = 200
	var conns []*net.UDPConn
	for i := range peers {
		conns = append(conns, peer(t, fmt.Sprintf("127.0.1.%d", i+1)))
	}
	answered := make(map[netip.AddrPort]bool)
	for deadline := time.Now().Add(patience); len(answered) < peers; { // checks are repeated by who needs them
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d peers got through", len(answered), peers)
		}
		for _, c := range conns {
			if !answered[addrOf(c)] {
				_, _ = a.WriteToAddrPort([]byte("\x00hello"), addrOf(c))
			}
		}
		for _, c := range conns {
			buf := make([]byte, 100)
			_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
			if _, from, err := c.ReadFromUDPAddrPort(buf); err == nil {
				_, _ = c.WriteToUDPAddrPort([]byte("yes"), from)
				answered[next(t, packets).from] = true
			}
		}
	}
}

func TestPermitLetsThePeerBegin(t *testing.T) {
	s := startServer(t, nil)
	a, packets := open(t, turnclient.Config{URL: s.udp})
	p := peer(t, "127.0.0.2")
	a.Permit(addrOf(p).Addr())
	for deadline := time.Now().Add(patience); ; {
		if _, err := p.WriteToUDPAddrPort([]byte("me first"), a.Addr()); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-packets:
			if got != (received{"me first", addrOf(p)}) {
				t.Errorf("got %+v", got)
			}
			return
		case <-time.After(20 * time.Millisecond): // the permission was not there yet
		}
		if time.Now().After(deadline) {
			t.Fatal("no packet came through")
		}
	}
}

func TestRefusedPeerIsNotAskedForAgain(t *testing.T) {
	s := startServer(t, func(ip net.IP) bool { return !ip.Equal(net.IPv4(127, 0, 0, 9)) })
	a, _ := open(t, turnclient.Config{URL: s.udp})
	bad := netip.MustParseAddrPort("127.0.0.9:1000")
	var err error
	for deadline := time.Now().Add(patience); err == nil; {
		if time.Now().After(deadline) {
			t.Fatal("the refusal was not noticed")
		}
		_, err = a.WriteToAddrPort([]byte("\x00check"), bad)
		time.Sleep(time.Millisecond) // the answer is under way
	}
	if !errors.Is(err, turnclient.ErrRefused) {
		t.Errorf("err = %v, want ErrRefused", err)
	}
	if n := s.permits.Load(); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	if _, err = a.WriteToAddrPort([]byte("\x00check"), netip.MustParseAddrPort("[::1]:1000")); !errors.Is(err, turnclient.ErrRefused) {
		t.Errorf("IPv6: err = %v, want ErrRefused", err)
	}
	// The others are not concerned.
	p := peer(t, "127.0.0.2")
	_, _ = a.WriteToAddrPort([]byte("\x00check"), addrOf(p))
	expect(t, p, "\x00check", a.Addr())
}

func TestServersThatCannotBeUsed(t *testing.T) {
	s := startServer(t, nil)
	silent := peer(t, "127.0.0.1")
	closed, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for _, test := range []struct {
		name string
		cfg  turnclient.Config
		want string
	}{
		{"wrong password", turnclient.Config{URL: s.udp, Username: "user", Password: "wrong"}, "allocate"},
		{"no answer", turnclient.Config{URL: "turn:" + addrOf(silent).String()}, "allocate"},
		{"nobody there", turnclient.Config{URL: "turn:" + closed.Addr().String() + "?transport=tcp"}, "connect"},
		{"unknown certificate", turnclient.Config{URL: s.tls}, "certificate"},
		{"no TURN server", turnclient.Config{URL: "stuff"}, `"stuff"`},
		{"DTLS", turnclient.Config{URL: "turns:127.0.0.1?transport=udp"}, "DTLS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			began := time.Now()
			_, err := turnclient.Open(ctx, test.cfg)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open = %v, want an error with %q", err, test.want)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestServerThatGoesAwayIsNoticed(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s := startServer(t, nil)
			dialer := &stallingDialer{t: t}
			cfg := turnclient.Config{URL: s.tcp, Dialer: dialer}
			if network == "udp" { // the port is closed, which the next question finds out
				cfg = turnclient.Config{URL: s.udp, Refresh: 50 * time.Millisecond}
			}
			a, _ := open(t, cfg)
			if network == "tcp" {
				_ = dialer.proxy.Close()
			}
			_ = s.Close()
			select {
			case <-a.Done():
			case <-time.After(patience):
				t.Fatal("the allocation is still there")
			}
			if !errors.Is(a.Err(), turnclient.ErrLost) {
				t.Errorf("Err = %v, want ErrLost", a.Err())
			}
			if _, err := a.WriteToAddrPort([]byte("x"), netip.MustParseAddrPort("127.0.0.2:1")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write = %v, want net.ErrClosed", err)
			}
		})
	}
}

// A server that answers, but has forgotten us.
func TestForgottenAllocationIsNoticed(t *testing.T) {
	s := startServer(t, nil)
	a, _ := open(t, turnclient.Config{URL: s.udp, Refresh: 50 * time.Millisecond})
	if err := a.GiveBack(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-a.Done():
	case <-time.After(patience):
		t.Fatal("the allocation is still there")
	}
	if !errors.Is(a.Err(), turnclient.ErrLost) {
		t.Errorf("Err = %v, want ErrLost", a.Err())
	}
}

// stallingDialer connects through a proxy that stops reading from us.
type stallingDialer struct {
	t    *testing.T
	stop atomic.Bool

	proxy net.Conn // set by DialContext
}

func (d *stallingDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	server, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen(network, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	client, err := (&net.Dialer{}).DialContext(ctx, network, listener.Addr().String())
	if err != nil {
		return nil, err
	}
	proxy, err := listener.Accept()
	if err != nil {
		return nil, err
	}
	d.proxy = proxy
	var copying sync.WaitGroup
	copying.Go(func() { _, _ = io.Copy(proxy, server) })
	copying.Go(func() {
		buf := make([]byte, 4096)
		for !d.stop.Load() {
			n, err := proxy.Read(buf)
			if err != nil {
				return
			}
			_, _ = server.Write(buf[:n])
		}
	})
	d.t.Cleanup(func() {
		_ = proxy.Close()
		_ = server.Close()
		copying.Wait()
	})
	return client, nil
}

func TestWritingNeverWaits(t *testing.T) {
	s := startServer(t, nil)
	dialer := &stallingDialer{t: t}
	a, _ := open(t, turnclient.Config{URL: s.tcp, Dialer: dialer})
	p := peer(t, "127.0.0.2")
	_, _ = a.WriteToAddrPort([]byte("\x00check"), addrOf(p))
	expect(t, p, "\x00check", a.Addr())
	dialer.stop.Store(true)
	packet := make([]byte, 1200)
	packet[0] = 0x80
	const writing = 8 * time.Second // a write that waits takes 5 s, and there are many
	began := time.Now()
	for range 20_000 { // 24 MB: more than all buffers on the way
		if _, err := a.WriteToAddrPort(packet, addrOf(p)); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > writing {
		t.Errorf("20000 packets to a stalled server took %v", took)
	}
	if a.Dropped() == 0 {
		t.Error("no packet was dropped, where do they wait?")
	}
	began = time.Now()
	_ = a.Close()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
}

// What is used is renewed before the server forgets it, the rest is forgotten: an
// allocation that lives for months must not remember everybody.
func TestPermissionsAndChannelsLiveAsLongAsTheyAreUsed(t *testing.T) {
	s := startServer(t, nil)
	a, _ := open(t, turnclient.Config{URL: s.udp})
	p := peer(t, "127.0.0.2")
	until := func(what string, ok func(permissions, channels int) bool) {
		t.Helper()
		for deadline := time.Now().Add(patience); !ok(a.Known()); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				permissions, channels := a.Known()
				t.Fatalf("waited for %s; there are %d permissions and %d channels", what, permissions, channels)
			}
		}
	}
	_, _ = a.WriteToAddrPort([]byte("\x00check"), addrOf(p))
	until("a permission", func(permissions, _ int) bool { return permissions == 1 })
	expect(t, p, "\x00check", a.Addr())
	_, _ = a.WriteToAddrPort([]byte("\x80media"), addrOf(p))
	until("a channel", func(_, channels int) bool { return channels == 1 })

	began := time.Now()
	before := s.permits.Load()
	a.Maintain(began.Add(3 * time.Minute)) // too early for anything
	if n := s.permits.Load(); n != before {
		t.Errorf("renewed after 3 minutes")
	}
	a.Used(began.Add(4 * time.Minute))
	a.Maintain(began.Add(4*time.Minute + 10*time.Second))
	until("the renewals", func(int, int) bool { return s.permits.Load() == before+2 })
	if permissions, channels := a.Known(); permissions != 1 || channels != 1 {
		t.Errorf("%d permissions and %d channels after renewing, want both", permissions, channels)
	}
	until("the end", func(permissions, channels int) bool {
		a.Maintain(time.Now().Add(time.Hour)) // nobody has sent anything since
		return permissions == 0 && channels == 0
	})
}
