package load

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/sdp/v3"
	"github.com/pion/transport/v5/stdnet"
	"github.com/pion/webrtc/v4"
)

// host is what all sessions of a run share: the way to the server, one HTTP
// client, one DTLS certificate.
type host struct {
	client      *http.Client
	net         *stdnet.Net
	certificate webrtc.Certificate
	local       netip.Addr // the address of this machine from which the server is reached
	buffers     *sync.Pool // of *[readSize]byte
	tcp         bool
	feedback    bool // is sent
	same        bool // the server is on this machine, with the same clock
}

// newHost finds out how to reach the endpoint, without sending anything to it.
func newHost(ctx context.Context, endpoint *url.URL, tcp bool) (*host, error) {
	local, same, err := localAddr(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	stdNet, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return &host{
		client: newClient(), net: stdNet, certificate: *certificate,
		local: local, buffers: newBuffers(), tcp: tcp, same: same,
	}, nil
}

// localAddr asks the system which of its addresses leads to the endpoint, and says
// whether that is on the same machine. The socket for that sends nothing.
func localAddr(ctx context.Context, endpoint *url.URL) (local netip.Addr, same bool, err error) {
	port := endpoint.Port()
	if port == "" {
		port = "80"
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", net.JoinHostPort(endpoint.Hostname(), port))
	if err != nil {
		return netip.Addr{}, false, fmt.Errorf("find a way to %s: %w", endpoint.Hostname(), err)
	}
	defer conn.Close()
	addr, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return netip.Addr{}, false, fmt.Errorf("find a way to %s: %w", endpoint.Hostname(), err)
	}
	remote, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	local = addr.Addr().Unmap()
	return local, err == nil && (local.IsLoopback() || remote.Addr().Unmap() == local), nil
}

// peerConnection makes the connection of one session: one candidate, no
// interceptors, nothing logged.
func (h *host) peerConnection(taps *tapNet) (*webrtc.PeerConnection, error) {
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, fmt.Errorf("register codecs: %w", err)
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		// Servers that name no SSRC in their answer tell tracks apart by the first of them.
		for _, uri := range []string{sdp.SDESMidURI, captureTimeURI} {
			capability := webrtc.RTPHeaderExtensionCapability{URI: uri}
			if err := media.RegisterHeaderExtension(capability, kind); err != nil {
				return nil, fmt.Errorf("register header extensions: %w", err)
			}
		}
	}
	if h.feedback {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			media.RegisterFeedback(webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBTransportCC}, kind)
			if err := media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: transportCCURI}, kind); err != nil {
				return nil, fmt.Errorf("register header extensions: %w", err)
			}
		}
	}
	api := webrtc.NewAPI(
		webrtc.WithMediaEngine(media),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}),
		webrtc.WithSettingEngine(h.settings(taps)),
	)
	return api.NewPeerConnection(webrtc.Configuration{
		Certificates: []webrtc.Certificate{h.certificate},
		// The meter reads header extensions before pion decrypts the packet (RFC 9335).
		RTPHeaderEncryptionPolicy: webrtc.RTPHeaderEncryptionPolicyDisable,
	})
}

func (h *host) settings(taps *tapNet) webrtc.SettingEngine {
	var s webrtc.SettingEngine
	s.LoggerFactory = &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled}
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(h.local.IsLoopback())
	s.SetIPFilter(func(ip net.IP) bool {
		addr, ok := netip.AddrFromSlice(ip)
		return ok && addr.Unmap() == h.local
	})
	s.SetNet(taps)
	switch {
	case h.tcp && h.local.Is4():
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	case h.tcp:
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP6})
	case h.local.Is4():
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	default:
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP6})
	}
	return s
}
