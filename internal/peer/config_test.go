package peer_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"porthole/internal/peer"
	"porthole/internal/reach"
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

func TestExplainAddrsOfThisMachine(t *testing.T) {
	list, err := peer.ExplainAddrs(peer.Config{Media: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(a reach.InterfaceAddr) bool { return a.Addr.IsLoopback() && a.Addr.Is4() })
	if i < 0 || !list[i].Offered {
		t.Errorf("got %+v", list)
	}
}
