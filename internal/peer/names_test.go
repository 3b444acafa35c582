package peer_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/mdns/v2"
	"golang.org/x/net/ipv4"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/sessioninfo"
)

// hide writes the name that a browser would in the place of its addresses.
func hide(sdp string) string {
	return regexp.MustCompile(`(?m)^(a=candidate:\S+ \d udp \d+ )\S+`).ReplaceAllString(sdp, "${1}0a1b-2c3d.local")
}

// A client that tells no address, and from whom nothing arrives before we have sent
// something: a firewall lets in answers only.
func TestHiddenAddressIsUsed(t *testing.T) {
	engine := newEngine(t, peer.Config{MDNS: true})
	asked := make(chan string, 8) // more than are asked for
	engine.WithHosts(func(_ context.Context, name string) (netip.Addr, error) {
		asked <- name
		return netip.MustParseAddr("127.0.0.1"), nil
	})
	w := startWatching(t, engine, newClient(t, clientConfig{}), edits{offer: hide})
	if name := wait(t, asked, "a question"); name != "0a1b-2c3d.local" {
		t.Errorf("asked for %q", name)
	}
	eventually(t, "the candidate", func() bool {
		return strings.Contains(strings.Join(addressesOf(w.session.Info().Remote), " "), "host 127.0.0.1:")
	})
}

func addressesOf(candidates []sessioninfo.Candidate) (list []string) {
	for _, c := range candidates {
		list = append(list, c.Type+" "+c.Address)
	}
	return list
}

// Nobody waits for a name, and one that nobody has costs nothing.
func TestNameOfNobody(t *testing.T) {
	engine := newEngine(t, peer.Config{MDNS: true})
	asked := make(chan struct{}, 8)
	engine.WithHosts(func(ctx context.Context, _ string) (netip.Addr, error) {
		asked <- struct{}{}
		<-ctx.Done()
		return netip.Addr{}, ctx.Err()
	})
	began := time.Now()
	startWatching(t, engine, newClient(t, clientConfig{}), edits{offer: hide})
	if took := time.Since(began); took > time.Second {
		t.Errorf("connecting took %v, as if somebody had waited for the name", took)
	}
	wait(t, asked, "a question")
}

func TestNamesAreNotLookedUpUnlessWanted(t *testing.T) {
	engine := newEngine(t, peer.Config{})
	engine.WithHosts(func(context.Context, string) (netip.Addr, error) {
		t.Error("a name was looked up")
		return netip.Addr{}, errors.New("no")
	})
	w := startWatching(t, engine, newClient(t, clientConfig{}), edits{offer: hide})
	if err := w.session.Trickle(&negotiate.Fragment{Ufrag: "", Hidden: mustHidden(t)}); err != nil {
		t.Error(err)
	}
}

func mustHidden(t *testing.T) []negotiate.Hidden {
	t.Helper()
	f, err := negotiate.ParseFragment([]byte("a=ice-ufrag:u\r\na=ice-pwd:p\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 x.local 5000 typ host\r\n"))
	if err != nil || len(f.Hidden) != 1 {
		t.Fatalf("%+v, %v", f, err)
	}
	return f.Hidden
}

// The real thing: a name that this very machine answers for.
func TestMDNS(t *testing.T) {
	group, err := net.ResolveUDPAddr("udp4", mdns.DefaultAddressIPv4)
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenUDP("udp4", group)
	if err != nil {
		t.Fatal(err)
	}
	responder, err := mdns.NewServer(ipv4.NewPacketConn(udp), nil,
		mdns.WithLocalNames("0a1b-2c3d.local"), mdns.WithLocalAddress(net.IPv4(127, 0, 0, 1)), mdns.WithIncludeLoopback(true))
	if err != nil {
		t.Fatal(err)
	}
	defer responder.Close()
	engine := newEngine(t, peer.Config{MDNS: true})
	w := startWatching(t, engine, newClient(t, clientConfig{}), edits{offer: hide})
	eventually(t, "the candidate", func() bool { return hasEvent(w.session.Info(), "mDNS name resolved") })
}
