//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"porthole/internal/servertest"
)

// peer is a WebRTC client of the server: what viewers and publishers share.
type peer struct {
	server   *server
	conn     *valve     // the UDP socket; nil: media goes over TCP
	mux      ice.UDPMux // of conn
	pc       *webrtc.PeerConnection
	adapt    func(answer string) string // changes the answer before it is taken; may be nil
	resource string                     // URL of the session; empty before signal
	token    string                     // that requests carry; empty: none
	client   *http.Client               // for the requests; nil: httpClient

	connected chan struct{} // closed when the peer connection is up
	ended     chan struct{} // closed when the peer connection failed or was closed, by whomever
}

// newPeer makes a peer connection that has one UDP socket, on 127.0.0.1.
func newPeer(s *server) (*peer, error) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	// A keyframe of a busy moment must not be lost for want of room here.
	if err := socket.SetReadBuffer(4 << 20); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	p := &peer{server: s, conn: newValve(socket)}
	p.mux = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: p.conn, Logger: quiet().NewLogger("ice")})
	settings := webrtc.SettingEngine{LoggerFactory: quiet()}
	settings.SetICEUDPMux(p.mux)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if err := p.connectWith(settings); err != nil {
		return nil, errors.Join(err, p.mux.Close())
	}
	return p, nil
}

// quiet discards what pion has to say: sockets are broken here on purpose.
func quiet() logging.LoggerFactory {
	return &logging.DefaultLoggerFactory{Writer: io.Discard}
}

// connectWith makes the peer connection, for media on loopback only.
func (p *peer) connectWith(settings webrtc.SettingEngine) error {
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(net.IP.IsLoopback)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	var media webrtc.MediaEngine
	var interceptors interceptor.Registry
	err := errors.Join(
		media.RegisterDefaultCodecs(),
		webrtc.RegisterDefaultInterceptors(&media, &interceptors),
	)
	if err != nil {
		return err
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings),
		webrtc.WithMediaEngine(&media), webrtc.WithInterceptorRegistry(&interceptors))
	if p.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return err
	}
	p.watchState()
	return nil
}

func (p *peer) watchState() {
	p.connected, p.ended = make(chan struct{}), make(chan struct{})
	var up, down sync.Once
	p.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			up.Do(func() { close(p.connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			down.Do(func() { close(p.ended) })
		}
	})
}

// offer makes the offer with all candidates in it. One that was refused is made again as
// it was.
func (p *peer) offer() (string, error) {
	if p.pc.SignalingState() == webrtc.SignalingStateHaveLocalOffer {
		return p.pc.LocalDescription().SDP, nil
	}
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return "", err
	}
	select {
	case <-gathered:
		return p.pc.LocalDescription().SDP, nil
	case <-time.After(5 * time.Second):
		return "", errors.New("the client's own gathering took more than 5s")
	}
}

// signal posts the offer to a WHIP or WHEP path and takes the answer.
func (p *peer) signal(path string) error {
	offer, err := p.offer()
	if err != nil {
		return fmt.Errorf("make an offer: %w", err)
	}
	answer, err := p.post(path, offer)
	if err != nil {
		return err
	}
	if p.adapt != nil {
		answer = p.adapt(answer)
	}
	err = p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
	if err != nil {
		return fmt.Errorf("take the answer: %w", err)
	}
	return nil
}

// post sends an offer, remembers the session's URL and returns the answer.
func (p *peer) post(path, offer string) (string, error) {
	endpoint := p.server.url + path
	req, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(offer))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/sdp")
	p.authorize(req)
	resp, err := p.requests().Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("POST %s: read the answer: %w", path, err)
	}
	if resp.StatusCode != http.StatusCreated {
		return "", &statusError{"POST " + path, resp.StatusCode, string(body)}
	}
	base, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	location, err := base.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return "", fmt.Errorf("POST %s: unusable Location %q", path, resp.Header.Get("Location"))
	}
	p.resource = location.String()
	return string(body), nil
}

// requests is the client that requests are made with.
func (p *peer) requests() *http.Client {
	if p.client != nil {
		return p.client
	}
	return httpClient
}

func (p *peer) authorize(req *http.Request) {
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
}

// restartICE looks for another path, as a player does when its network has changed.
func (p *peer) restartICE() error {
	offer, err := p.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	select {
	case <-gathered:
	case <-time.After(5 * time.Second):
		return errors.New("the client's own gathering took more than 5s")
	}
	req, err := http.NewRequest(http.MethodPatch, p.resource, strings.NewReader(servertest.FragmentOf(p.pc.LocalDescription().SDP)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/trickle-ice-sdpfrag")
	req.Header.Set("If-Match", "*")
	p.authorize(req)
	resp, err := p.requests().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fragment, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return &statusError{"PATCH", resp.StatusCode, string(fragment)}
	}
	answer := withICE(p.pc.CurrentRemoteDescription().SDP, string(fragment))
	return p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
}

// withICE puts a fragment's side of ICE in the place of the one of a description: its
// credentials into every section and its candidates into the first.
func withICE(description, fragment string) string {
	var credentials, candidates string
	for line := range strings.Lines(fragment) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"), strings.HasPrefix(line, "a=ice-pwd:"):
			if !strings.Contains(credentials, line) {
				credentials += line
			}
		case strings.HasPrefix(line, "a=candidate:"):
			candidates += line
		}
	}
	var out strings.Builder
	sections := 0
	for line := range strings.Lines(description) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			out.WriteString(credentials)
			if sections == 1 || !strings.Contains(description, "m=") {
				out.WriteString(candidates)
			}
		case strings.HasPrefix(line, "a=ice-pwd:"), strings.HasPrefix(line, "a=candidate:"), strings.HasPrefix(line, "a=end-of-candidates"):
		default:
			if strings.HasPrefix(line, "m=") {
				sections++
			}
			out.WriteString(line)
		}
	}
	return out.String()
}

// delete ends the session as a well-behaved client does.
func (p *peer) delete() error {
	req, err := http.NewRequest(http.MethodDelete, p.resource, http.NoBody)
	if err != nil {
		return err
	}
	p.authorize(req)
	resp, err := p.requests().Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &statusError{"DELETE", resp.StatusCode, ""}
	}
	return nil
}

// vanish shuts the socket: not one more packet leaves, no goodbye either.
func (p *peer) vanish() { p.conn.Close() }

// close ends the peer connection, with the DTLS goodbye if the socket is open.
func (p *peer) close() error {
	err := p.pc.Close()
	if p.mux != nil {
		err = errors.Join(err, p.mux.Close())
	}
	return err
}

// statusError is an HTTP status other than the wanted one.
type statusError struct {
	what   string
	status int
	body   string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s: status %d: %s", e.what, e.status, e.body)
}

// waitConnected waits for the peer connection to be up.
func (p *peer) waitConnected(t testing.TB) {
	t.Helper()
	receive(t, 15*time.Second, "the peer connection to be up", p.connected)
}
