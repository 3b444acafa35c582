package turnserver_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"porthole/internal/iceserver"
	"porthole/internal/turnserver"
)

// A relay is a way into the network that it stands in.
func TestPeersThatRelaysMayNotReach(t *testing.T) {
	f := start(t, nil)
	for _, peer := range []string{
		"127.0.0.2", "127.255.255.254", "0.0.0.0", "169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
		"224.0.0.1", "255.255.255.255", "203.0.113.1", "8.8.8.8",
	} {
		_, c := f.allocate("udp", "of "+peer)
		before := f.refused("peer")
		err := c.CreatePermission(&net.UDPAddr{IP: net.ParseIP(peer), Port: int(f.media.addr.Port())})
		if err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("permission for %s: %v, want 403", peer, err)
		}
		if f.refused("peer") != before+1 {
			t.Errorf("the refusal of %s was not counted", peer)
		}
	}
}

// Permissions are by IP address; the other services of this machine have that of
// the media port.
func TestOtherPortsOfTheMediaAddress(t *testing.T) {
	f := start(t, nil)
	other := newSocket(t)
	relay, _ := f.allocate("udp", "alice")
	for range 3 {
		send(t, relay, "let me in", other.addr)
	}
	send(t, relay, "media", f.media.addr)
	if got := receive(t, relay); got != "media" {
		t.Errorf("%q came back", got)
	}
	select {
	case got := <-other.got:
		t.Errorf("%q reached %v", got, other.addr)
	default: // what was sent to the media port later has been there and back
	}
	if got := f.refused("peer"); got != 3 {
		t.Errorf("%v refusals counted, want 3", got)
	}
	// Nor do its packets reach the client, although the address has a permission.
	if _, err := other.conn.WriteTo([]byte("from outside"), relay.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	f.eventually("the packet to be refused", func() bool { return f.refused("peer") == 4 })
	send(t, relay, "media again", f.media.addr)
	if got := receive(t, relay); got != "media again" {
		t.Errorf("the client got %q", got)
	}
}

func TestAllowedNetworks(t *testing.T) {
	media := netip.MustParseAddrPort("192.168.1.5:8081")
	for _, test := range []struct {
		allow, peer string
		want        bool
	}{
		{"", "192.168.1.5:8081", true},
		{"", "192.168.1.5:22", false},
		{"", "[::ffff:192.168.1.5]:8081", true}, // the same address
		{"", "127.0.0.1:8081", false},
		{"", "203.0.113.1:8081", false},
		{"203.0.113.0/24", "203.0.113.1:9", true},
		{"203.0.113.0/24", "203.0.114.1:9", false},
		{"10.0.0.0/8", "10.1.2.3:9", true},
		{"192.168.0.0/16", "192.168.1.6:9", true},
		{"192.168.0.0/16", "192.168.1.5:22", false}, // this machine
		{"192.168.1.5/32", "192.168.1.5:22", true},  // named
		{"0.0.0.0/0", "203.0.113.1:9", true},
		{"0.0.0.0/0", "10.1.2.3:9", false},
		{"0.0.0.0/0", "127.0.0.1:9", false},
		{"0.0.0.0/0", "169.254.169.254:80", false},
		{"0.0.0.0/0", "198.51.100.9:22", false}, // this machine, too
		{"::/0", "[2001:db8::1]:9", true},
		{"::/0", "[::1]:9", false},
		{"::/0", "[fe80::1]:9", false},
		{"::/0", "[64:ff9b::7f00:1]:9", false}, // 127.0.0.1 by way of a translator
		{"::/0", "[::ffff:127.0.0.1]:9", false},
		{"127.0.0.0/8", "127.0.0.3:9", true},
	} {
		var allow []netip.Prefix
		if test.allow != "" {
			allow = append(allow, netip.MustParsePrefix(test.allow))
		}
		local := []netip.Addr{media.Addr(), netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("127.0.0.1")}
		peer := netip.MustParseAddrPort(test.peer)
		if got := turnserver.MayReach([]netip.AddrPort{media}, allow, local, peer); got != test.want {
			t.Errorf("allowing %q, relays may reach %s: %v", test.allow, test.peer, got)
		}
	}
}

func TestCredentialsThatAreRefused(t *testing.T) {
	f := start(t, nil)
	valid, password := user("alice")
	expired, expiredPassword := iceserver.Credential(secret, "alice", time.Now().Add(-time.Second))
	foreign, foreignPassword := iceserver.Credential("another secret", "alice", time.Now().Add(time.Minute))
	unnamed, unnamedPassword := iceserver.Credential(secret, "", time.Now().Add(time.Minute))
	for _, test := range []struct{ name, username, password, reason string }{
		{"wrong password", valid, password + "x", "credentials"},
		{"another's user name", valid + "2", password, "credentials"},
		{"signed by somebody else", foreign, foreignPassword, "credentials"},
		{"no session", unnamed, unnamedPassword, "credentials"},
		{"no time", "alice", password, "credentials"},
		{"time in another form", "+" + valid, password, "credentials"},
		{"expired", expired, expiredPassword, "expired"},
	} {
		before := f.refused(test.reason)
		if _, err := f.dial("udp", test.username, test.password).Allocate(); err == nil {
			t.Errorf("%s: a relay was given", test.name)
		}
		if got := f.refused(test.reason) - before; got != 1 {
			t.Errorf("%s: %v refusals counted for %s, want 1", test.name, got, test.reason)
		}
	}
	f.allocate("udp", "alice")
}

// Who has a relay keeps it when the credentials expire, and gets no other.
func TestRelaysOutliveTheirCredentials(t *testing.T) {
	f := start(t, nil)
	// Credentials have seconds, so that these hold for one to two of them.
	expiry := time.Now().Add(2 * time.Second)
	username, password := iceserver.Credential(secret, "alice", expiry)
	c := f.dial("udp", username, password)
	relay, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	f.eventually("the credentials to expire", func() bool { return time.Now().After(expiry) })
	send(t, relay, "hello", f.media.addr) // asks for a permission first
	if got := receive(t, relay); got != "hello" {
		t.Errorf("got %q back", got)
	}
	if _, err := f.dial("udp", username, password).Allocate(); err == nil {
		t.Error("another relay was given")
	}
	if got := f.refused("expired"); got != 1 {
		t.Errorf("%v refusals counted, want 1", got)
	}
}

func TestWhoGuessesIsNotBelieved(t *testing.T) {
	f := start(t, func(c *turnserver.Config) { c.Limits.Failures = 3 })
	valid, password := user("alice")
	for range 3 {
		if _, err := f.dial("udp", valid, "guess").Allocate(); err == nil {
			t.Fatal("a relay was given")
		}
	}
	if _, err := f.dial("udp", valid, password).Allocate(); err == nil {
		t.Error("the fourth attempt was heard")
	}
	if got := f.refused("failures"); got != 1 {
		t.Errorf("%v refusals counted, want 1", got)
	}
}

func TestQuotas(t *testing.T) {
	f := start(t, func(c *turnserver.Config) { c.Limits.SessionAllocations, c.Limits.Allocations = 2, 3 })
	first, _ := f.allocate("udp", "alice")
	f.allocate("tcp", "alice")
	refused := func(session, reason string) {
		t.Helper()
		username, password := user(session)
		if _, err := f.dial("udp", username, password).Allocate(); err == nil || !strings.Contains(err.Error(), "486") {
			t.Errorf("%s: %v, want 486", session, err)
		}
		if got := f.refused(reason); got < 1 {
			t.Errorf("the refusal was not counted as %s", reason)
		}
	}
	refused("alice", "session")
	f.allocate("udp", "bob")
	refused("carol", "total")
	// What is given back can be had again.
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	f.eventually("the relay to be given back", func() bool { return f.metric("porthole_turn_allocations") == 2 })
	f.allocate("udp", "carol")
}

func TestFloodIsDropped(t *testing.T) {
	const sent, rate = 500, 5
	f := start(t, func(c *turnserver.Config) { c.Limits.Requests = rate })
	conn, err := net.Dial("udp", f.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	for range sent {
		request := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), stun.Fingerprint)
		if _, err := conn.Write(request.Raw); err != nil {
			t.Fatal(err)
		}
	}
	f.eventually("the flood to be noticed", func() bool { return f.refused("rate") > sent/2 })
	most := 4*rate + float64(rate)*time.Since(began).Seconds() + 1
	answers := 0
	b := make([]byte, 2000)
	for {
		if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(b); err != nil {
			break
		}
		answers++
	}
	if float64(answers) > most {
		t.Errorf("%d requests of %d were answered, want %.0f at most", answers, sent, most)
	}
}

func TestConnectionsAreCounted(t *testing.T) {
	f := start(t, func(c *turnserver.Config) { c.Limits.Connections = 3 })
	var conns []net.Conn
	for range 4 {
		conn, err := net.Dial("tcp", f.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	f.eventually("one to be refused", func() bool { return f.refused("connections") == 1 })
	if got := f.metric("porthole_turn_connections"); got != 3 {
		t.Errorf("%v connections, want 3", got)
	}
	for _, conn := range conns {
		_ = conn.Close()
	}
	f.eventually("their places to be free", func() bool { return f.metric("porthole_turn_connections") == 0 })
}

func TestGarbageEndsAConnection(t *testing.T) {
	for name, garbage := range map[string]string{
		"HTTP": "GET / HTTP/1.1\r\nHost: here\r\n\r\n",
		// 20 + 65,516 is 0 in 16 bits.
		"a length that overflows": "\x00\x01\xff\xec\x21\x12\xa4\x42abcdefghijkl",
		"a huge message":          "\x00\x01\x80\x00\x21\x12\xa4\x42abcdefghijkl",
		"an odd length":           "\x00\x01\x00\x02\x21\x12\xa4\x42abcdefghijkl\x00\x00",
		"no magic cookie":         "\x00\x01\x00\x00\x00\x00\x00\x00abcdefghijkl",
		"an indication first":     "\x00\x16\x00\x00\x21\x12\xa4\x42abcdefghijkl",
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, nil)
			conn, err := net.Dial("tcp", f.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte(garbage)); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			var late net.Error
			if _, err := conn.Read(make([]byte, 10)); err == nil || errors.As(err, &late) && late.Timeout() {
				t.Errorf("the connection is still open: %v", err)
			}
			f.eventually("its place to be free", func() bool { return f.metric("porthole_turn_connections") == 0 })
		})
	}
}

// Messages come in pieces of any size, and several at once.
func TestMessagesOverTCPInPieces(t *testing.T) {
	f := start(t, nil)
	conn, err := net.Dial("tcp", f.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	for _, part := range [][]byte{request.Raw[:1], request.Raw[1:7], slices.Concat(request.Raw[7:], request.Raw, request.Raw[:3]), request.Raw[3:]} {
		if _, err := conn.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	answers := turn.NewSTUNConn(conn)
	b := make([]byte, 1500)
	for i := range 3 {
		n, _, err := answers.ReadFrom(b)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if !stun.IsMessage(b[:n]) || [stun.TransactionIDSize]byte(b[8:20]) != request.TransactionID {
			t.Errorf("answer %d is %x", i, b[:n])
		}
	}
}
