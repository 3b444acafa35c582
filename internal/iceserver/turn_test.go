package iceserver_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"porthole/internal/iceserver"
	"porthole/internal/turnserver"
)

const secret = "north"

// turnServer runs one on loopback and returns it as it is configured.
func turnServer(t *testing.T) (*turnserver.Server, iceserver.Server) {
	t.Helper()
	s, err := turnserver.Listen(turnserver.Config{
		Listen: "127.0.0.1:0", Secret: secret,
		Media: func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")} },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, iceserver.Server{
		Scheme: iceserver.SchemeTURN, Host: "127.0.0.1", Port: s.Addr().Port(), Transport: iceserver.TransportUDP, Secret: secret,
	}
}

// nobody answers over UDP.
func nobody(context.Context, netip.AddrPort) (iceserver.Answer, error) {
	return iceserver.Answer{}, errors.New("no answer")
}

// answered answers every question over UDP.
func answered(context.Context, netip.AddrPort) (iceserver.Answer, error) {
	return iceserver.Answer{Mapped: ours, RTT: time.Millisecond, Requests: 1}, nil
}

// probe asks servers until each is known to be alive or dead.
func probe(t *testing.T, ask iceserver.AskFunc, servers ...iceserver.Server) []iceserver.ServerStatus {
	t.Helper()
	p, err := iceserver.NewProber(iceserver.Config{Servers: servers})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Start(ask)
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		status := p.Status()
		if !slices.ContainsFunc(status, func(s iceserver.ServerStatus) bool { return s.State == iceserver.Unknown }) {
			return status
		}
		if time.Now().After(deadline) {
			t.Fatalf("still unknown: %+v", status)
		}
	}
}

func TestTURNServersAreAsked(t *testing.T) {
	_, udp := turnServer(t)
	tcp := udp
	tcp.Transport = iceserver.TransportTCP
	stranger := udp
	stranger.Secret = "south"
	fixed := udp
	fixed.Secret, fixed.Username, fixed.Password = "", "u", "p"
	closed := tcp
	closed.Port = closedPort(t)
	plain := tcp
	plain.Scheme = iceserver.SchemeTURNS // the server has no certificate
	for _, test := range []struct {
		name   string
		server iceserver.Server
		ask    iceserver.AskFunc
		state  iceserver.State
		fault  string
	}{
		{"UDP", udp, answered, iceserver.Alive, ""},
		{"UDP without plain STUN", udp, nobody, iceserver.Alive, ""},
		{"TCP", tcp, nobody, iceserver.Alive, ""},
		{"another secret", stranger, answered, iceserver.Dead, "allocate"},
		{"another password", fixed, answered, iceserver.Dead, "allocate"},
		{"nobody listens", closed, nobody, iceserver.Dead, "connect"},
		{"TLS that is none", plain, nobody, iceserver.Dead, "TLS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := probe(t, test.ask, test.server)[0]
			if s.State != test.state || !strings.Contains(s.Error, test.fault) || test.fault == "" && s.Error != "" {
				t.Errorf("%+v; want %v, %q", s, test.state, test.fault)
			}
			if s.State == iceserver.Alive && test.server.Transport == iceserver.TransportTCP && (s.RTT <= 0 || s.Mapped != "") {
				t.Errorf("%+v; want a time and no address, which is that of another socket", s)
			}
		})
	}
}

func TestProbesLeaveNoRelayBehind(t *testing.T) {
	s, udp := turnServer(t)
	if status := probe(t, answered, udp); status[0].State != iceserver.Alive {
		t.Fatalf("%+v", status)
	}
	if n := s.Status().Allocations; n != 0 {
		t.Errorf("%d relays are left", n)
	}
}

func TestOrderOfOneHost(t *testing.T) {
	_, udp := turnServer(t)
	tcp, stun := udp, udp
	tcp.Transport = iceserver.TransportTCP
	stun.Scheme, stun.Secret = iceserver.SchemeSTUN, ""
	p, err := iceserver.NewProber(iceserver.Config{Servers: []iceserver.Server{tcp, udp, stun}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Start(answered)
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := p.Ranked()
		if slices.Equal(got, []iceserver.Server{stun, udp, tcp}) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("ranked %v; want STUN, then UDP before TCP", got)
		}
	}
}

// closedPort returns a TCP port of loopback that nobody listens on.
func closedPort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}
