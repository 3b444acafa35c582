package iceserver_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"porthole/internal/iceserver"
)

func TestServersAreParsed(t *testing.T) {
	for text, want := range map[string]iceserver.Server{
		"stun:stun.example.org":              {Scheme: "stun", Host: "stun.example.org", Port: 3478, Transport: "udp"},
		"stun:192.0.2.1:19302":               {Scheme: "stun", Host: "192.0.2.1", Port: 19302, Transport: "udp"},
		"stun:[2001:db8::1]:3479":            {Scheme: "stun", Host: "2001:db8::1", Port: 3479, Transport: "udp"},
		"stun:[2001:db8::1]":                 {Scheme: "stun", Host: "2001:db8::1", Port: 3478, Transport: "udp"},
		"turn:h":                             {Scheme: "turn", Host: "h", Port: 3478, Transport: "udp"},
		"turn:u:p@h:1":                       {Scheme: "turn", Host: "h", Port: 1, Transport: "udp", Username: "u", Password: "p"},
		"turn:1%3Au:p%40s?x@h:1":             {Scheme: "turn", Host: "h", Port: 1, Transport: "udp", Username: "1:u", Password: "p@s?x"},
		"turn:u:p:q@h?transport=tcp":         {Scheme: "turn", Host: "h", Port: 3478, Transport: "tcp", Username: "u", Password: "p:q"},
		"turns:h":                            {Scheme: "turns", Host: "h", Port: 5349, Transport: "tcp"},
		"turns:u:p@[::1]:443?transport=tcp":  {Scheme: "turns", Host: "::1", Port: 443, Transport: "tcp", Username: "u", Password: "p"},
		"turn:h?secret=a+b/c=&transport=tcp": {Scheme: "turn", Host: "h", Port: 3478, Transport: "tcp", Secret: "a+b/c="},
	} {
		parse := iceserver.ParseTURN
		if strings.HasPrefix(text, "stun:") {
			parse = iceserver.ParseSTUN
		}
		got, err := parse(text)
		if err != nil || got != want {
			t.Errorf("%s: got %q %q %q %+v, %v", text, got.Username, got.Password, got.Secret, got, err)
		}
	}
}

func TestFaultsOfServersShowNoSecret(t *testing.T) {
	for _, text := range []string{
		"turn", "turn:", "stun:h", "http://u:hush@h", "turn:u@h", "turn:u:@hush", "turn:%:hush@h", "turn:u:hush@", "turn:u:hush@h:0", "turn:u:hush@h:70000",
		"turn:u:hush@h:x", "turn:u:hush@h h", "turn:h?secret=hush&secret=hush", "turn:h?key=hush", "turn:u:hush@h?secret=hush",
		"turn:u:hush@h?transport=sctp", "turns:u:hush@h?transport=udp", "turn:u:hush@h?%zz", "turn:u:hush@h:1:2", "turn:u:hush", `turn:u:hush@h>"`,
	} {
		if got, err := iceserver.ParseTURN(text); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"stun", "stun:", "stuns:h", "stun:h:0", "stun:a b", "stun:h?transport=udp", "turn:h"} {
		if got, err := iceserver.ParseSTUN(text); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestServersAreWrittenWithoutSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"turn:u:hush@h":               "turn:h:3478?transport=udp",
		"turn:h?secret=hush":          "turn:h:3478?transport=udp",
		"turns:u:hush@[2001:db8::1]":  "turns:[2001:db8::1]:5349?transport=tcp",
		"turn:u:hush@h?transport=tcp": "turn:h:3478?transport=tcp",
	} {
		s, err := iceserver.ParseTURN(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []string{s.URL(), fmt.Sprint(s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s), s.LogValue().String()} {
			if got != want {
				t.Errorf("%s is written %q", text, got)
			}
		}
	}
}

func FuzzParseTURN(f *testing.F) {
	for _, text := range []string{"turn:u:p@h:1?transport=udp", "turns:[::1]", "turn:h?secret=a+b&transport=tcp", "turn:%:@?#"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := iceserver.ParseTURN(text)
		if err != nil {
			return
		}
		// What clients are told is a URL that means the same server, without a secret.
		again, err := iceserver.ParseTURN(s.URL())
		if err != nil || again.HasCredentials() || again.Address() != s.Address() || again.Transport != s.Transport || again.Scheme != s.Scheme {
			t.Errorf("%q is told as %q, which is %+v, %v", text, s.URL(), again, err)
		}
		if strings.ContainsAny(s.URL(), "<>\" ,;\r\n") {
			t.Errorf("%q cannot stand in a Link header", s.URL())
		}
	})
}

func TestCredentials(t *testing.T) {
	expiry := time.Unix(1700000000, 0)
	shared := iceserver.Server{Scheme: "turn", Host: "h", Port: 1, Transport: "udp", Secret: "north"}
	// printf 1700000000:alice | openssl dgst -sha1 -hmac north -binary | base64
	want := iceserver.Access{URL: "turn:h:1?transport=udp", Username: "1700000000:alice", Password: "Cd/49soE35ICqcJF/bCTn8Z4OyE="}
	if got := shared.Access("alice", expiry); got != want {
		t.Errorf("got %+v", got)
	}
	fixed := iceserver.Server{Scheme: "turn", Host: "h", Port: 1, Transport: "udp", Username: "u", Password: "p"}
	if got := fixed.Access("alice", expiry); got.Username != "u" || got.Password != "p" {
		t.Errorf("got %+v", got)
	}
	stun := iceserver.Server{Scheme: "stun", Host: "h", Port: 1, Transport: "udp"}
	if got := stun.Access("alice", expiry); got != (iceserver.Access{URL: "stun:h:1"}) {
		t.Errorf("got %+v", got)
	}
}
