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
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

// peer is a WebRTC client of the server: what viewers and publishers share.
type peer struct {
	server   *server
	conn     *valve
	mux      ice.UDPMux
	pc       *webrtc.PeerConnection
	token    string // sent as Bearer, unless empty
	resource string // URL of the session; empty before signal

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
	if err := socket.SetReadBuffer(1 << 20); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	p := &peer{
		server: s, conn: newValve(socket),
		connected: make(chan struct{}), ended: make(chan struct{}),
	}
	// Sockets are broken here on purpose; what pion has to say about that is no news.
	quiet := &logging.DefaultLoggerFactory{Writer: io.Discard}
	p.mux = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: p.conn, Logger: quiet.NewLogger("ice")})
	settings := webrtc.SettingEngine{LoggerFactory: quiet}
	settings.SetICEUDPMux(p.mux)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})

	var media webrtc.MediaEngine
	var interceptors interceptor.Registry
	if err := errors.Join(
		media.RegisterDefaultCodecs(),
		webrtc.RegisterDefaultInterceptors(&media, &interceptors),
	); err != nil {
		return nil, errors.Join(err, p.mux.Close())
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings),
		webrtc.WithMediaEngine(&media), webrtc.WithInterceptorRegistry(&interceptors))
	if p.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, errors.Join(err, p.mux.Close())
	}
	p.watchState()
	return p, nil
}

func (p *peer) watchState() {
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

// offer makes the offer with all candidates in it.
func (p *peer) offer() (string, error) {
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
	resp, err := p.do(req)
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

// delete ends the session as a well-behaved client does.
func (p *peer) delete() error {
	req, err := http.NewRequest(http.MethodDelete, p.resource, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := p.do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &statusError{"DELETE", resp.StatusCode, ""}
	}
	return nil
}

func (p *peer) do(req *http.Request) (*http.Response, error) {
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	return httpClient.Do(req)
}

// vanish shuts the socket: not one more packet leaves, no goodbye either.
func (p *peer) vanish() { p.conn.Close() }

// close ends the peer connection, with the DTLS goodbye if the socket is open.
func (p *peer) close() error { return errors.Join(p.pc.Close(), p.mux.Close()) }

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

// valve is a UDP socket that can be made to fail in the ways that real ones do.
type valve struct {
	net.PacketConn
	deaf   atomic.Bool // read nothing more: the kernel's buffer fills up and overflows
	noDTLS atomic.Bool // send no DTLS, only what else there is
	closed chan struct{}
	once   sync.Once
}

func newValve(conn net.PacketConn) *valve {
	return &valve{PacketConn: conn, closed: make(chan struct{})}
}

func (v *valve) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := v.PacketConn.ReadFrom(b)
	if v.deaf.Load() {
		<-v.closed
		return 0, nil, net.ErrClosed
	}
	return n, addr, err
}

func (v *valve) WriteTo(b []byte, addr net.Addr) (int, error) {
	// RFC 7983: DTLS is what begins with 20 to 63.
	if v.noDTLS.Load() && len(b) > 0 && b[0] >= 20 && b[0] <= 63 {
		return len(b), nil
	}
	return v.PacketConn.WriteTo(b, addr)
}

// Close shuts the socket and frees a deaf reader. A second call does nothing.
func (v *valve) Close() error {
	err := net.ErrClosed
	v.once.Do(func() {
		close(v.closed)
		err = v.PacketConn.Close()
	})
	return err
}
