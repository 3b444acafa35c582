//go:build e2e

package e2e_test

import (
	"io"
	"math/rand/v2"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pion/webrtc/v4"
)

// valve is a UDP socket that can be made to fail in the ways that real ones do.
type valve struct {
	net.PacketConn
	deaf   atomic.Bool                 // read nothing more: the kernel's buffer fills up and overflows
	noDTLS atomic.Bool                 // send no DTLS, only what else there is
	lose   atomic.Int32                // so many packets of a hundred, in both directions
	moved  atomic.Pointer[net.UDPConn] // the socket in place of the first one; nil: it has not moved
	closed chan struct{}
	once   sync.Once
}

func newValve(conn net.PacketConn) *valve {
	return &valve{PacketConn: conn, closed: make(chan struct{})}
}

func (v *valve) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		socket := v.socket()
		n, addr, err := socket.ReadFrom(b)
		if v.deaf.Load() {
			<-v.closed
			return 0, nil, net.ErrClosed
		}
		if err != nil && v.socket() != socket || err == nil && v.lost() {
			continue
		}
		return n, addr, err
	}
}

// socket is the one that packets go through now.
func (v *valve) socket() net.PacketConn {
	if moved := v.moved.Load(); moved != nil {
		return moved
	}
	return v.PacketConn
}

// move goes on from another address, as behind a NAT that has forgotten the old one.
func (v *valve) move() error {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	old := v.socket()
	v.moved.Store(socket)
	select {
	case <-v.closed: // in this very moment
		return socket.Close()
	default:
		return old.Close()
	}
}

// lost says whether this packet is one of those that are lost.
func (v *valve) lost() bool { return rand.Int32N(100) < v.lose.Load() }

func (v *valve) WriteTo(b []byte, addr net.Addr) (int, error) {
	// RFC 7983: DTLS is what begins with 20 to 63.
	if v.noDTLS.Load() && len(b) > 0 && b[0] >= 20 && b[0] <= 63 {
		return len(b), nil
	}
	if v.lost() {
		return len(b), nil
	}
	return v.socket().WriteTo(b, addr)
}

// Close shuts the socket and frees a deaf reader. A second call does nothing.
func (v *valve) Close() error {
	err := net.ErrClosed
	v.once.Do(func() {
		close(v.closed)
		err = v.socket().Close()
	})
	return err
}

// newTCPViewer makes a viewer whose media comes over TCP through a relay that
// can stop reading: stall makes it, and the server's sends back up.
func newTCPViewer(t testing.TB, s *server) (v *viewer, stall func()) {
	t.Helper()
	settings := webrtc.SettingEngine{LoggerFactory: quiet()}
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	p := &peer{server: s}
	if err := p.connectWith(settings); err != nil {
		t.Fatalf("make a TCP viewer: %v", err)
	}
	v, err := viewerOf(p)
	if err != nil {
		t.Fatalf("make a TCP viewer: %v", err)
	}
	relay := startRelay(t, s.media.String())
	t.Cleanup(func() { v.close() })
	p.adapt = func(answer string) string { return onlyTCP(answer, relay.port) }
	return v, relay.stall
}

var tcpCandidate = regexp.MustCompile(`(?m)^(a=candidate:\S+ \d+ )(tcp|TCP)( \d+ \S+ )\d+( .*)$`)

// onlyTCP leaves the TCP candidates of a description, at another port.
func onlyTCP(description string, port int) string {
	var kept []string
	for line := range strings.Lines(description) {
		if strings.HasPrefix(line, "a=candidate:") && !tcpCandidate.MatchString(line) {
			continue
		}
		kept = append(kept, tcpCandidate.ReplaceAllString(line, "${1}tcp${3}"+strconv.Itoa(port)+"${4}"))
	}
	return strings.Join(kept, "")
}

// relay passes TCP connections on to one address.
type relay struct {
	port    int
	stalled chan struct{} // closed by stall
	stall   func()
}

// startRelay listens until the end of the test, which ends its connections too.
func startRelay(t testing.TB, target string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start a TCP relay: %v", err)
	}
	r := &relay{port: listener.Addr().(*net.TCPAddr).Port, stalled: make(chan struct{})}
	r.stall = sync.OnceFunc(func() { close(r.stalled) })
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { r.pass(client, target, done) })
		}
	})
	t.Cleanup(func() {
		close(done)
		listener.Close()
		running.Wait()
	})
	return r
}

// pass serves one connection: client to target always, target to client until
// stalled; from then on the target's data is not even read.
func (r *relay) pass(client net.Conn, target string, done <-chan struct{}) {
	defer client.Close()
	server, err := net.Dial("tcp4", target)
	if err != nil {
		return
	}
	defer server.Close()
	// Little room, so that a stalled relay is felt at once.
	_ = server.(*net.TCPConn).SetReadBuffer(4 << 10)
	var copying sync.WaitGroup
	copying.Go(func() { io.Copy(server, client) })
	copying.Go(func() {
		buffer := make([]byte, 4<<10)
		for {
			select {
			case <-r.stalled:
				return
			default:
			}
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	<-done
	client.Close()
	server.Close()
	copying.Wait()
}
