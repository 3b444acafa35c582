package peer_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"porthole/internal/peer"
)

func TestListenNamesEveryFault(t *testing.T) {
	_, err := peer.Listen(peer.Config{
		Media:     "nowhere",
		PublicIPs: []netip.Addr{netip.IPv4Unspecified()},
	})
	if !errors.Is(err, peer.ErrConfig) {
		t.Fatalf("Listen = %v, want ErrConfig", err)
	}
	for _, want := range []string{"nowhere", "0.0.0.0"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
}

func TestListenBindsUDPAndTCPOnOnePort(t *testing.T) {
	engine := newEngine(t, peer.Config{})
	if engine.Addr().Port() == 0 || !engine.Addr().Addr().IsLoopback() {
		t.Fatalf("Addr = %v, want the address that was named and a port", engine.Addr())
	}
	if _, err := peer.Listen(peer.Config{Media: engine.Addr().String()}); err == nil {
		t.Error("a second Listen on the same port succeeded")
	}
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(engine.Addr()))
	if err == nil {
		t.Errorf("the UDP port was free: %v", udp.Close())
	}
	tcp, err := net.Dial("tcp", engine.Addr().String())
	if err != nil {
		t.Fatalf("the TCP port does not answer: %v", err)
	}
	defer tcp.Close()
	// The silent connection must not hold up the end.
	began := time.Now()
	if err = engine.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Close took %v with a silent TCP connection", took)
	}
}

func TestInterfacesThatClientsAreTold(t *testing.T) {
	for _, test := range []struct {
		name   string
		direct bool
	}{
		{"eth0", true}, {"enp3s0", true}, {"wlan0", true}, {"wlp2s0", true}, {"bond0", true}, {"en0", true}, {"br0", true},
		// Bridges of this host: nobody outside can reach them.
		{"docker0", false}, {"docker_gwbridge", false}, {"br-1f2e3d4c5b6a", false}, {"veth12ab34c", false}, {"virbr0", false},
		// Tunnels: most viewers are not in them.
		{"tailscale0", false}, {"tun0", false}, {"wg0", false}, {"ztabcdefgh", false},
	} {
		if got := peer.IsDirectInterface(test.name); got != test.direct {
			t.Errorf("interface %s: direct = %v, want %v", test.name, got, test.direct)
		}
	}
}
