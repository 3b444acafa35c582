package server

import (
	"net/netip"
	"testing"

	"porthole/internal/core"
	"porthole/internal/peer"
	"porthole/internal/signaling"
	"porthole/internal/turnserver"
)

func TestWhereTURNListens(t *testing.T) {
	for _, tt := range []struct{ media, listen, want string }{
		{":8081", "", ":3478"},
		{"127.0.0.1:8081", "", "127.0.0.1:3478"}, // what keeps media on loopback keeps it there
		{"127.0.0.1:0", "", "127.0.0.1:0"},
		{"[::1]:8081", "", "[::1]:3478"},
		{":8081", "off", ""},
		{":8081", "192.0.2.1:443", "192.0.2.1:443"},
	} {
		if got := (Config{Media: tt.media, TURNListen: tt.listen}).TURNAddress(); got != tt.want {
			t.Errorf("media %q, TURN %q: got %q, want %q", tt.media, tt.listen, got, tt.want)
		}
	}
}

// Clients are sent where they can get to: by the name that brought them here, or an
// address, but never to the loopback of another machine.
func TestHostOfTURNByClient(t *testing.T) {
	const (
		far   = "198.51.100.20"
		local = "192.168.1.5"
	)
	for _, tt := range []struct {
		name                string
		cfg                 Config
		bound               string
		host, local, client string
		want                string
	}{
		{"by address", Config{}, "[::]:0", local, local, far, local},
		{"by name", Config{}, "[::]:0", "cam.example", local, far, "cam.example"},
		{"by IPv6 address", Config{}, "[::]:0", "2001:db8::5", "2001:db8::5", far, "2001:db8::5"},
		{"on this machine", Config{}, "[::]:0", "localhost", "127.0.0.1", "127.0.0.1", "127.0.0.1"},
		{"through a proxy on this machine", Config{}, "[::]:0", "127.0.0.1", "127.0.0.1", far, "203.0.113.9"},
		{"through a proxy that calls itself localhost", Config{}, "[::]:0", "localhost", "127.0.0.1", far, "203.0.113.9"},
		{"no host", Config{}, "[::]:0", "", local, far, local},
		{"nonsense", Config{}, "[::]:0", `"><x>`, local, far, local},
		{"server on loopback", Config{}, "127.0.0.1:0", "cam.example", "127.0.0.1", far, "127.0.0.1"},
		{"set by hand", Config{TURNHost: "turn.example"}, "[::]:0", "cam.example", local, far, "turn.example"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := tt.cfg
			cfg.PublicIPs = []netip.Addr{netip.MustParseAddr("203.0.113.9")}
			engine, err := peer.Listen(peer.Config{Media: "127.0.0.1:0"})
			if err != nil {
				t.Fatal(err)
			}
			defer engine.Close()
			turn, err := turnserver.Listen(turnserver.Config{Listen: tt.bound, Secret: "x", Media: engine.MediaAddrs})
			if err != nil {
				t.Fatal(err)
			}
			defer turn.Close()
			s := &Server{cfg: cfg, core: &core.Core{Engine: engine}, turn: turn}
			got := s.turnHost(signaling.ICERequest{
				Host: tt.host, Local: netip.MustParseAddr(tt.local), Client: netip.MustParseAddr(tt.client),
			})
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
