package peer_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/reach"
)

// startTURN begins a TURN server on loopback, over UDP and TCP, and returns how it is
// used. The relayed addresses are on 127.0.0.77.
func startTURN(t testing.TB) (server *turn.Server, udp, tcp reach.RelayServer) {
	t.Helper()
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	relays := &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 77), Address: "127.0.0.77"}
	server, err = turn.NewServer(turn.ServerConfig{
		Realm: "test",
		AuthHandler: func(r *turn.RequestAttributes) (string, []byte, bool) {
			return r.Username, turn.GenerateAuthKey("user", r.Realm, "secret"), r.Username == "user"
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: packets, RelayAddressGenerator: relays}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: listener, RelayAddressGenerator: relays}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server, reach.RelayServer{URL: "turn:" + packets.LocalAddr().String(), Username: "user", Password: "secret"},
		reach.RelayServer{URL: "turn:" + listener.Addr().String() + "?transport=tcp", Username: "user", Password: "secret"}
}

// always is a list of servers that does not change.
func always(servers ...reach.RelayServer) func() []reach.RelayServer {
	return func() []reach.RelayServer { return servers }
}

// relayEngine makes an engine that has an address at one of the servers.
func relayEngine(t testing.TB, cfg peer.Config) *peer.Engine {
	t.Helper()
	engine := newEngine(t, cfg)
	eventually(t, "an address at a TURN server", func() bool { _, _, ok := engine.Relay(); return ok })
	return engine
}

func TestViewerThroughARelay(t *testing.T) {
	_, udp, tcp := startTURN(t)
	for _, server := range []reach.RelayServer{udp, tcp} {
		t.Run(server.URL, func(t *testing.T) {
			engine := relayEngine(t, peer.Config{Relays: always(server), Policy: peer.PolicyRelay})
			w := startWatching(t, engine, newClient(t, clientConfig{}), edits{})
			for seq := range uint16(100) {
				w.send(t, w.session.Tracks()[0], seq)
			}
			for range 100 {
				wait(t, w.packets, "a packet")
			}
			addr, _, _ := engine.Relay()
			if got := told(w.session.Answer()); !slices.Equal(got, []string{"udp " + addr.String() + " relay"}) {
				t.Errorf("the client was told %v, want the relayed address %v only", got, addr)
			}
			if pair := w.session.Info().Selected; pair == nil || pair.Local.Type != "relay" {
				t.Errorf("the selected pair is %+v, want one through the relay", pair)
			}
			if !strings.Contains(w.session.Answer(), "a=end-of-candidates") {
				t.Error("the answer does not end the candidates")
			}
		})
	}
}

func TestPublisherThroughARelay(t *testing.T) {
	_, udp, _ := startTURN(t)
	engine := relayEngine(t, peer.Config{Relays: always(udp), Policy: peer.PolicyRelay})
	p := startPublishing(t, engine, newClient(t, clientConfig{}), nil)
	send(t, p.video, 100, 50)
	video := p.got.get(t, webrtc.MimeTypeH264)
	eventually(t, "all packets", func() bool { return video.packets() == 50 })
	if pair := p.session.Info().Selected; pair == nil || pair.Local.Type != "relay" {
		t.Errorf("the selected pair is %+v, want one through the relay", pair)
	}
}

// OBS and FFmpeg tell no address. They are let in by where their offer came from.
func TestClientWithoutCandidatesThroughARelay(t *testing.T) {
	_, udp, _ := startTURN(t)
	engine := relayEngine(t, peer.Config{Relays: always(udp), Policy: peer.PolicyRelay})
	c := newClient(t, clientConfig{})
	c.publish(t)
	offer := parse(t, negotiate.Publish, without(c.offer(t), "a=candidate:", "a=end-of-candidates"))
	s, err := engine.Receive(t.Context(), peer.ReceiveConfig{
		Offer: offer, Codecs: peer.OneEach(codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus)),
		OnTrack: (&recorders{}).onTrack, Client: netip.MustParseAddr("127.0.0.1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s, nil)
	c.accept(t, s.Answer())
	wait(t, s.Connected(), "the connection")
}

// Whoever can be reached directly is, and the relay is there for the others.
func TestRelayIsTheLastChoice(t *testing.T) {
	_, udp, _ := startTURN(t)
	engine := relayEngine(t, peer.Config{Relays: always(udp)})
	w := startWatching(t, engine, newClient(t, clientConfig{}), edits{})
	w.send(t, w.session.Tracks()[0], 1)
	wait(t, w.packets, "a packet")
	if pair := w.session.Info().Selected; pair == nil || pair.Local.Type != "host" {
		t.Errorf("the selected pair is %+v, want the direct one", pair)
	}
	list := told(w.session.Answer())
	addr, _, _ := engine.Relay()
	if !slices.Contains(list, "udp "+addr.String()+" relay") {
		t.Errorf("the relayed address %v is not among %v", addr, list)
	}
}

// A server that is dead costs nobody any time; one that dies is replaced.
func TestRelayMovesToTheNextServer(t *testing.T) {
	first, udp, _ := startTURN(t)
	_, second, _ := startTURN(t)
	registry := prometheus.NewRegistry()
	var mu sync.Mutex
	servers := []reach.RelayServer{{URL: "turn:127.0.0.1:9?transport=tcp", Username: "u", Password: "p"}, udp} // the first refuses
	engine := newEngine(t, peer.Config{Registerer: registry, Relays: func() []reach.RelayServer {
		mu.Lock()
		defer mu.Unlock()
		return servers
	}})
	began := time.Now()
	answered(t, engine).Close(nil)
	if took := time.Since(began); took > time.Second {
		t.Errorf("the answer took %v", took)
	}
	eventually(t, "the first server's address", func() bool { _, server, _ := engine.Relay(); return server == udp.URL })
	mu.Lock()
	servers = []reach.RelayServer{udp, second}
	mu.Unlock()
	_ = first.Close()
	engine.AskRelay() // what the next question finds out
	eventually(t, "the second server's address", func() bool { _, server, _ := engine.Relay(); return server == second.URL })
	s := answered(t, engine)
	defer s.Close(nil)
	addr, _, _ := engine.Relay()
	if !slices.Contains(told(s.Answer()), "udp "+addr.String()+" relay") {
		t.Errorf("the new address %v is not among %v", addr, told(s.Answer()))
	}
	if ok := counter(t, registry, "porthole_relay_allocations_total", "ok"); ok != 2 {
		t.Errorf("%v good allocations are counted, want 2", ok)
	}
}

func TestPolicyRelayWithoutARelay(t *testing.T) {
	if _, err := peer.Listen(peer.Config{Media: "127.0.0.1:0", Policy: peer.PolicyRelay}); !errors.Is(err, peer.ErrConfig) {
		t.Errorf("without any server: Listen = %v, want ErrConfig", err)
	}
	engine := newEngine(t, peer.Config{Policy: peer.PolicyRelay, Relays: always()})
	offer := realOffer(t, negotiate.Watch, "chromium-recvonly")
	_, err := engine.Send(t.Context(), peer.SendConfig{Offer: offer, Codecs: codecs(t, offer, webrtc.MimeTypeH264), StreamID: "webcam"})
	if !errors.Is(err, peer.ErrNoRelay) {
		t.Errorf("Send = %v, want ErrNoRelay", err)
	}
}

// silentServer is a TURN server over TCP that relays until it is told to read no more.
func silentServer(t *testing.T, server reach.RelayServer) (reach.RelayServer, chan<- struct{}) {
	t.Helper()
	host, _, _ := strings.Cut(strings.TrimPrefix(server.URL, "turn:"), "?")
	proxy := startStallingProxy(t, host)
	server.URL = "turn:" + proxy.listener.Addr().String() + "?transport=tcp"
	return server, proxy.quiet
}

func TestStalledRelayDoesNotBlockTheWriter(t *testing.T) {
	_, _, tcp := startTURN(t)
	server, quiet := silentServer(t, tcp)
	engine := relayEngine(t, peer.Config{Relays: always(server), Policy: peer.PolicyRelay})
	w := startWatching(t, engine, newClient(t, clientConfig{}), edits{})
	track := w.session.Tracks()[0]
	w.send(t, track, 0)
	wait(t, w.packets, "a packet")
	close(quiet)
	header := &rtp.Header{Version: 2, SSRC: track.SSRC, PayloadType: track.PayloadType}
	payload := make([]byte, 1200)
	began := time.Now()
	for i := range 20_000 { // 24 MB: more than all buffers on the way
		header.SequenceNumber = uint16(i)
		// The allocation may be given up meanwhile; that is no reason to wait either.
		if _, err := w.session.WriteRTP(header, payload); err != nil && !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, net.ErrClosed) {
			t.Fatalf("WriteRTP: %v", err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("20000 packets to a stalled relay took %v", took)
	}
}

func TestRestartTakesTheRelayOfNow(t *testing.T) {
	_, udp, _ := startTURN(t)
	var mu sync.Mutex
	var servers []reach.RelayServer
	engine := newEngine(t, peer.Config{Relays: func() []reach.RelayServer {
		mu.Lock()
		defer mu.Unlock()
		return servers
	}})
	c := newClient(t, clientConfig{})
	w := startWatching(t, engine, c, edits{})
	if list := told(w.session.Answer()); slices.ContainsFunc(list, func(c string) bool { return strings.HasSuffix(c, "relay") }) {
		t.Fatalf("a relay among %v before there is one", list)
	}
	mu.Lock()
	servers = []reach.RelayServer{udp}
	mu.Unlock()
	eventually(t, "an address at a TURN server", func() bool { _, _, ok := engine.Relay(); return ok })
	addr, _, _ := engine.Relay()
	f, err := w.session.Restart(&negotiate.Fragment{Ufrag: "anew", Pwd: "a-password-of-24-characters"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(f.Candidates, func(c negotiate.Candidate) bool {
		return strings.Contains(c.Value, " "+addr.Addr().String()+" ") && strings.Contains(c.Value, "typ relay")
	}) {
		t.Errorf("the relayed address %v is not among %v", addr, f.Candidates)
	}
}
