package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
)

// receiveMTU is the largest packet that is read, in bytes: more than fits an
// Ethernet frame.
const receiveMTU = 1600

// firstRetransmission is when a DTLS flight that got no answer is sent again; each
// further time it takes twice as long. RFC 6347 4.2.4.1 recommends 1 s where nothing is
// known about the path; here ICE has just found that it works. FFmpeg misses the
// ClientHello that follows its first check, so that 1 s would be most of its start.
const firstRetransmission = 100 * time.Millisecond

// baseSettings are what all sessions have in common. The DTLS role is left to
// pion: it is active for an offer of actpass and the opposite of any other. Set
// for all, it would answer passive to FFmpeg's passive, and both would wait.
func baseSettings(set settings) webrtc.SettingEngine {
	s := webrtc.SettingEngine{LoggerFactory: pionLog{log: set.log}}
	// GCM costs a third of the time per packet; RFC 5764 requires the other one,
	// and FFmpeg knows nothing else.
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	s.SetICETimeouts(set.timeouts.ICEDisconnected, set.timeouts.ICEFailed, set.timeouts.ICEKeepalive)
	// A browser's .local candidates are ignored: it is found as peer-reflexive
	// (RFC 8445 7.3.1.3) as soon as its first check arrives.
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{
		webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
	})
	s.DisableActiveTCP(true) // a server does not dial whatever address an offer names
	// A handshake starts on a path that ICE has verified, so the cookie exchange
	// against spoofed addresses would only cost a round trip.
	s.SetDTLSInsecureSkipHelloVerify(true)
	s.SetDTLSRetransmissionInterval(firstRetransmission)
	s.SetReceiveMTU(receiveMTU)
	return s
}

// link is the connection of a session. A publisher's is a pion PeerConnection
// (publisherLink), which receives, reports and recovers losses by itself. A
// viewer's is put together from ICE, DTLS and SRTP (viewerLink): it costs a third
// less for each packet and half as much memory, because nothing is in between.
type link interface {
	// watch directs what happens to the connection to events. It is called once,
	// before answer.
	watch(events linkEvents)
	// answer answers the offer with all of our candidates. It waits for them no
	// longer than gather and then takes what there is.
	answer(ctx context.Context, offer *negotiate.Offer, sections []section, gather time.Duration) (string, error)
	// addCandidate adds one of the client's candidates, as the value of an
	// a=candidate line.
	addCandidate(value string) error
	// restart begins a new ICE session with the client of remote, while media goes
	// on in the old one as long as it can (RFC 8445 9), and returns our side of it.
	// It waits for candidates no longer than gather.
	restart(remote iceSide, gather time.Duration) (local iceSide, err error)
	writeRTCP(packets []rtcp.Packet) error
	// pairs returns what ICE has tried; known is what it had when it was asked last. It
	// is not called during or after close.
	pairs(known []TriedPair) []TriedPair
	// close ends the connection, tells the client (DTLS close_notify) and waits
	// for the connection's goroutines. None of them may call it.
	close() error
}

var (
	_ link = (*publisherLink)(nil)
	_ link = (*viewerLink)(nil)
)

// linkEvents is what a link reports. The methods are called by goroutines that
// the connection cannot do without, and must not block.
type linkEvents interface {
	iceChanged(state webrtc.ICEConnectionState)
	dtlsChanged(state webrtc.DTLSTransportState)
	// connectionChanged is told by a PeerConnection only; for others it follows from
	// the two above.
	connectionChanged(state webrtc.PeerConnectionState)
	pairSelected(pair Pair)
	up()               // ICE and DTLS are done
	down(reason error) // for good
}

// iceSide is what one side tells the other about its ICE session.
type iceSide struct {
	ufrag, pwd string
	candidates []string // values of a=candidate lines
}

// publisherLink is a pion PeerConnection.
type publisherLink struct {
	pc   *webrtc.PeerConnection
	plan *candidatePlan
	// offered is the offer as pion was given it; set by answer.
	offered string
}

// newPublisherLink makes a connection with the codecs, extensions and interceptors that
// its session needs.
func (e *Engine) newPublisherLink(media *webrtc.MediaEngine, interceptors *interceptor.Registry) (*publisherLink, error) {
	plan, err := e.planCandidates()
	if err != nil {
		return nil, err
	}
	set := e.base
	plan.configure(&set)
	api := webrtc.NewAPI(
		webrtc.WithSettingEngine(set), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(interceptors))
	pc, err := api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{e.cert.pion}})
	if err != nil {
		return nil, fmt.Errorf("create peer connection: %w", err)
	}
	return &publisherLink{pc: pc, plan: plan}, nil
}

// watch directs what happens to the connection to a session. Both the ICE and the
// connection state are followed: the first tells of a lost path while there is
// hope, only the second of a client that closed.
func (l *publisherLink) watch(events linkEvents) {
	transport := l.pc.SCTP().Transport()
	transport.OnStateChange(func(state webrtc.DTLSTransportState) {
		events.dtlsChanged(state)
		if state == webrtc.DTLSTransportStateFailed {
			events.down(ErrDTLSFailed)
		}
	})
	transport.ICETransport().OnSelectedCandidatePairChange(func(pair *webrtc.ICECandidatePair) {
		events.pairSelected(l.plan.named(Pair{Local: candidateOf(pair.Local), Remote: candidateOf(pair.Remote)}))
	})
	l.pc.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) {
		events.iceChanged(state)
		if state == webrtc.ICEConnectionStateFailed {
			events.down(ErrICEFailed)
		}
	})
	l.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		events.connectionChanged(state)
		switch state {
		case webrtc.PeerConnectionStateConnected:
			events.up()
		case webrtc.PeerConnectionStateClosed: // by DTLS: our own close has told its reason before
			events.down(ErrRemoteClosed)
		default:
		}
	})
}

// addCandidate adds one of the client's candidates, as the value of an
// a=candidate line.
func (l *publisherLink) addCandidate(value string) error {
	if err := l.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: value}); err != nil {
		return fmt.Errorf("add candidate: %w", err)
	}
	return nil
}

func (l *publisherLink) writeRTCP(packets []rtcp.Packet) error {
	if err := l.pc.WriteRTCP(packets); err != nil {
		return fmt.Errorf("send RTCP: %w", err)
	}
	return nil
}

// close ends the connection, tells the client (DTLS close_notify) and waits for
// pion's goroutines. It must not be called by one of them.
func (l *publisherLink) close() error {
	if err := l.pc.GracefulClose(); err != nil {
		return fmt.Errorf("close peer connection: %w", err)
	}
	return nil
}

// wrongCertificate tells whether the client has shown another certificate than the
// one of its offer.
func (l *publisherLink) wrongCertificate() bool {
	shown := l.pc.SCTP().Transport().GetRemoteCertificate()
	remote, err := describeRemote(l.offered, "", "")
	return err == nil && len(shown) > 0 && errors.Is(remote.verify([][]byte{shown}, nil), errWrongCertificate)
}

// candidatesIn returns the candidates of a session description.
func candidatesIn(description string) []Candidate {
	var candidates []Candidate
	for line := range strings.Lines(description) {
		if value, ok := strings.CutPrefix(line, "a="); ok && strings.HasPrefix(value, "candidate:") {
			candidates = appendCandidate(candidates, strings.TrimSpace(value))
		}
	}
	return candidates
}

// appendCandidate adds the candidate of an a=candidate line, unless it is there
// or makes no sense. Its component does not matter: there is one.
func appendCandidate(candidates []Candidate, value string) []Candidate {
	parsed, err := ice.UnmarshalCandidate(value)
	if err != nil {
		return candidates
	}
	c := Candidate{
		Type:     parsed.Type().String(),
		Protocol: parsed.NetworkType().NetworkShort(),
		Address:  net.JoinHostPort(parsed.Address(), strconv.Itoa(parsed.Port())),
	}
	if slices.Contains(candidates, c) {
		return candidates
	}
	return append(candidates, c)
}

func candidateOf(c *webrtc.ICECandidate) Candidate {
	return Candidate{
		Type:     c.Typ.String(),
		Protocol: c.Protocol.String(),
		Address:  net.JoinHostPort(c.Address, strconv.Itoa(int(c.Port))),
	}
}
