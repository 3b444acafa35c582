package peer_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"porthole/internal/peer"
)

// stallingProxy forwards TCP to an address until it is told to stop.
type stallingProxy struct {
	listener net.Listener
	stall    chan struct{} // closed: nothing is read from the server
	quiet    chan struct{} // closed: nothing is read from the client
	copying  sync.WaitGroup
}

func startStallingProxy(t *testing.T, to string) *stallingProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &stallingProxy{listener: listener, stall: make(chan struct{}), quiet: make(chan struct{})}
	var mu sync.Mutex
	var conns []net.Conn // guarded by mu
	p.copying.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				t.Errorf("proxy: %v", err)
				return
			}
			mu.Lock()
			conns = append(conns, client, server)
			mu.Unlock()
			p.copying.Go(func() { forward(server, client, p.quiet) })
			p.copying.Go(func() { forward(client, server, p.stall) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.copying.Wait()
	})
	t.Cleanup(func() { // runs first
		_ = listener.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return p
}

// forward copies until it is told to stop; then it leaves the connection open and
// reads no more.
func forward(to io.Writer, from net.Conn, stop <-chan struct{}) {
	buf := make([]byte, 4096)
	for {
		select {
		case <-stop:
			return
		default:
		}
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if _, err = to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *stallingProxy) port() int { return p.listener.Addr().(*net.TCPAddr).Port }

func TestStalledTCPViewerDoesNotBlockTheWriter(t *testing.T) {
	engine := newEngine(t, peer.Config{})
	proxy := startStallingProxy(t, engine.Addr().String())
	c := newClient(t, clientConfig{settings: func(s *webrtc.SettingEngine) {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}})
	w := startWatching(t, engine, c, edits{answer: func(answer string) string {
		return strings.ReplaceAll(answer,
			fmt.Sprintf(" %d typ host tcptype passive", engine.Addr().Port()),
			fmt.Sprintf(" %d typ host tcptype passive", proxy.port()))
	}})
	track := w.session.Tracks()[0]
	w.write(t, track, 0)
	wait(t, w.packets, "a packet through the proxy")

	close(proxy.stall)
	const packets = 20_000 // 24 MB: more than all buffers on the way
	header := &rtp.Header{Version: 2, SSRC: track.SSRC, PayloadType: track.PayloadType}
	payload := make([]byte, 1200)
	began := time.Now()
	for i := range packets {
		header.SequenceNumber = uint16(i)
		if _, err := w.session.WriteRTP(header, payload); err != nil {
			t.Fatalf("WriteRTP: %v", err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("%d packets to a stalled viewer took %v", packets, took)
	}
}
