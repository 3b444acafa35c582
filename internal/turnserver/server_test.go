package turnserver_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"porthole/internal/turnserver"
)

func TestRelayReachesTheMediaPort(t *testing.T) {
	for _, transport := range []string{"udp", "tcp", "turns"} {
		t.Run(transport, func(t *testing.T) {
			f := start(t, func(c *turnserver.Config) { c.TLS = certificate(t, "cam.example") })
			relay, _ := f.allocate(transport, "alice")
			send(t, relay, "hello", f.media.addr)
			if got := receive(t, relay); got != "hello" {
				t.Errorf("got %q back", got)
			}
			for name, want := range map[string]float64{
				"porthole_turn_allocations": 1, "porthole_turn_allocations_created_total": 1,
			} {
				if got := f.metric(name); got != want {
					t.Errorf("%s is %v, want %v", name, got, want)
				}
			}
			for _, direction := range []string{"from_client", "to_client"} {
				if got := f.metric("porthole_turn_relayed_bytes_total", direction); got != 5 {
					t.Errorf("%v bytes %s, want 5", got, direction)
				}
			}
			connections := map[string]int{"tcp": 1, "turns": 1}[transport]
			if got := f.Status(); got != (turnserver.Status{Address: f.Addr(), TLS: true, Allocations: 1, Connections: connections}) {
				t.Errorf("status %+v", got)
			}
			if err := relay.Close(); err != nil {
				t.Error(err)
			}
			f.eventually("the relay to be given back", func() bool { return f.metric("porthole_turn_allocations") == 0 })
		})
	}
}

// Without IPv4 anywhere, a relay is IPv6 without being asked for.
func TestIPv6Only(t *testing.T) {
	f := startOn(t, netip.IPv6Loopback(), nil)
	for _, transport := range []string{"udp", "tcp"} {
		relay, _ := f.allocate(transport, "alice")
		send(t, relay, "hello", f.media.addr)
		if got := receive(t, relay); got != "hello" {
			t.Errorf("%s: got %q back", transport, got)
		}
	}
}

func TestSTUNNeedsNoCredentials(t *testing.T) {
	f := start(t, nil)
	c := f.dial("udp", "", "")
	mapped, err := c.SendBindingRequest()
	if err != nil || mapped.String() != c.conn.LocalAddr().String() {
		t.Errorf("mapped %v, %v; want %v", mapped, err, c.conn.LocalAddr())
	}
}

func TestTLSWithoutCertificateIsRefused(t *testing.T) {
	f := start(t, nil)
	conn, err := net.Dial("tcp", f.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{22, 3, 1, 0, 1, 0}); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 10)); err == nil {
		t.Errorf("%d bytes came back", n)
	}
	f.eventually("the refusal to be counted", func() bool { return f.refused("tls") == 1 })
}

func TestServersByHost(t *testing.T) {
	f := start(t, func(c *turnserver.Config) { c.TLS = certificate(t, "cam.example") })
	urls := func(host string) (urls []string) {
		for _, s := range f.Servers(host) {
			if s.Relays() != (s.Secret == secret) {
				t.Errorf("%v: has the secret: %v", s, s.Secret != "")
			}
			urls = append(urls, s.URL())
		}
		return urls
	}
	port := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), f.Addr().Port()).String()[len("192.0.2.1"):]
	want := []string{"stun:192.0.2.1" + port, "turn:192.0.2.1" + port + "?transport=udp", "turn:192.0.2.1" + port + "?transport=tcp"}
	if got := urls("192.0.2.1"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q: no TLS, the certificate is for a name", got, want)
	}
	if got := urls("cam.example"); len(got) != 4 || got[3] != "turns:cam.example"+port+"?transport=tcp" {
		t.Errorf("got %q, want turns: as the last", got)
	}
}

func TestTakenPort(t *testing.T) {
	f := start(t, nil)
	media := func() []netip.AddrPort { return nil }
	if s, err := turnserver.Listen(turnserver.Config{Listen: f.Addr().String(), Secret: secret, Media: media}); err == nil {
		t.Errorf("two servers listen on %v: %v", f.Addr(), s.Close())
	}
	s, err := turnserver.Listen(turnserver.Config{Listen: f.Addr().String(), Secret: secret, Media: media, AnyPort: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr() == f.Addr() || s.Addr().Addr() != f.Addr().Addr() {
		t.Errorf("it listens on %v beside %v", s.Addr(), f.Addr())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestRelayPorts(t *testing.T) {
	ports := turnserver.PortRange{Min: 42100, Max: 42199}
	f := start(t, func(c *turnserver.Config) { c.RelayPorts = ports })
	for range 3 {
		relay, _ := f.allocate("udp", "alice")
		addr := relay.LocalAddr().(*net.UDPAddr).AddrPort()
		if addr.Addr() != f.media.addr.Addr() || addr.Port() < ports.Min || addr.Port() > ports.Max {
			t.Errorf("relay %v, want %v and a port of %v", addr, f.media.addr.Addr(), ports)
		}
	}
}

func TestCloseEndsEverything(t *testing.T) {
	f := start(t, nil)
	for _, transport := range []string{"udp", "tcp"} {
		relay, _ := f.allocate(transport, "alice")
		send(t, relay, "hello", f.media.addr)
		receive(t, relay)
	}
	silent, err := net.Dial("tcp", f.Addr().String()) // says nothing at all
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	f.eventually("three TCP connections or two", func() bool { return f.metric("porthole_turn_connections") == 2 })
	began := time.Now()
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
	if got := f.metric("porthole_turn_allocations"); got != 0 {
		t.Errorf("%v relays are left", got)
	}
}
