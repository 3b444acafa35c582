package conformance_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// peer is a WHIP or WHEP client.
type peer struct {
	t      testing.TB
	server *server
	pc     *webrtc.PeerConnection
	wire   *wire

	offer   string // as it was sent
	reply   reply  // to the POST
	session string // URL

	connected chan struct{} // closed when the connection is up
	ended     chan struct{} // closed when the server said goodbye or is lost
	received  map[string]*track
	sending   map[string]*sender // by kind
}

// role is what makes clients different. The zero value is an ordinary one.
type role struct {
	codecs   []codec // those which it knows, in the order of preference
	settings func(*webrtc.SettingEngine)
	offer    func(string) string // changes the offer on the wire
	answer   func(string) string // changes the answer before it is taken
	headers  []string            // of the POST
	features []func(*webrtc.MediaEngine, *interceptor.Registry) error
	bare     bool // no interceptors: it sends no feedback of its own
}

// codec is one that a client offers.
type codec struct {
	kind string
	webrtc.RTPCodecParameters
}

func video(pt webrtc.PayloadType, mime, fmtp string, feedback ...string) codec {
	c := codec{kind: "video"}
	c.PayloadType, c.MimeType, c.ClockRate, c.SDPFmtpLine = pt, mime, 90000, fmtp
	for _, f := range feedback {
		kind, parameter, _ := strings.Cut(f, " ")
		c.RTCPFeedback = append(c.RTCPFeedback, webrtc.RTCPFeedback{Type: kind, Parameter: parameter})
	}
	return c
}

// The codecs that most tests use.
var (
	vp8  = video(96, webrtc.MimeTypeVP8, "", "nack", "nack pli", "ccm fir")
	vp9  = video(98, webrtc.MimeTypeVP9, "profile-id=0", "nack", "nack pli")
	h264 = video(102, webrtc.MimeTypeH264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", "nack", "nack pli")
	rtx  = video(97, webrtc.MimeTypeRTX, "apt=96")
	opus = codec{kind: "audio", RTPCodecParameters: webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
	}}}
)

// newPeer makes a client with one UDP socket on 127.0.0.1, which ends with the
// test.
func newPeer(t testing.TB, s *server, r role) *peer {
	t.Helper()
	p := &peer{
		t: t, server: s, wire: newWire(t),
		connected: make(chan struct{}), ended: make(chan struct{}),
		received: map[string]*track{"audio": newTrack(), "video": newTrack()}, sending: make(map[string]*sender),
	}
	quiet := &logging.DefaultLoggerFactory{Writer: io.Discard} // sockets are broken here on purpose
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: p.wire, Logger: quiet.NewLogger("ice")})
	settings := webrtc.SettingEngine{LoggerFactory: quiet}
	settings.SetICEUDPMux(mux)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(net.IP.IsLoopback)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if r.settings != nil {
		r.settings(&settings)
	}
	var media webrtc.MediaEngine
	var registry interceptor.Registry
	for _, c := range r.codecs {
		if err := media.RegisterCodec(c.RTPCodecParameters, webrtc.NewRTPCodecType(c.kind)); err != nil {
			t.Fatal(err)
		}
	}
	if !r.bare {
		err := errors.Join(
			webrtc.ConfigureRTCPReports(&registry),
			webrtc.ConfigureTWCCHeaderExtensionSender(&media, &registry),
			webrtc.ConfigureSimulcastExtensionHeaders(&media),
		)
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, add := range r.features {
		if err := add(&media, &registry); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	p.pc, err = webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(&media),
		webrtc.WithInterceptorRegistry(&registry)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	p.watch()
	t.Cleanup(func() {
		p.leave()
		_ = mux.Close() // closes the wire
	})
	return p
}

// watch follows the connection and reads what comes.
func (p *peer) watch() {
	var up, down sync.Once
	p.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			up.Do(func() { close(p.connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			down.Do(func() { close(p.ended) })
		default:
		}
	})
	p.pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		t := p.received[remote.Kind().String()]
		t.begin(remote)
		go func() { // ends with the connection
			for {
				packets, _, err := receiver.ReadRTCP()
				if err != nil {
					return
				}
				t.report(packets)
			}
		}()
		for {
			packet, _, err := remote.ReadRTP()
			if err != nil {
				return
			}
			t.add(packet)
		}
	})
}

// makeOffer makes the complete offer.
func (p *peer) makeOffer(edit func(string) string) string {
	p.t.Helper()
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(offer); err != nil {
		p.t.Fatal(err)
	}
	wait(p.t, patience, "the client's own candidates", gathered)
	text := p.pc.LocalDescription().SDP
	if edit != nil {
		text = edit(text)
	}
	return text
}

// join posts the offer, which must be taken, and takes the answer.
func (p *peer) join(path string, r role) *peer {
	p.t.Helper()
	p.offer = p.makeOffer(r.offer)
	p.reply = p.server.created(path, p.offer, r.headers...)
	p.session = p.reply.session()
	p.take(r)
	return p
}

func (p *peer) take(r role) {
	p.t.Helper()
	answer := p.reply.body
	if r.answer != nil {
		answer = r.answer(answer)
	}
	err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
	if err != nil {
		p.t.Fatalf("the client refuses the answer: %v\n%s", err, answer)
	}
}

// up waits for the connection.
func (p *peer) up() *peer {
	p.t.Helper()
	wait(p.t, patience, "the connection", p.connected)
	return p
}

// leave says goodbye over DTLS and ends all that belongs to the client.
func (p *peer) leave() {
	for _, s := range p.sending {
		s.end()
	}
	if err := p.pc.GracefulClose(); err != nil {
		p.t.Errorf("close the client: %v", err)
	}
}

// vanish is a client that was killed: nothing goes out any more, no goodbye.
func (p *peer) vanish() { p.wire.dead.Store(true) }

// gone waits until the session's URL is 404.
func (p *peer) gone(within time.Duration, headers ...string) {
	p.t.Helper()
	until(p.t, within, "the session to be gone", func() bool {
		return p.server.do(http.MethodGet, p.session, "", headers...).status == http.StatusNotFound
	})
}

// newPublisher makes a client that sends the first codec of each kind.
func newPublisher(t testing.TB, s *server, r role) *peer {
	t.Helper()
	p := newPeer(t, s, r)
	for _, c := range r.codecs {
		if p.sending[c.kind] != nil || c.MimeType == webrtc.MimeTypeRTX {
			continue
		}
		local, err := webrtc.NewTrackLocalStaticRTP(c.RTPCodecCapability, c.kind, "stream")
		if err != nil {
			t.Fatal(err)
		}
		transceiver, err := p.pc.AddTransceiverFromTrack(local, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			t.Fatal(err)
		}
		p.sending[c.kind] = newSender(local, c, transceiver.Sender())
	}
	return p
}

// publish makes a stream live with an ordinary publisher that differs by r.
func publish(t testing.TB, s *server, stream string, r role) *peer {
	t.Helper()
	if r.codecs == nil {
		r.codecs = []codec{vp8, opus}
	}
	p := newPublisher(t, s, r).join("/whip/"+stream, r).up()
	p.send()
	until(t, patience, "the stream to be live", func() bool { return s.stream(stream).Live })
	return p
}

// newViewer makes a client that receives one track of each kind.
func newViewer(t testing.TB, s *server, r role) *peer {
	t.Helper()
	p := newPeer(t, s, r)
	kinds := make(map[string]bool)
	for _, c := range r.codecs {
		if kinds[c.kind] {
			continue
		}
		kinds[c.kind] = true
		_, err := p.pc.AddTransceiverFromKind(webrtc.NewRTPCodecType(c.kind),
			webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// watchStream joins a live stream with an ordinary viewer that differs by r.
func watchStream(t testing.TB, s *server, stream string, r role) *peer {
	t.Helper()
	if r.codecs == nil {
		r.codecs = []codec{vp8, opus}
	}
	return newViewer(t, s, r).join("/whep/"+stream, r).up()
}

// plays waits until packets of each kind have come.
func (p *peer) plays(kinds ...string) *peer {
	p.t.Helper()
	for _, kind := range kinds {
		more := p.received[kind].count() + 5
		until(p.t, patience, kind+" packets", func() bool { return p.received[kind].count() >= more })
	}
	return p
}

// track is what a viewer has received of one kind. Safe for concurrent use.
type track struct {
	mu      sync.Mutex
	remote  *webrtc.TrackRemote  // guarded by mu
	packets []*rtp.Packet        // in the order of arrival; guarded by mu
	times   []time.Time          // of their arrival; guarded by mu
	reports []*rtcp.SenderReport // guarded by mu
	cnames  map[uint32]string    // guarded by mu
	raw     []rtcp.RawPacket     // reports of other kinds; guarded by mu
}

func newTrack() *track { return &track{cnames: make(map[uint32]string)} }

func (t *track) begin(remote *webrtc.TrackRemote) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remote = remote
}

func (t *track) add(packet *rtp.Packet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.packets = append(t.packets, packet)
	t.times = append(t.times, time.Now())
}

func (t *track) report(packets []rtcp.Packet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, packet := range packets {
		switch p := packet.(type) {
		case *rtcp.SenderReport:
			t.reports = append(t.reports, p)
		case *rtcp.RawPacket:
			t.raw = append(t.raw, *p)
		case *rtcp.SourceDescription:
			for _, chunk := range p.Chunks {
				for _, item := range chunk.Items {
					if item.Type == rtcp.SDESCNAME {
						t.cnames[chunk.Source] = item.Text
					}
				}
			}
		}
	}
}

// seen returns what has come so far.
func (t *track) seen() []*rtp.Packet {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clip(t.packets)
}

func (t *track) count() int { return len(t.seen()) }

// codec returns the codec that the client believes to receive.
func (t *track) codec() webrtc.RTPCodecParameters {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.remote == nil {
		return webrtc.RTPCodecParameters{}
	}
	return t.remote.Codec()
}

// lastReport returns the newest sender report and the CNAME of its source.
func (t *track) lastReport() (*rtcp.SenderReport, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.reports) == 0 {
		return nil, ""
	}
	r := t.reports[len(t.reports)-1]
	return r, t.cnames[r.SSRC]
}
