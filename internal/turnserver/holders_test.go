package turnserver_test

import (
	"encoding/binary"
	"net"
	"testing"

	"github.com/pion/stun/v4"

	"porthole/internal/turnserver"
)

// realm is what the server says; clients take it as it comes.
const realm = "porthole"

// request sends a signed request from where the client's relay is, and returns the class
// of the answer and its error code, 0 for a success.
func (f *fixture) request(c *client, method stun.Method, username, password string, attributes ...stun.Setter) int {
	f.t.Helper()
	build := func(signed ...stun.Setter) *stun.Message {
		m, err := stun.Build(append(append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attributes...), signed...)...)
		if err != nil {
			f.t.Fatal(err)
		}
		return m
	}
	answer := func(m *stun.Message) *stun.Message {
		result, err := c.PerformTransaction(m, c.TURNServerAddr(), false)
		if err != nil {
			f.t.Fatalf("%v: %v", method, err)
		}
		return result.Msg
	}
	var nonce stun.Nonce
	if err := nonce.GetFrom(answer(build())); err != nil { // the 401 that everybody gets first
		f.t.Fatal(err)
	}
	m := answer(build(stun.NewUsername(username), stun.NewRealm(realm), nonce, stun.NewLongTermIntegrity(username, realm, password)))
	var code stun.ErrorCodeAttribute
	if m.Type.Class != stun.ClassSuccessResponse {
		if err := code.GetFrom(m); err != nil {
			f.t.Fatalf("%v: %v", m, err)
		}
	}
	return int(code.Code)
}

// peerOf is the attribute XOR-PEER-ADDRESS (RFC 8656 18.3).
type peerOf stun.XORMappedAddress

func (p peerOf) AddTo(m *stun.Message) error {
	return stun.XORMappedAddress(p).AddToAs(m, stun.AttrXORPeerAddress)
}

// number is an attribute of 32 bits.
func number(kind stun.AttrType, value uint32) stun.Setter {
	return stun.RawAttribute{Type: kind, Value: binary.BigEndian.AppendUint32(nil, value)}
}

// Anybody can send wrong credentials in the name of an address. That must not end the
// relays of those who are there, and still keeps guessers from new ones.
func TestWrongCredentialsOfOthersEndNoRelay(t *testing.T) {
	const failures = 30 // as by default
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			f := start(t, func(c *turnserver.Config) { c.Limits = turnserver.Limits{Failures: failures, Requests: 10_000} })
			relay, victim := f.allocate(transport, "alice")
			username, password := user("alice")
			guesser := f.dial(transport, "", "")
			for i := range failures {
				from := guesser
				if i%3 == 0 { // in the name of the victim's port, too
					from = victim
				}
				if got := f.request(from, stun.MethodRefresh, username, "guess"); got != 401 {
					t.Fatalf("a guess was answered %d, want 401", got)
				}
			}
			peer := peerOf{IP: net.IP(f.media.addr.Addr().AsSlice()), Port: 9} // the client itself binds the media port
			channel, lifetime := number(stun.AttrChannelNumber, 0x4abc<<16), number(stun.AttrLifetime, 600)
			udp := number(stun.AttrRequestedTransport, 17<<24)
			for _, test := range []struct {
				what       string
				from       *client
				method     stun.Method
				session    string
				attributes []stun.Setter
				want       int
			}{
				{"the victim's Refresh", victim, stun.MethodRefresh, "alice", []stun.Setter{lifetime}, 0},
				{"the victim's CreatePermission", victim, stun.MethodCreatePermission, "alice", []stun.Setter{peer}, 0},
				{"the victim's ChannelBind", victim, stun.MethodChannelBind, "alice", []stun.Setter{channel, peer}, 0},
				{"an Allocate from another port", guesser, stun.MethodAllocate, "alice", []stun.Setter{udp}, 401},
				{"an Allocate of another session", guesser, stun.MethodAllocate, "bob", []stun.Setter{udp}, 401},
				{"a Refresh of another session from the victim's port", victim, stun.MethodRefresh, "bob", []stun.Setter{lifetime}, 401},
				{"a Refresh from another port", guesser, stun.MethodRefresh, "alice", []stun.Setter{lifetime}, 401},
			} {
				username, password := user(test.session)
				if got := f.request(test.from, test.method, username, password, test.attributes...); got != test.want {
					t.Errorf("%s was answered %d, want %d", test.what, got, test.want)
				}
			}
			if got := f.request(victim, stun.MethodRefresh, username, "guess", lifetime); got != 401 {
				t.Errorf("a guess for the victim's relay was answered %d, want 401", got)
			}
			send(t, relay, "still here", f.media.addr)
			if got := receive(t, relay); got != "still here" {
				t.Errorf("got %q back", got)
			}
			// Who gives the relay back is nobody special any more.
			if got := f.request(victim, stun.MethodRefresh, username, password, number(stun.AttrLifetime, 0)); got != 0 {
				t.Errorf("giving the relay back was answered %d", got)
			}
			f.eventually("the relay to be forgotten", func() bool { return f.Holders() == 0 })
			if got := f.request(victim, stun.MethodAllocate, username, password, udp); got != 401 {
				t.Errorf("an Allocate after that was answered %d, want 401", got)
			}
		})
	}
}

// A relay that ends with its connection leaves nothing behind.
func TestHoldersAreForgotten(t *testing.T) {
	f := start(t, nil)
	_, c := f.allocate("tcp", "alice")
	f.allocate("udp", "alice")
	if got := f.Holders(); got != 2 {
		t.Errorf("%d holders, want 2", got)
	}
	_ = c.conn.Close()
	f.eventually("the relay to be closed", func() bool { return f.Holders() == 1 })
}
