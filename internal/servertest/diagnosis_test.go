package servertest_test

import (
	"encoding/json"
	"net"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/diagnosis"
	"porthole/internal/peer"
	"porthole/internal/servertest"
	"porthole/internal/sessioninfo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// impatient is a server with a stream to watch that gives up those who do not connect,
// or send nothing then, soon.
func impatient(t *testing.T, connect time.Duration) *servertest.Server {
	t.Helper()
	s := servertest.Start(t, servertest.Config{Timeouts: peer.Timeouts{
		Connect: connect, FirstMedia: 300 * time.Millisecond,
	}})
	p, err := s.Broadcaster.Publish("cam", broadcast.PublisherConfig{Source: "test", Kinds: []codec.Kind{codec.Video}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(nil) })
	layer, err := p.AddLayer(broadcast.LayerConfig{Codec: codec.Codec{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}})
	if err != nil {
		t.Fatal(err)
	}
	err = layer.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, Marker: true}, Payload: []byte{0x10, 0, 0}}) // a keyframe
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// verdict waits for the end of a session and returns what its page is told.
func verdict(t *testing.T, s *servertest.Server, session string) sessioninfo.Session {
	t.Helper()
	var d sessioninfo.Diagnosis
	var info sessioninfo.Session
	id := path.Base(session)
	servertest.Until(t, "the session's end", func() bool {
		r := s.Do("GET", "/api/sessions/"+id+"/diagnosis", "")
		if r.Status != 200 {
			t.Fatalf("GET diagnosis: status %d: %s", r.Status, r.Body)
		}
		// State has no UnmarshalText, so its text is looked for.
		return strings.Contains(r.Body, `"state":"closed"`) && json.Unmarshal([]byte(withoutStates(r.Body)), &d) == nil
	})
	r := s.Do("GET", "/api/sessions/"+id, "")
	if err := json.Unmarshal([]byte(withoutStates(r.Body)), &info); err != nil {
		t.Fatalf("%v: %s", err, r.Body)
	}
	if info.Code != d.Code || info.Diagnosis != d.Diagnosis || d.Diagnosis == "" {
		t.Errorf("the page is told %+v, the operator %s %q", d, info.Code, info.Diagnosis)
	}
	t.Logf("%s: %s", d.Code, d.Diagnosis)
	return info
}

func withoutStates(text string) string {
	return regexp.MustCompile(`"state":"[a-z]+",`).ReplaceAllString(text, "")
}

func post(t *testing.T, s *servertest.Server, endpoint, offer string) (session, answer string) {
	t.Helper()
	r := s.Post(endpoint, offer)
	if r.Status != 201 {
		t.Fatalf("POST: status %d: %s", r.Status, r.Body)
	}
	return r.Header.Get("Location"), r.Body
}

// chromium returns an offer of Chromium's with these candidates in the place of its own.
func chromium(t *testing.T, candidates ...string) string {
	t.Helper()
	b, err := os.ReadFile("../negotiate/testdata/chromium-recvonly.sdp")
	if err != nil {
		t.Fatal(err)
	}
	offer := regexp.MustCompile(`a=candidate:.*\r?\n`).ReplaceAllString(string(b), "")
	for _, c := range candidates {
		offer = strings.Replace(offer, "a=ice-ufrag:", "a=candidate:"+c+"\r\na=ice-ufrag:", 1)
	}
	return offer
}

// value returns what stands behind the first "a=key:" of a description.
func value(t *testing.T, description, key string) string {
	t.Helper()
	_, rest, ok := strings.Cut(description, "a="+key+":")
	if !ok {
		t.Fatalf("no %s in %s", key, description)
	}
	text, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(text)
}

func TestClientsOfWhomNothingArrives(t *testing.T) {
	s := impatient(t, 700*time.Millisecond)
	silent, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // reads nothing, sends nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, port, _ := net.SplitHostPort(silent.LocalAddr().String())
	for _, tt := range []struct {
		name       string
		candidates []string
		want       diagnosis.Code
		says       string
	}{
		{"in a container", []string{"1 1 udp 2122194687 172.17.0.2 40000 typ host"}, diagnosis.ContainerAddress, "172.17.0.2, a container address"},
		{"whose UDP is dropped", []string{"1 1 udp 2122194687 127.0.0.1 " + port + " typ host"}, diagnosis.UDPBlocked, "UDP from the client never arrived; TCP was not offered"},
		{"who has TCP, too", []string{
			"1 1 udp 2122194687 127.0.0.1 " + port + " typ host", "2 1 tcp 1518214911 127.0.0.1 9 typ host tcptype active",
		}, diagnosis.Blocked, "neither UDP nor TCP"},
		{"that hide", []string{"1 1 udp 2122194687 6e8f2d4c-0a1b-4c2d-9e3f-aabbccddeeff.local 40000 typ host"}, diagnosis.MDNSOnly, "only mDNS names"},
		{"without addresses", nil, diagnosis.NoAddresses, "127.0.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			session, _ := post(t, s, "/whep/cam", chromium(t, tt.candidates...))
			info := verdict(t, s, session)
			if info.Code != tt.want || !strings.Contains(info.Diagnosis, tt.says) {
				t.Errorf("got %s: %s", info.Code, info.Diagnosis)
			}
		})
	}
}

// A client whose checks come and who never hears ours.
func TestChecksOneWayOnly(t *testing.T) {
	s := impatient(t, 2*time.Second)
	offer := chromium(t)
	session, answer := post(t, s, "/whep/cam", offer)
	conn, err := net.Dial("udp4", s.Engine.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	check, err := stun.Build(stun.BindingRequest, stun.TransactionID,
		stun.NewUsername(value(t, answer, "ice-ufrag")+":"+value(t, offer, "ice-ufrag")),
		ice.PriorityAttr(1845501695), ice.AttrControlling(7),
		stun.NewShortTermIntegrity(value(t, answer, "ice-pwd")), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(check.Raw); err != nil {
		t.Fatal(err)
	}
	info := verdict(t, s, session)
	if info.Code != diagnosis.OneWay || !strings.Contains(info.Diagnosis, "from 127.0.0.1") {
		t.Errorf("got %s: %s", info.Code, info.Diagnosis)
	}
	if len(info.Peer.Pairs) != 1 || info.Peer.Pairs[0].ChecksReceived != 1 || info.Peer.Pairs[0].ChecksSent == 0 ||
		info.Peer.Pairs[0].Remote.Type != "prflx" || info.Peer.Pairs[0].FirstCheck.IsZero() {
		t.Errorf("pairs: %+v", info.Peer.Pairs)
	}
}

// A client that does ICE and nothing after that.
func TestNoDTLS(t *testing.T) {
	s := impatient(t, 3*time.Second)
	agent, err := ice.NewAgentWithOptions(
		ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4}), ice.WithIncludeLoopback(),
		ice.WithInterfaceFilter(func(name string) bool { return strings.HasPrefix(name, "lo") }),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = agent.GracefulClose() }()
	ufrag, pwd, err := agent.GetLocalUserCredentials()
	if err != nil {
		t.Fatal(err)
	}
	offer := chromium(t)
	offer = strings.ReplaceAll(offer, value(t, offer, "ice-ufrag"), ufrag)
	offer = strings.ReplaceAll(offer, value(t, offer, "ice-pwd"), pwd)
	session, answer := post(t, s, "/whep/cam", offer)

	gathered := make(chan struct{})
	if err := agent.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			close(gathered)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := agent.GatherCandidates(); err != nil {
		t.Fatal(err)
	}
	servertest.Wait(t, "the client's candidates", gathered)
	remote, err := ice.UnmarshalCandidate(value(t, answer, "candidate"))
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.AddRemoteCandidate(remote); err != nil {
		t.Fatal(err)
	}
	if _, err := agent.Dial(t.Context(), value(t, answer, "ice-ufrag"), value(t, answer, "ice-pwd")); err != nil {
		t.Fatal(err)
	}
	info := verdict(t, s, session)
	if info.Code != diagnosis.DTLSSilent || !strings.Contains(info.Diagnosis, "ICE connected in") {
		t.Errorf("got %s: %s", info.Code, info.Diagnosis)
	}
}

// Clients whose offer was changed on the way, or who are not who they say.
func TestWrongFingerprint(t *testing.T) {
	forge := regexp.MustCompile(`(a=fingerprint:sha-256 )..`)
	t.Run("viewer", func(t *testing.T) {
		s := impatient(t, servertest.Patience)
		c := servertest.NewViewer(t, webrtc.MimeTypeVP8)
		session := c.Accept(s.Post("/whep/cam", forge.ReplaceAllString(c.Offer(), "${1}00")))
		if info := verdict(t, s, session); info.Code != diagnosis.WrongCertificate {
			t.Errorf("got %s: %s", info.Code, info.Diagnosis)
		}
	})
	t.Run("publisher", func(t *testing.T) {
		s := impatient(t, servertest.Patience)
		c := servertest.NewPublisher(t, webrtc.MimeTypeVP8)
		session := c.Accept(s.Post("/whip/obs", forge.ReplaceAllString(c.Offer(), "${1}00")))
		if info := verdict(t, s, session); info.Code != diagnosis.WrongCertificate {
			t.Errorf("got %s: %s", info.Code, info.Diagnosis)
		}
	})
}

func TestPublisherWithoutMedia(t *testing.T) {
	s := impatient(t, servertest.Patience)
	c := servertest.NewPublisher(t, webrtc.MimeTypeVP8)
	info := verdict(t, s, c.Join(s, "/whip/obs"))
	if info.Code != diagnosis.NoMedia || !strings.Contains(info.Diagnosis, "sent no media for 0.3 s") {
		t.Errorf("got %s: %s", info.Code, info.Diagnosis)
	}
	if len(info.Peer.Pairs) == 0 || info.Path != "udp" {
		t.Errorf("path %q, pairs %+v", info.Path, info.Peer.Pairs)
	}
}

// What works has nothing to tell.
func TestNoDiagnosisWithoutTrouble(t *testing.T) {
	s := impatient(t, servertest.Patience)
	c := servertest.NewViewer(t, webrtc.MimeTypeVP8)
	session := c.Join(s, "/whep/cam")
	servertest.Wait(t, "the connection", c.Connected)
	nothing := regexp.MustCompile(`^{"state":"connected","code":"(ok","diagnosis":""|slow_)`) // on a busy machine it is slow
	servertest.Until(t, "our side of the connection", func() bool {
		return nothing.MatchString(s.Do("GET", "/api/sessions/"+path.Base(session)+"/diagnosis", "").Body)
	})
	if r := s.Do("GET", "/api/sessions", ""); !strings.Contains(r.Body, `"path":"udp"`) {
		t.Errorf("the list says %s", r.Body)
	}
	if r := s.Do("GET", "/api/sessions/"+path.Base(session)+"/transcript", ""); !strings.Contains(r.Body, `"method":"POST"`) {
		t.Errorf("the transcript says %s", r.Body)
	}
}
