package diagnosis_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5/vnet"

	"porthole/internal/diagnosis"
)

// nats are the usual kinds of NAT. A nil one is none.
func nats() map[string]*vnet.NATType {
	nat := func(mapping, filtering vnet.EndpointDependencyType) *vnet.NATType {
		return &vnet.NATType{MappingBehavior: mapping, FilteringBehavior: filtering, MappingLifeTime: time.Minute}
	}
	return map[string]*vnet.NATType{
		"open":            nil,
		"full cone":       nat(vnet.EndpointIndependent, vnet.EndpointIndependent),
		"restricted":      nat(vnet.EndpointIndependent, vnet.EndpointAddrDependent),
		"port restricted": nat(vnet.EndpointIndependent, vnet.EndpointAddrPortDependent),
		"symmetric":       nat(vnet.EndpointAddrPortDependent, vnet.EndpointAddrPortDependent),
	}
}

// natWorld is two networks behind NATs, and two STUN servers in the open.
type natWorld struct {
	t              *testing.T
	server, client *vnet.Net
	stun           []*stun.URI
}

func newNATWorld(t *testing.T, server, client *vnet.NATType) *natWorld {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	network := func(ips ...string) *vnet.Net {
		n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: ips})
		must(err)
		return n
	}
	router := func(cidr string, nat *vnet.NATType, ips ...string) *vnet.Router {
		r, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: cidr, NATType: nat, StaticIPs: ips, LoggerFactory: logging.NewDefaultLoggerFactory()})
		must(err)
		return r
	}
	wan := router("1.2.3.0/24", nil)
	w := &natWorld{t: t}
	behind := func(nat *vnet.NATType, cidr, inside, outside string) *vnet.Net {
		if nat == nil {
			n := network(outside)
			must(wan.AddNet(n))
			return n
		}
		n, lan := network(inside), router(cidr, nat, outside)
		must(lan.AddNet(n))
		must(wan.AddRouter(lan))
		return n
	}
	w.server = behind(server, "192.168.1.0/24", "192.168.1.5", "1.2.3.10")
	w.client = behind(client, "192.168.2.0/24", "192.168.2.20", "1.2.3.20")
	stunNet := network("1.2.3.4", "1.2.3.5")
	must(wan.AddNet(stunNet))
	must(wan.Start())
	t.Cleanup(func() { _ = wan.Stop() })
	for _, ip := range []string{"1.2.3.4", "1.2.3.5"} {
		conn, err := stunNet.ListenPacket("udp4", ip+":3478")
		must(err)
		done := make(chan struct{})
		go func() { defer close(done); answerBinding(conn) }()
		t.Cleanup(func() { _ = conn.Close(); <-done })
		uri, err := stun.ParseURI("stun:" + ip + ":3478")
		must(err)
		w.stun = append(w.stun, uri)
	}
	return w
}

// answerBinding tells everybody how it is seen.
func answerBinding(conn net.PacketConn) {
	buf := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		m := &stun.Message{Raw: append([]byte(nil), buf[:n]...)}
		client, ok := from.(*net.UDPAddr)
		if !ok || m.Decode() != nil || m.Type != stun.BindingRequest {
			continue
		}
		answer, err := stun.Build(m, stun.BindingSuccess, &stun.XORMappedAddress{IP: client.IP, Port: client.Port})
		if err == nil {
			_, _ = conn.WriteTo(answer.Raw, from)
		}
	}
}

// agent is one side, with one socket for all, as our server and browsers have.
func (w *natWorld) agent(n *vnet.Net) *ice.Agent {
	w.t.Helper()
	conn, err := n.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		w.t.Fatal(err)
	}
	mux := ice.NewUniversalUDPMuxDefault(ice.UniversalUDPMuxParams{UDPConn: conn, Net: n})
	agent, err := ice.NewAgentWithOptions(
		ice.WithNet(n), ice.WithUrls(w.stun), ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4}),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost, ice.CandidateTypeServerReflexive}),
		ice.WithUDPMux(mux), ice.WithUDPMuxSrflx(mux), ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithFailedTimeout(40*time.Second), ice.WithDisconnectedTimeout(40*time.Second),
		ice.WithHostAcceptanceMinWait(0), ice.WithSrflxAcceptanceMinWait(0), ice.WithPrflxAcceptanceMinWait(0),
	)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = agent.GracefulClose(); _ = mux.Close(); _ = conn.Close() })
	return agent
}

// gather returns the candidates of a side when it has all.
func (w *natWorld) gather(a *ice.Agent) []ice.Candidate {
	w.t.Helper()
	done := make(chan struct{})
	if err := a.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			close(done)
		}
	}); err != nil {
		w.t.Fatal(err)
	}
	if err := a.GatherCandidates(); err != nil {
		w.t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		w.t.Fatal("gathering does not end")
	}
	found, err := a.GetLocalCandidates()
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// meet lets the two sides try to connect for as long as patience, and returns what the server
// has seen.
func (w *natWorld) meet(patience time.Duration) diagnosis.Facts {
	w.t.Helper()
	server, client := w.agent(w.server), w.agent(w.client)
	ours, theirs := w.gather(server), w.gather(client)
	begin := time.Now()
	f := diagnosis.Facts{Local: described(ours), Remote: described(theirs)}
	for _, c := range theirs {
		w.add(server, c)
	}
	for _, c := range ours {
		w.add(client, c)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	dialled := make(chan struct{})
	serverUfrag, serverPwd, _ := server.GetLocalUserCredentials()
	clientUfrag, clientPwd, _ := client.GetLocalUserCredentials()
	go func() {
		defer close(dialled)
		_, _ = client.Dial(ctx, serverUfrag, serverPwd)
	}()
	_, err := server.Accept(ctx, clientUfrag, clientPwd)
	if err == nil {
		f.ICE = time.Since(begin)
		f.Connected = f.ICE + time.Millisecond
	} else {
		f.Over, f.End = true, "ice_timeout"
	}
	f.Waited = max(time.Since(begin), diagnosis.Slow)
	for _, p := range server.GetCandidatePairsStats() {
		f.Pairs = append(f.Pairs, diagnosis.Pair{Sent: p.RequestsSent, Answered: p.ResponsesReceived, Received: p.RequestsReceived})
	}
	<-dialled
	return f
}

func (w *natWorld) add(a *ice.Agent, c ice.Candidate) {
	w.t.Helper()
	other, err := ice.UnmarshalCandidate(c.Marshal())
	if err == nil {
		err = a.AddRemoteCandidate(other)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func described(list []ice.Candidate) (candidates []diagnosis.Candidate) {
	for _, c := range list {
		d := diagnosis.Candidate{Type: c.Type().String(), Protocol: "udp", Host: c.Address(), Port: c.Port()}
		if r := c.RelatedAddress(); r != nil {
			d.Related = net.JoinHostPort(r.Address, strconv.Itoa(r.Port))
		}
		candidates = append(candidates, d)
	}
	return candidates
}

// Which NATs let a connection through without a relay (RFC 5128 3.3 and 3.4), and what
// is said when they do not.
func TestVerdictsOfNATs(t *testing.T) {
	for server, serverNAT := range nats() {
		for client, clientNAT := range nats() {
			w := newNATWorld(t, serverNAT, clientNAT) // one after the other: the library numbers its routers without a lock
			t.Run(fmt.Sprintf("server %s, client %s", server, client), func(t *testing.T) {
				t.Parallel()
				w.t = t
				want, patience := diagnosis.OK, 30*time.Second // for a busy machine: it ends when they meet
				switch {
				case server == "symmetric" && client == "symmetric":
					want = diagnosis.SymmetricNAT
				case server == "symmetric" && client == "port restricted", server == "port restricted" && client == "symmetric":
					want = diagnosis.NATNoRelay
				}
				if want != diagnosis.OK {
					patience = 4 * time.Second
				}
				f := w.meet(patience)
				got := diagnosis.Diagnose(f)
				if want == diagnosis.OK && got.Code == diagnosis.SlowICE {
					return // they met
				}
				if got.Code != want {
					t.Errorf("got %s: %s\nwant %s\nlocal %+v\nremote %+v\npairs %+v", got.Code, got.Sentence, want, f.Local, f.Remote, f.Pairs)
				}
			})
		}
	}
}
