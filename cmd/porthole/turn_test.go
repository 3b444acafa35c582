package main

import (
	"net/netip"
	"slices"
	"testing"

	"porthole/internal/iceserver"
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
		if got := (Config{Media: tt.media, TURNListen: tt.listen}).turnAddress(); got != tt.want {
			t.Errorf("media %q, TURN %q: got %q, want %q", tt.media, tt.listen, got, tt.want)
		}
	}
}

func TestProfiles(t *testing.T) {
	load := func(args ...string) Config {
		t.Helper()
		c, err := loadConfig(args, environment(map[string]string{"PORTHOLE_TURN": "turn:u:p@h"}))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := load(); len(c.STUN) != 0 || c.turnAddress() == "" || c.Profile != "lan" {
		t.Errorf("by default: STUN %v, TURN on %q; want nobody outside asked and our own server on", c.STUN, c.turnAddress())
	}
	if c := load("--profile", "internet"); len(c.STUN) < 2 || c.turnAddress() == "" {
		t.Errorf("internet: STUN %v, TURN on %q", c.STUN, c.turnAddress())
	}
	if c := load("--profile", "internet", "--stun", "stun:mine"); !slices.Equal(c.STUN, stunServers(t, "stun:mine")) {
		t.Errorf("internet with a STUN server of one's own: %v", c.STUN)
	}
	if c := load("--profile", "internet", "--public-ip", "203.0.113.1"); len(c.STUN) != 0 {
		t.Errorf("internet with a known address: STUN %v; nobody need be asked", c.STUN)
	}
	if c := load("--profile", "relay"); c.turnAddress() != "" {
		t.Errorf("relay: TURN on %q, whose relays would reach nothing that clients are told", c.turnAddress())
	}
	if c := load("--profile", "relay", "--turn-listen", ":1"); c.turnAddress() != ":1" {
		t.Errorf("relay with a server of one's own: TURN on %q", c.turnAddress())
	}
	file := file(t, "profile: internet\nstun: stun:file\n")
	if c := load("--config", file); c.Profile != "internet" || !slices.Equal(c.STUN, stunServers(t, "stun:file")) {
		t.Errorf("profile in a file: %q, %v", c.Profile, c.STUN)
	}
	if c := load("--config", file, "--profile", "lan"); c.Profile != "lan" {
		t.Errorf("the flag did not overrule the file: %q", c.Profile)
	}
}

func TestSharedSecretIsForServersWithout(t *testing.T) {
	c, err := loadConfig([]string{
		"--turn", "turn:a", "--turn", "turn:u:p@b", "--turn", "turn:c?secret=own", "--turn-secret", "shared",
	}, environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := []iceserver.Server{
		{Scheme: "turn", Host: "a", Port: 3478, Transport: "udp", Secret: "shared"},
		{Scheme: "turn", Host: "b", Port: 3478, Transport: "udp", Username: "u", Password: "p"},
		{Scheme: "turn", Host: "c", Port: 3478, Transport: "udp", Secret: "own"},
	}
	if got := c.turnServers(); !slices.Equal(got, want) {
		for _, s := range got {
			t.Errorf("%v: user %q, password %q, secret %q", s, s.Username, s.Password, s.Secret)
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
			s := &server{cfg: cfg, engine: engine, turn: turn}
			got := s.turnHost(signaling.ICERequest{
				Host: tt.host, Local: netip.MustParseAddr(tt.local), Client: netip.MustParseAddr(tt.client),
			})
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
