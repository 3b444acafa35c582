package main

import (
	"porthole/internal/iceserver"
	"porthole/internal/server"
	"slices"
	"testing"
)

func TestProfiles(t *testing.T) {
	load := func(args ...string) server.Config {
		t.Helper()
		c, err := loadConfig(args, environment(map[string]string{"PORTHOLE_TURN": "turn:u:p@h"}))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := load(); len(c.STUN) != 0 || c.TURNAddress() == "" || c.Profile != "lan" {
		t.Errorf("by default: STUN %v, TURN on %q; want nobody outside asked and our own server on", c.STUN, c.TURNAddress())
	}
	if c := load("--profile", "internet"); len(c.STUN) < 2 || c.TURNAddress() == "" {
		t.Errorf("internet: STUN %v, TURN on %q", c.STUN, c.TURNAddress())
	}
	if c := load("--profile", "internet", "--stun", "stun:mine"); !slices.Equal(c.STUN, stunServers(t, "stun:mine")) {
		t.Errorf("internet with a STUN server of one's own: %v", c.STUN)
	}
	if c := load("--profile", "internet", "--public-ip", "203.0.113.1"); len(c.STUN) != 0 {
		t.Errorf("internet with a known address: STUN %v; nobody need be asked", c.STUN)
	}
	if c := load("--profile", "relay"); c.TURNAddress() != "" {
		t.Errorf("relay: TURN on %q, whose relays would reach nothing that clients are told", c.TURNAddress())
	}
	if c := load("--profile", "relay", "--turn-listen", ":1"); c.TURNAddress() != ":1" {
		t.Errorf("relay with a server of one's own: TURN on %q", c.TURNAddress())
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
	if got := c.TURNServers(); !slices.Equal(got, want) {
		for _, s := range got {
			t.Errorf("%v: user %q, password %q, secret %q", s, s.Username, s.Password, s.Secret)
		}
	}
}
