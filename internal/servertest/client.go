package servertest

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// codecs are those that clients can be told to offer, with the parameters that
// browsers give them.
func codecs() map[string]webrtc.RTPCodecParameters {
	video := func(pt webrtc.PayloadType, mime, fmtp string) webrtc.RTPCodecParameters {
		return webrtc.RTPCodecParameters{PayloadType: pt, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: mime, ClockRate: 90000, SDPFmtpLine: fmtp,
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}},
		}}
	}
	return map[string]webrtc.RTPCodecParameters{
		webrtc.MimeTypeVP8:  video(96, webrtc.MimeTypeVP8, ""),
		webrtc.MimeTypeVP9:  video(98, webrtc.MimeTypeVP9, "profile-id=0"),
		webrtc.MimeTypeH264: video(102, webrtc.MimeTypeH264, "packetization-mode=1;profile-level-id=42e01f"),
		webrtc.MimeTypeOpus: {PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
		}},
		webrtc.MimeTypePCMU: {PayloadType: 0, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypePCMU, ClockRate: 8000,
		}},
	}
}

// Client is a WHIP or WHEP client.
type Client struct {
	*webrtc.PeerConnection
	t testing.TB

	Connected chan struct{}                          // closed
	Ended     chan struct{}                          // closed when the server has said goodbye or is lost
	Tracks    chan *webrtc.TrackRemote               // that have begun to arrive
	Sending   map[string]*webrtc.TrackLocalStaticRTP // by codec
	// Rewrite, when set, changes the header of each packet on its way out.
	Rewrite atomic.Pointer[func(*rtp.Header)]
}

// rewriter is a client's interceptor next to the wire.
type rewriter struct {
	interceptor.NoOp
	client *Client
}

func (r *rewriter) NewInterceptor(string) (interceptor.Interceptor, error) { return r, nil }

func (r *rewriter) BindLocalStream(_ *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		if rewrite := r.client.Rewrite.Load(); rewrite != nil {
			changed := h.Clone()
			(*rewrite)(&changed)
			h = &changed
		}
		return next.Write(h, payload, a)
	})
}

// newClient makes a client that knows these codecs only.
func newClient(t testing.TB, mimes []string) *Client {
	t.Helper()
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetInterfaceFilter(func(name string) bool { return strings.HasPrefix(name, "lo") })
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	media := &webrtc.MediaEngine{}
	for _, mime := range mimes {
		if err := media.RegisterCodec(codecs()[mime], kindOf(mime)); err != nil {
			t.Fatal(err)
		}
	}
	c := &Client{
		t: t, Sending: make(map[string]*webrtc.TrackLocalStaticRTP),
		Connected: make(chan struct{}), Ended: make(chan struct{}),
		Tracks: make(chan *webrtc.TrackRemote, 2), // one of each kind
	}
	registry := &interceptor.Registry{}
	registry.Add(&rewriter{client: c})
	if err := webrtc.RegisterDefaultInterceptors(media, registry); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry)).
		NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	c.PeerConnection = pc
	var up, down sync.Once
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			up.Do(func() { close(c.Connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			down.Do(func() { close(c.Ended) })
		default:
		}
	})
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { c.Tracks <- track })
	t.Cleanup(c.Leave)
	return c
}

func kindOf(mime string) webrtc.RTPCodecType {
	kind, _, _ := strings.Cut(mime, "/")
	return webrtc.NewRTPCodecType(kind)
}

// NewPublisher makes a client that sends one track of each codec.
func NewPublisher(t testing.TB, mimes ...string) *Client {
	t.Helper()
	c := newClient(t, mimes)
	for _, mime := range mimes {
		track, err := webrtc.NewTrackLocalStaticRTP(codecs()[mime].RTPCodecCapability, mime, "stream")
		if err != nil {
			t.Fatal(err)
		}
		init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
		if _, err := c.AddTransceiverFromTrack(track, init); err != nil {
			t.Fatal(err)
		}
		c.Sending[mime] = track
	}
	return c
}

// NewViewer makes a client that receives one track of each kind among the codecs.
func NewViewer(t testing.TB, mimes ...string) *Client {
	t.Helper()
	c := newClient(t, mimes)
	kinds := make(map[webrtc.RTPCodecType]bool)
	for _, mime := range mimes {
		kind := kindOf(mime)
		if kinds[kind] {
			continue
		}
		kinds[kind] = true
		init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
		if _, err := c.AddTransceiverFromKind(kind, init); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// NewReceiver makes a client that knows these codecs and waits for an offer.
func NewReceiver(t testing.TB, mimes ...string) *Client {
	t.Helper()
	return newClient(t, mimes)
}

// Offer returns a complete offer.
func (c *Client) Offer() string {
	c.t.Helper()
	offer, err := c.CreateOffer(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.PeerConnection)
	if err := c.SetLocalDescription(offer); err != nil {
		c.t.Fatal(err)
	}
	Wait(c.t, "the client's candidates", gathered)
	return c.LocalDescription().SDP
}

// Join posts the client's offer and takes the answer; it returns the session's path.
func (c *Client) Join(s *Server, path string) string {
	c.t.Helper()
	return c.Accept(s.Post(path, c.Offer()))
}

// Accept takes the answer to the client's offer; it returns the session's path.
func (c *Client) Accept(r Reply) string {
	c.t.Helper()
	if r.Status != 201 {
		c.t.Fatalf("POST: status %d: %s", r.Status, r.Body)
	}
	if err := c.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.Body}); err != nil {
		c.t.Fatalf("the client refuses the answer: %v\n%s", err, r.Body)
	}
	return r.Header.Get("Location")
}

// Send sends one picture or sound in one packet; VP8 pictures are all keyframes.
func (c *Client) Send(mime string, seq uint16) {
	c.t.Helper()
	c.SendPayload(mime, seq, []byte{0x10, 0x00, byte(seq)})
}

// SendPayload is Send with another picture or sound.
func (c *Client) SendPayload(mime string, seq uint16, payload []byte) {
	c.t.Helper()
	packet := &rtp.Packet{
		Header:  rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 960, Marker: true},
		Payload: payload,
	}
	if err := c.Sending[mime].WriteRTP(packet); err != nil {
		c.t.Errorf("send: %v", err)
	}
}

// Leave closes the client's connection and waits for all that belongs to it.
func (c *Client) Leave() {
	if err := c.GracefulClose(); err != nil {
		c.t.Errorf("close the client: %v", err)
	}
}
