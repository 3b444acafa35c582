package peer_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
)

// lossyConn is a client's socket at which the first flights of DTLS do not arrive.
type lossyConn struct {
	*net.UDPConn
	lose int // flights; not changed while it is in use

	mu   sync.Mutex
	came []time.Time // the flights, lost and not
}

func (c *lossyConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.UDPConn.ReadFrom(b)
		if err != nil || !beginsHandshake(b[:n]) || !c.loses() {
			return n, from, err
		}
	}
}

// loses notes a flight, and says whether it is lost.
func (c *lossyConn) loses() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.came = append(c.came, time.Now())
	return len(c.came) <= c.lose
}

// beginsHandshake says whether a packet begins with a ClientHello or a ServerHello in
// the clear (RFC 6347 4.1, 4.2.2).
func beginsHandshake(b []byte) bool {
	const handshake, epoch, kind = 22, 3, 13
	return len(b) > kind && b[0] == handshake && b[epoch] == 0 && b[epoch+1] == 0 && (b[kind] == 1 || b[kind] == 2)
}

// newLossyClient makes a client that loses flights and sends none of its own again, so
// that only the server can mend it.
func newLossyClient(t *testing.T, lose int) (*client, *lossyConn) {
	t.Helper()
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	conn := &lossyConn{UDPConn: udp, lose: lose}
	mux := webrtc.NewICEUDPMux(nil, conn)
	t.Cleanup(func() { _ = mux.Close() })
	return newClient(t, clientConfig{settings: func(s *webrtc.SettingEngine) {
		s.SetICEUDPMux(mux)
		s.SetDTLSRetransmissionInterval(time.Hour)
	}}), conn
}

// setup makes an offer of the client's DTLS role.
func setup(role string) func(string) string {
	return func(sdp string) string { return strings.ReplaceAll(sdp, "a=setup:actpass", "a=setup:"+role) }
}

// A client that was not ready for a flight is sent it again soon: after 0.1, 0.2 and 0.4 s.
// The usual times are 1, 2 and 4 s. A machine with other work can make any of them longer, but
// none shorter: one flight that comes before its usual time tells which they are.
func TestLostHandshakeFlightsAreSentAgainSoon(t *testing.T) {
	const lose, usual = 3, time.Second
	for _, role := range []string{"passive", "active"} { // the server is the DTLS client, the server
		for name, start := range map[string]func(*client){
			"viewer":    func(c *client) { startWatching(t, newEngine(t, peer.Config{}), c, edits{offer: setup(role)}) },
			"publisher": func(c *client) { startPublishing(t, newEngine(t, peer.Config{}), c, setup(role)) },
		} {
			t.Run(name+" that is "+role, func(t *testing.T) {
				c, conn := newLossyClient(t, lose)
				start(c)
				conn.mu.Lock()
				defer conn.mu.Unlock()
				if len(conn.came) <= lose {
					t.Fatalf("%d flights came, want more than the %d lost", len(conn.came), lose)
				}
				var gaps []time.Duration
				soon := false
				for i := range lose {
					gap := conn.came[i+1].Sub(conn.came[i])
					gaps = append(gaps, gap)
					soon = soon || gap < usual<<i*9/10
				}
				if !soon {
					t.Errorf("lost flights came again after %v, want 0.1, 0.2 and 0.4 s", gaps)
				}
			})
		}
	}
}

// Nobody makes the server send much by not answering: the times between flights grow.
func TestUnansweredHandshakeIsSentMoreAndMoreSeldom(t *testing.T) {
	const watched, most = 3 * time.Second, 8 // 5 by the server's times, 30 if they did not grow
	for _, role := range []string{"passive", "active"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			c, conn := newLossyClient(t, 1000)
			c.watch(t)
			offer := parse(t, negotiate.Watch, setup(role)(c.offer(t)))
			session, err := newEngine(t, peer.Config{}).Send(t.Context(), peer.SendConfig{
				Offer: offer, Codecs: codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus), StreamID: "webcam",
			})
			if err != nil {
				t.Fatalf("Send: %v", err)
			}
			serve(t, session, nil)
			c.accept(t, session.Answer())
			eventually(t, "a flight after the time that is watched", func() bool {
				conn.mu.Lock()
				defer conn.mu.Unlock()
				return len(conn.came) > 1 && conn.came[len(conn.came)-1].Sub(conn.came[0]) >= watched
			})
			conn.mu.Lock()
			defer conn.mu.Unlock()
			if n := len(conn.came) - 1; n > most {
				t.Errorf("%d flights came in %v, want %d at most", n, watched, most)
			}
		})
	}
}
