package peer_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/rtp"
	"github.com/pion/transport/v5/vnet"
	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"

	"porthole/internal/diagnosis"
	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/reach"
	"porthole/internal/sessioninfo"
)

// nat is what is between a machine and the world, by how it maps and filters (RFC 4787).
type nat string

// The kinds, by their old names (RFC 3489 5).
const (
	noNAT          nat = "no NAT"
	fullCone       nat = "full cone"
	restricted     nat = "restricted"
	portRestricted nat = "port restricted"
	symmetric      nat = "symmetric"
)

var nats = []nat{noNAT, fullCone, restricted, portRestricted, symmetric}

func (n nat) behaviour() *vnet.NATType {
	kinds := map[nat]vnet.NATType{
		fullCone:       {MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointIndependent},
		restricted:     {MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointAddrDependent},
		portRestricted: {MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointAddrPortDependent},
		symmetric:      {MappingBehavior: vnet.EndpointAddrPortDependent, FilteringBehavior: vnet.EndpointAddrPortDependent},
	}
	kind := kinds[n]
	return &kind
}

// relays is who uses the TURN server.
type relays string

const (
	noRelay     relays = "nobody relays"
	serverRelay relays = "the server relays"
	clientRelay relays = "the client relays"
)

// natCase is an expectation of the table: does the client connect, and by which path?
type natCase struct {
	server, client nat
	relays         relays
	// path is who relays of the selected pair: "host" or "relay" is the server's end,
	// "client" or "relay" the other. Empty for a client that does not connect.
	path string
	// verdict is what a session is told that does not connect.
	verdict diagnosis.Code
}

// natCases are all kinds of NAT on both sides without a relay, and those pairs with one
// that need it. Who is behind which NAT decides all: one side has to be able to tell the
// other an address that its packets will come from, and to let the other's packets in.
func natCases() []natCase {
	var cases []natCase
	for _, server := range nats {
		for _, client := range nats {
			c := natCase{server: server, client: client, relays: noRelay, path: "host to client"}
			if neverMeet(server, client) {
				c.path, c.verdict = "", diagnosis.NATNoRelay
			}
			cases = append(cases, c)
		}
	}
	for _, hard := range [][2]nat{{symmetric, symmetric}, {portRestricted, symmetric}, {symmetric, portRestricted}} {
		cases = append(cases,
			natCase{server: hard[0], client: hard[1], relays: serverRelay, path: "relay to client"},
			natCase{server: hard[0], client: hard[1], relays: clientRelay, path: "host to relay"})
	}
	return cases
}

// neverMeet: one side's port is another for each peer, and the other lets in only
// what comes from the port that it has sent to.
func neverMeet(server, client nat) bool {
	strict := func(n nat) bool { return n == portRestricted || n == symmetric }
	return (server == symmetric && strict(client)) || (client == symmetric && strict(server))
}

func TestNATs(t *testing.T) {
	for _, c := range natCases() {
		t.Run(fmt.Sprintf("server %s, client %s, %s", c.server, c.client, c.relays), func(t *testing.T) {
			w := newWorld(t, c.server, c.client) // one at a time: vnet counts its MAC addresses without a lock
			t.Parallel()
			c.run(t, w)
		})
	}
}

const (
	turnAddr   = "1.2.3.4:3478"
	serverPort = 8081
)

// world is a network with two machines, each behind its NAT or none, and a server in
// the middle that tells mapped addresses and relays.
type world struct {
	server, client         *vnet.Net
	serverAddr, clientAddr netip.Addr
}

func newWorld(t *testing.T, server, client nat) *world {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	quiet := &logging.DefaultLoggerFactory{}
	wan, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "0.0.0.0/0", LoggerFactory: quiet})
	check(err)
	machine := func(n nat, public, private, subnet string) (*vnet.Net, netip.Addr) {
		addr := private
		if n == noNAT {
			addr = public
		}
		host, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{addr}})
		check(err)
		if n == noNAT {
			check(wan.AddNet(host))
			return host, netip.MustParseAddr(addr)
		}
		lan, err := vnet.NewRouter(&vnet.RouterConfig{
			StaticIPs: []string{public}, CIDR: subnet, NATType: n.behaviour(), LoggerFactory: quiet,
		})
		check(err)
		check(lan.AddNet(host))
		check(wan.AddRouter(lan))
		return host, netip.MustParseAddr(addr)
	}
	w := &world{}
	w.server, w.serverAddr = machine(server, "27.1.1.1", "192.168.0.2", "192.168.0.0/24")
	w.client, w.clientAddr = machine(client, "28.1.1.1", "10.2.0.2", "10.2.0.0/24")
	middle, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{"1.2.3.4"}})
	check(err)
	check(wan.AddNet(middle))
	check(wan.Start())
	t.Cleanup(func() { _ = wan.Stop() })
	conn, err := middle.ListenPacket("udp4", turnAddr)
	check(err)
	relay, err := turn.NewServer(turn.ServerConfig{
		Realm: "test", LoggerFactory: quiet,
		AuthHandler: func(r *turn.RequestAttributes) (string, []byte, bool) {
			return r.Username, turn.GenerateAuthKey("user", r.Realm, "secret"), r.Username == "user"
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: conn, RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
			RelayAddress: net.IPv4(1, 2, 3, 4), Address: "0.0.0.0", Net: middle,
		}}},
	})
	check(err)
	t.Cleanup(func() { _ = relay.Close() })
	return w
}

func (c natCase) run(t *testing.T, w *world) {
	cfg := peer.Config{Timeouts: peer.Timeouts{Connect: 20 * time.Second}}
	if c.path == "" {
		cfg.Timeouts.Connect = 3 * time.Second // several checks, of which none arrives
	}
	if c.relays == serverRelay {
		cfg.Relays = always(reach.RelayServer{URL: "turn:" + turnAddr, Username: "user", Password: "secret"})
	}
	var known []netip.AddrPort // set before anybody is answered
	cfg.Mapped = func() []netip.AddrPort { return known }
	engine, err := peer.ListenOn(cfg, w.server, netip.AddrPortFrom(w.serverAddr, serverPort))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	// What package iceserver does in the background.
	if c.server != noNAT {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		answer, err := engine.AskSTUN(ctx, netip.MustParseAddrPort(turnAddr))
		if err != nil {
			t.Fatalf("ask the STUN server: %v", err)
		}
		known = []netip.AddrPort{answer.Mapped}
	}
	if c.relays == serverRelay {
		eventually(t, "an address at the TURN server", func() bool { _, _, ok := engine.Relay(); return ok })
	}

	session, packets := c.watch(t, engine, w)
	if c.path == "" {
		c.wantVerdict(t, session)
		return
	}
	wait(t, session.Connected(), "the connection")
	track := session.Tracks()[0]
	eventually(t, "a packet", func() bool {
		header := &rtp.Header{Version: 2, SSRC: track.SSRC, PayloadType: track.PayloadType}
		if _, err := session.WriteRTP(header, []byte{0x41, 1, 2, 3}); err != nil {
			t.Fatalf("WriteRTP: %v", err)
		}
		return len(packets) > 0
	})
	pair := session.Info().Selected
	remote := pair.Remote.Type
	if remote != "relay" {
		remote = "client" // as it told, as its STUN server saw it, or as we did
	}
	if got := pair.Local.Type + " to " + remote; got != c.path {
		t.Errorf("connected by %q (%+v), want %q", got, pair, c.path)
	}
}

// watch connects a client of this world.
func (c natCase) watch(t *testing.T, engine *peer.Engine, w *world) (*peer.Connection, <-chan struct{}) {
	t.Helper()
	settings := webrtc.SettingEngine{LoggerFactory: &logging.DefaultLoggerFactory{}}
	settings.SetNet(w.client)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	servers := []webrtc.ICEServer{{URLs: []string{"stun:" + turnAddr}}}
	if c.relays == clientRelay {
		servers = append(servers, webrtc.ICEServer{URLs: []string{"turn:" + turnAddr}, Username: "user", Credential: "secret"})
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media)).
		NewPeerConnection(webrtc.Configuration{ICEServers: servers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	packets := make(chan struct{}, 1000) // more than are sent
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			packets <- struct{}{}
		}
	})
	cl := &client{PeerConnection: pc}
	cl.watch(t)
	offer := parse(t, negotiate.Watch, cl.offer(t))
	session, err := engine.Send(t.Context(), peer.SendConfig{
		Offer: offer, Codecs: codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus), StreamID: "webcam",
	})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, session, nil)
	cl.accept(t, session.Answer())
	return session, packets
}

// wantVerdict waits for the end of a session that cannot connect, and looks at the cause
// that people are told.
func (c natCase) wantVerdict(t *testing.T, session *peer.Connection) {
	t.Helper()
	select {
	case <-session.Done():
	case <-session.Connected():
		t.Fatalf("connected by %+v, which cannot be", session.Info().Selected)
	case <-time.After(patience):
		t.Fatal("the session did not end")
	}
	info := session.Info()
	facts := diagnosis.Facts{
		Over: true, End: info.End, Waited: 3 * time.Second,
		Local: diagnosis.ParseCandidates(session.Answer()), Remote: facts(info.Remote),
	}
	for _, p := range info.Pairs {
		facts.Pairs = append(facts.Pairs, diagnosis.Pair{
			Sent: p.ChecksSent, Answered: p.ChecksAnswered, Received: p.ChecksReceived, Packets: p.Packets,
		})
	}
	if v := diagnosis.Diagnose(facts); v.Code != c.verdict {
		t.Errorf("the verdict is %s (%s), want %s", v.Code, v.Sentence, c.verdict)
	}
}

func facts(candidates []sessioninfo.Candidate) (list []diagnosis.Candidate) {
	for _, c := range candidates {
		addr := netip.MustParseAddrPort(c.Address)
		list = append(list, diagnosis.Candidate{
			Type: c.Type, Protocol: c.Protocol, Host: addr.Addr().String(), Port: int(addr.Port()),
		})
	}
	return list
}
