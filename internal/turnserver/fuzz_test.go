package turnserver_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/turnserver"
)

// fed is a client's socket that reads what a fuzz target gives it.
type fed struct {
	net.PacketConn // nil: nothing else is called
	packets        chan []byte
	asked          chan struct{} // one for each ReadFrom that begins
	closed         chan struct{}
}

func (c *fed) ReadFrom(b []byte) (int, net.Addr, error) {
	c.asked <- struct{}{}
	select {
	case packet := <-c.packets:
		return copy(b, packet), &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5000}, nil
	case <-c.closed:
		return 0, nil, net.ErrClosed
	}
}

func (c *fed) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }

func (c *fed) LocalAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 3478} }

func (c *fed) Close() error {
	close(c.closed)
	return nil
}

// FuzzPackets gives the server what strangers may send to its UDP port. A panic would
// end the process, and with it everybody's pictures.
func FuzzPackets(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x40\x00\x00\x04data"))
	for _, method := range []stun.Method{
		stun.MethodBinding, stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind,
		stun.MethodConnect, stun.MethodConnectionBind, stun.MethodSend,
	} {
		class := stun.ClassRequest
		if method == stun.MethodSend {
			class = stun.ClassIndication
		}
		username, _ := user("alice")
		f.Add(stun.MustBuild(stun.TransactionID, stun.NewType(method, class), stun.NewUsername(username), stun.NewRealm("porthole"),
			stun.NewNonce("0123456789"), stun.NewShortTermIntegrity("x"), stun.Fingerprint).Raw)
	}
	conn := &fed{packets: make(chan []byte), asked: make(chan struct{}), closed: make(chan struct{})}
	s, err := turnserver.OnPackets(turnserver.Config{
		Secret: secret, Registerer: prometheus.NewRegistry(), Media: func() []netip.AddrPort { return nil },
	}, conn)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.Error(err)
		}
	})
	<-conn.asked
	f.Fuzz(func(t *testing.T, packet []byte) {
		conn.packets <- packet
		select {
		case <-conn.asked: // it was dealt with
		case <-time.After(patience):
			t.Fatalf("the server still works on %x", packet)
		}
	})
}
