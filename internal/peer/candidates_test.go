package peer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/reach"
)

func addrs(texts ...string) (list []netip.Addr) {
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

// told returns the candidates of an answer, as "udp 192.0.2.1:8081 host".
func told(answer string) (list []string) {
	for l := range strings.SplitSeq(answer, "\r\n") {
		if f := strings.Fields(l); strings.HasPrefix(l, "a=candidate:") {
			list = append(list, fmt.Sprintf("%s %s %s", f[2], net.JoinHostPort(f[4], f[5]), f[7]))
		}
	}
	return list
}

// seen is what a STUN server tells.
func seen() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort("203.0.113.9:40001")} }

func TestOrderOfCandidates(t *testing.T) {
	machine := reach.Interface{Name: "eth0", Addrs: addrs("192.168.7.1", "10.0.0.1", "2001:db8::1")}
	for _, test := range []struct {
		name string
		cfg  peer.Config
		want []string // without ports that are the media port
	}{
		{"behind a NAT that a STUN server sees", peer.Config{}, []string{
			"udp 192.168.7.1 host", "udp 10.0.0.1 host", "udp [2001:db8::1] host", "udp 203.0.113.9:40001 srflx",
			"tcp 192.168.7.1 host", "tcp 10.0.0.1 host", "tcp [2001:db8::1] host",
		}},
		{"behind a NAT that forwards the port", peer.Config{PublicIPs: addrs("198.51.100.7")}, []string{
			"udp 198.51.100.7 host", "udp 192.168.7.1 host", "udp 10.0.0.1 host", "udp [2001:db8::1] host",
			"tcp 192.168.7.1 host", "tcp 10.0.0.1 host", "tcp 198.51.100.7 host", "tcp [2001:db8::1] host",
		}},
		{"instead of the machine's own", peer.Config{Advertise: []string{"198.51.100.8:4000", "2001:db8:9::9", "203.0.113.9:40001"}}, []string{
			"udp 198.51.100.8:4000 host", "udp 203.0.113.9:40001 host", "udp [2001:db8:9::9] host",
			"tcp 198.51.100.8:4000 host", "tcp 203.0.113.9:40001 host", "tcp [2001:db8:9::9] host",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.cfg.Media = ":0"
			test.cfg.Mapped = seen
			engine := newEngine(t, test.cfg)
			engine.WithInterfaces(machine)
			for _, role := range []negotiate.Role{negotiate.Watch, negotiate.Publish} {
				offer := realOffer(t, role, map[negotiate.Role]string{negotiate.Watch: "chromium-recvonly", negotiate.Publish: "ffmpeg-whip"}[role])
				s := answerOffer(t, engine, offer)
				defer s.Close(nil)
				got := told(s.Answer())
				for i := range got {
					got[i] = strings.Replace(got[i], fmt.Sprintf(":%d ", engine.Addr().Port()), " ", 1)
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("got  %q\nwant %q", got, test.want)
				}
				distinctPriorities(t, s.Answer())
			}
		})
	}
}

// distinctPriorities checks RFC 8445 5.1.2, and that the related address of what STUN
// tells is there.
func distinctPriorities(t *testing.T, answer string) {
	t.Helper()
	seen := make(map[uint32]string)
	for l := range strings.SplitSeq(answer, "\r\n") {
		value, ok := strings.CutPrefix(l, "a=candidate:")
		if !ok {
			continue
		}
		c, err := ice.UnmarshalCandidate(value)
		if err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		if other, ok := seen[c.Priority()]; ok {
			t.Errorf("%q has the priority of %q", l, other)
		}
		seen[c.Priority()] = l
		if c.Type() == ice.CandidateTypeServerReflexive && c.RelatedAddress() == nil {
			t.Errorf("%q lacks raddr and rport (RFC 8839 5.1)", l)
		}
	}
}

func TestAnswerStaysSmallWithAHundredAddresses(t *testing.T) {
	many := reach.Interface{Name: "eth0"}
	for i := range 50 {
		many.Addrs = append(many.Addrs,
			netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}),
			netip.MustParseAddr(fmt.Sprintf("2001:db8:1111:2222:3333:4444:5555:%x", 0x1000+i)))
	}
	engine := newEngine(t, peer.Config{Media: ":0", Mapped: seen})
	engine.WithInterfaces(many)
	for _, test := range []struct {
		role negotiate.Role
		file string
	}{{negotiate.Watch, "chromium-recvonly"}, {negotiate.Publish, "chromium-sendonly"}, {negotiate.Publish, "ffmpeg-whip"}} {
		s := answerOffer(t, engine, realOffer(t, test.role, test.file))
		defer s.Close(nil)
		if len(s.Answer()) >= 8192 {
			t.Errorf("%s: the answer has %d bytes, FFmpeg takes less than 8192", test.file, len(s.Answer()))
		}
		kinds := make(map[string]int)
		for _, c := range told(s.Answer()) {
			kinds[c[:len("udp")]+c[strings.LastIndex(c, " "):]]++
		}
		for _, kind := range []string{"udp host", "udp srflx", "tcp host"} {
			if kinds[kind] == 0 {
				t.Errorf("%s: no %s candidate among %v", test.file, kind, kinds)
			}
		}
		if !strings.Contains(line(s.Answer(), "a=candidate:"), " udp ") || !strings.Contains(line(s.Answer(), "a=candidate:"), " 192.0.2.") {
			t.Errorf("%s: the first candidate is %q, want IPv4 over UDP", test.file, line(s.Answer(), "a=candidate:"))
		}
	}
}

func TestNewAddressIsToldWithoutARestart(t *testing.T) {
	engine := newEngine(t, peer.Config{Media: ":0"})
	eth0 := reach.Interface{Name: "eth0", Addrs: addrs("192.0.2.1")}
	engine.WithInterfaces(eth0)
	if s := answered(t, engine); !strings.Contains(s.Answer(), " 192.0.2.1 ") {
		t.Errorf("the address is missing in\n%s", s.Answer())
	}
	engine.WithInterfaces(eth0, reach.Interface{Name: "wlan0", Addrs: addrs("192.0.2.77")})
	if s := answered(t, engine); !strings.Contains(s.Answer(), " 192.0.2.77 ") {
		t.Errorf("the new address is missing in\n%s", s.Answer())
	}
	engine.WithInterfaces(eth0)
	if s := answered(t, engine); strings.Contains(s.Answer(), " 192.0.2.77 ") {
		t.Errorf("the address that went away is in\n%s", s.Answer())
	}
}

func TestAdvertisedName(t *testing.T) {
	engine := newEngine(t, peer.Config{Media: ":0", Advertise: []string{"cam.example.org:4000"}})
	engine.WithInterfaces(reach.Interface{Name: "eth0", Addrs: addrs("192.0.2.1")})
	release := make(chan struct{})
	engine.WithNames(func(ctx context.Context, name string) ([]netip.Addr, error) {
		select {
		case <-release:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if name != "cam.example.org" {
			return nil, errors.New("another name: " + name)
		}
		return addrs("198.51.100.8", "2001:db8:9::9"), nil
	})
	// Nobody waits for the name server.
	if s := answered(t, engine); !strings.Contains(s.Answer(), " 192.0.2.1 ") {
		t.Errorf("while the name is unknown, the machine's address is missing in\n%s", s.Answer())
	}
	close(release)
	want := []string{
		"udp 198.51.100.8:4000 host", "udp [2001:db8:9::9]:4000 host", "tcp 198.51.100.8:4000 host", "tcp [2001:db8:9::9]:4000 host",
	}
	eventually(t, "the name's addresses", func() bool { return slices.Equal(told(answered(t, engine).Answer()), want) })
}

func TestWrongAdvertisements(t *testing.T) {
	for _, text := range []string{"", "0.0.0.0", "224.0.0.1", "192.0.2.1:0", "192.0.2.1:70000", "fe80::1%eth0", "300.1.1.1", "a b", "http://x", "-x.example"} {
		if _, err := peer.Listen(peer.Config{Media: "127.0.0.1:0", Advertise: []string{text}}); !errors.Is(err, peer.ErrConfig) {
			t.Errorf("--advertise %q: err = %v, want ErrConfig", text, err)
		}
	}
}

// A client may come over TCP to an address that is none of the candidates that agents
// know: each of a family leads to the same session.
func TestTCPByAnyAddress(t *testing.T) {
	engine := newEngine(t, peer.Config{Media: ":0"})
	engine.WithInterfaces(reach.Interface{Name: "eth0", Addrs: addrs("192.0.2.1")})
	c := newClient(t, clientConfig{settings: func(s *webrtc.SettingEngine) {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}})
	w := startWatching(t, engine, c, edits{answer: func(answer string) string {
		return strings.ReplaceAll(answer, " 192.0.2.1 ", " 127.0.0.5 ")
	}})
	w.write(t, w.session.Tracks()[0], 0)
	wait(t, w.packets, "a packet over TCP")
}
