package doctor

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"porthole/internal/iceserver"
)

const (
	realm  = "example.org"
	secret = "shared"
)

// turnServer is a TURN server on loopback, over UDP and TCP, for user "bob" with
// password "right" and for credentials made with the secret.
func turnServer(t *testing.T, quota bool) (udp, tcp uint16) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	relay := &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: realm,
		AuthHandler: func(r *turn.RequestAttributes) (string, []byte, bool) {
			if r.Username == "bob" {
				return r.Username, turn.GenerateAuthKey(r.Username, realm, "right"), true
			}
			at, ok := expiry(r.Username)
			if !ok || at.Before(time.Now()) {
				return "", nil, false
			}
			_, name, _ := strings.Cut(r.Username, ":")
			_, password := iceserver.Credential(secret, name, at)
			return r.Username, turn.GenerateAuthKey(r.Username, realm, password), true
		},
		QuotaHandler:      func(string, string, net.Addr) bool { return !quota },
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: conn, RelayAddressGenerator: relay}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: listener, RelayAddressGenerator: relay}},
		LoggerFactory:     &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("close the TURN server: %v", err)
		}
	})
	return uint16(conn.LocalAddr().(*net.UDPAddr).Port), uint16(listener.Addr().(*net.TCPAddr).Port)
}

func TestTURNServers(t *testing.T) {
	udp, tcp := turnServer(t, false)
	full, _ := turnServer(t, true)
	at := func(port uint16, transport, user, password string) iceserver.Server {
		return iceserver.Server{
			Scheme: iceserver.SchemeTURN, Host: "127.0.0.1", Port: port, Transport: transport, Username: user, Password: password,
		}
	}
	withSecret := func(secret string) iceserver.Server {
		s := at(udp, "udp", "", "")
		s.Secret = secret
		return s
	}
	past := strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10) + ":bob"
	tests := []struct {
		name   string
		server iceserver.Server
		want   Verdict
		says   string
	}{
		{"UDP", at(udp, "udp", "bob", "right"), OK, "relays from 127.0.0.1"},
		{"TCP", at(tcp, "tcp", "bob", "right"), OK, "relays from 127.0.0.1"},
		{"a secret", withSecret(secret), OK, "relays from"},
		{"wrong password", at(udp, "udp", "bob", "wrong"), Fail, "refuses the credentials (4"},
		{"wrong secret", withSecret("other"), Fail, "refuses the credentials (4"},
		{"expired", at(udp, "udp", past, "x"), Fail, "expired on"},
		{"no credentials", at(udp, "udp", "", ""), Fail, "no credentials"},
		{"quota", at(full, "udp", "bob", "right"), Fail, "486"},
		{"nobody listens", at(1, "tcp", "bob", "right"), Fail, "refused"},
		{"no such host", iceserver.Server{Scheme: "turn", Host: "nowhere.invalid", Port: 1, Transport: "udp", Username: "u", Password: "p"}, Fail, "cannot be looked up"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := Config{TURN: []iceserver.Server{tt.server}}.servers(t.Context())
			if len(found) != 1 {
				t.Fatalf("got %+v", found)
			}
			f := found[0]
			if f.Verdict != tt.want || !strings.Contains(f.Found, tt.says) || (f.Verdict == OK) != (f.Cure == "") {
				t.Errorf("got %s: %s; %s", f.Verdict, f.Found, f.Cure)
			}
			if text := f.Found + f.Cure + f.Name; strings.Contains(text, "right") || strings.Contains(text, secret) && tt.server.Secret == secret {
				t.Errorf("the report tells a secret: %s", text)
			}
		})
	}
}

func TestSTUNServers(t *testing.T) {
	server := loopbackServer(t)
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	port := func(p int) iceserver.Server {
		return iceserver.Server{Scheme: iceserver.SchemeSTUN, Host: "127.0.0.1", Port: uint16(p)}
	}
	found := Config{STUN: []iceserver.Server{
		port(int(server.Port())), port(silent.LocalAddr().(*net.UDPAddr).Port),
	}}.servers(t.Context())
	if found[0].Verdict != OK || !strings.Contains(found[0].Found, "sees this machine as 127.0.0.1") || found[0].Data["rfc5780"] != false {
		t.Errorf("the live one: %+v", found[0])
	}
	if found[1].Verdict != Fail || !strings.Contains(found[1].Found, "no answer") || !strings.Contains(found[1].Cure, "UDP to 127.0.0.1") {
		t.Errorf("the dead one: %+v", found[1])
	}
}

func TestRelayAddressThatNobodyReaches(t *testing.T) {
	server := loopbackServer(t).Addr() // any address will do
	private := &net.UDPAddr{IP: net.IPv4(10, 0, 0, 9), Port: 50000}
	if f := allocated(Finding{Data: map[string]any{}}, private, server, 0); f.Verdict != OK {
		t.Errorf("a private server's relay: %+v", f)
	}
	public, err := net.ResolveUDPAddr("udp", "198.51.100.7:3478")
	if err != nil {
		t.Fatal(err)
	}
	f := allocated(Finding{Data: map[string]any{}}, private, public.AddrPort().Addr().Unmap(), 0)
	if f.Verdict != Warn || !strings.Contains(f.Cure, "external-ip") {
		t.Errorf("a public server's relay: %+v", f)
	}
}

func TestTLSFault(t *testing.T) {
	err := &tls.CertificateVerificationError{Err: errors.New("unknown authority")}
	f := unreachable(Finding{}, iceserver.Server{Host: "turn.example.org"}, err)
	if !strings.Contains(f.Found, "certificate is not good") || !strings.Contains(f.Cure, "turn.example.org") {
		t.Errorf("got %+v", f)
	}
}
