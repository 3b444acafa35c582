//go:build e2e

package e2e_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

var iceServerLink = regexp.MustCompile(`^<((?:stun|turns?):[^>]+)>; rel="ice-server"(?:; username="([^"]*)"; credential="([^"]*)"; credential-type="password")?$`)

// iceServers returns what the server names in an OPTIONS answer.
func (s *server) iceServers(t testing.TB, path string) (servers []webrtc.ICEServer) {
	t.Helper()
	r := s.call(t, http.MethodOptions, s.url+path, "")
	for _, line := range r.header.Values("Link") {
		if part := iceServerLink.FindStringSubmatch(line); part != nil {
			servers = append(servers, webrtc.ICEServer{URLs: []string{part[1]}, Username: part[2], Credential: part[3]})
		}
	}
	return servers
}

// only returns the servers whose URL matches.
func only(t testing.TB, servers []webrtc.ICEServer, pattern string) (kept []webrtc.ICEServer) {
	t.Helper()
	for _, s := range servers {
		if regexp.MustCompile(pattern).MatchString(s.URLs[0]) {
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 {
		t.Fatalf("no server like %s among %v", pattern, servers)
	}
	return kept
}

// newRelayPeer makes a peer whose media goes through TURN servers only.
func newRelayPeer(t testing.TB, s *server, servers []webrtc.ICEServer) *peer {
	t.Helper()
	settings := webrtc.SettingEngine{LoggerFactory: quiet()}
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	p := &peer{server: s}
	err := p.connectWith(settings)
	if err == nil {
		err = p.pc.SetConfiguration(webrtc.Configuration{ICEServers: servers, ICETransportPolicy: webrtc.ICETransportPolicyRelay})
	}
	if err != nil {
		t.Fatalf("make a relayed peer: %v", err)
	}
	return p
}

// watchRelayed watches a stream through TURN servers only.
func watchRelayed(t testing.TB, s *server, stream string, servers []webrtc.ICEServer) *viewer {
	t.Helper()
	v, err := viewerOf(newRelayPeer(t, s, servers))
	if err != nil {
		t.Fatalf("make a relayed viewer: %v", err)
	}
	t.Cleanup(func() { v.close() })
	if err := v.signal("/whep/" + stream); err != nil {
		t.Fatalf("watch %s through %v: %v", stream, servers, err)
	}
	v.waitPlaying(t)
	requireRelayed(t, v.peer)
	return v
}

// requireRelayed checks that a connected peer's media goes through a relay.
func requireRelayed(t testing.TB, p *peer) {
	t.Helper()
	transceiver := p.pc.GetTransceivers()[0]
	var transport *webrtc.DTLSTransport
	if sender := transceiver.Sender(); sender != nil {
		transport = sender.Transport()
	} else {
		transport = transceiver.Receiver().Transport()
	}
	pair, err := transport.ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		t.Fatalf("no selected pair: %v", err)
	}
	if pair.Local.Typ != webrtc.ICECandidateTypeRelay {
		t.Errorf("media goes by %s, want a relay", pair)
	}
}

// TestWatchThroughOwnTURN watches, and publishes, with nothing but our own TURN
// server in between: what a client does whose packets to the media port get lost.
func TestWatchThroughOwnTURN(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	servers := s.iceServers(t, "/whep/webcam")
	if len(servers) != 3 || servers[0].URLs[0] != "stun:"+s.turn.String() {
		t.Fatalf("servers %v, want STUN, TURN over UDP and over TCP at %v", servers, s.turn)
	}
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			v := watchRelayed(t, s, "webcam", only(t, servers, `^turn:.*transport=`+transport))
			if n := s.metric(t, "porthole_turn_allocations"); n < 1 {
				t.Errorf("%v allocations while a viewer is there", n)
			}
			if err := v.delete(); err != nil {
				t.Error(err)
			}
			if err := v.close(); err != nil {
				t.Errorf("close the viewer: %v", err)
			}
			waitFor(t, 5*time.Second, "the relay to be given back", func() error {
				if n := s.metric(t, "porthole_turn_allocations"); n != 0 {
					return fmt.Errorf("%v are open", n)
				}
				return nil
			})
		})
	}
	t.Run("publish", func(t *testing.T) {
		p, err := publisherOf(newRelayPeer(t, s, only(t, servers, `^turn:.*udp`)), h264Track())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.close() })
		if err := p.signal("/whip/relayed"); err != nil {
			t.Fatal(err)
		}
		p.waitConnected(t)
		requireRelayed(t, p.peer)
		p.start(encodeTestVideo(t))
		t.Cleanup(p.stop)
		s.waitLive(t, "relayed", true, 10*time.Second)
		watch(t, s, "relayed").waitPlaying(t)
	})
	if refused := s.metric(t, `porthole_turn_refused_total{reason="credentials"}`); refused != 0 {
		t.Errorf("%v credentials of ours were refused", refused)
	}
}

// TestLibdatachannelThroughOwnTURN publishes with the library inside OBS, which offers
// no candidates, through our TURN server only: we learn its relay from its packets.
func TestLibdatachannelThroughOwnTURN(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	c := startLibdatachannel(t, "publish", s.url+"/whip/obs", framesFile(t, encodeTestVideo(t)), "relay")
	c.await("it sends", func(e libdatachannelEvent) bool { return e.Event == "sending" })
	s.waitLive(t, "obs", true, 10*time.Second)
	watch(t, s, "obs").waitPlaying(t)
	if n := s.metric(t, "porthole_turn_allocations"); n != 1 {
		t.Errorf("%v allocations, want 1", n)
	}
	c.stop()
	s.waitLive(t, "obs", false, 5*time.Second)
}
