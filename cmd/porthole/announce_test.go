package main

import (
	"net"
	"strings"
	"testing"

	"porthole/internal/server"
)

// What is said depends on who may reach the server and who reads it: a token and a code only a person, at a terminal.
func TestWelcome(t *testing.T) {
	loopback := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	network := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 8080}
	for _, tt := range []struct {
		name      string
		change    func(*server.Config)
		addr      net.Addr
		terminal  bool
		generated bool
		code      bool
		want      string // after the code, if there is one
	}{
		{"loopback", nil, loopback, true, false, false, "\nPorthole is ready. Open\n\n    http://127.0.0.1:8080/\n\n"},
		{"network", func(c *server.Config) { c.HTTP = "192.0.2.7:8080" }, network, true, false, true, "\nPorthole is ready. Open\n\n    http://192.0.2.7:8080/\n\n"},
		{"network, to a file", func(c *server.Config) { c.HTTP = "192.0.2.7:8080" }, network, false, false, false, "\nPorthole is ready. Open\n\n    http://192.0.2.7:8080/\n\n"},
		{
			"view token", func(c *server.Config) { c.ViewToken = "a+b"; c.Sources = []server.Source{{Name: "door"}} }, loopback, true, false, false,
			"\nPorthole is ready. Open\n\n    http://127.0.0.1:8080/watch/door#token=a%2Bb\n\n",
		},
		{
			"view token, to a file", func(c *server.Config) { c.ViewToken = "hush" }, loopback, false, false, false,
			"\nPorthole is ready. Open\n\n    http://127.0.0.1:8080/watch/webcam\n\nwith the token of --view-token.\n\n",
		},
		{
			"a name, and a token made for the run", func(c *server.Config) {
				c.HTTP, c.Cert, c.PublishToken, c.Hosts = "192.0.2.7:8080", "c.pem", "made", []string{"cam.example"}
			}, network, false, true, false,
			"\nPublishers need the token made (made for this run; --publish-token sets your own).\n" +
				"\nPorthole is ready. Open\n\n    https://192.0.2.7:8080/   on this machine\n    https://cam.example:8080/   on others\n\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := server.DefaultConfig()
			if tt.change != nil {
				tt.change(&cfg)
			}
			got := welcome{terminal: tt.terminal, cfg: cfg, addr: tt.addr, generated: tt.generated}.text()
			code := ""
			if i := strings.LastIndex(got, "\x1b[0m\n"); i >= 0 {
				code, got = got[:i], got[i+len("\x1b[0m\n"):]
			}
			if got != tt.want {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
			if (strings.Count(code, "▀") > 20) != tt.code {
				t.Errorf("a code is shown: %v, want %v", !tt.code, tt.code)
			}
		})
	}
}
