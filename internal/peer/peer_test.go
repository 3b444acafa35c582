package peer_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should happen at once.
const patience = 10 * time.Second

func newEngine(t testing.TB, cfg peer.Config) *peer.Engine {
	t.Helper()
	if cfg.Media == "" {
		cfg.Media = "127.0.0.1:0"
	}
	engine, err := peer.Listen(cfg)
	if err != nil {
		t.Fatalf("Listen: %v", err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Errorf("Engine.Close: %v", err)
		}
	})
	return engine
}

// clientConfig makes a pion client that is like what the test is about.
type clientConfig struct {
	settings    func(*webrtc.SettingEngine)
	interceptor interceptor.Factory // next to the wire
	plain       bool                // no interceptors at all
}

// client is a WHIP or WHEP client on loopback.
type client struct {
	*webrtc.PeerConnection
	connected chan struct{}
	rtcp      chan rtcp.Packet // what a publisher gets back
}

func newClient(t testing.TB, cfg clientConfig) *client {
	t.Helper()
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetInterfaceFilter(func(name string) bool { return strings.HasPrefix(name, "lo") })
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if cfg.settings != nil {
		cfg.settings(&settings)
	}
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	registry := &interceptor.Registry{}
	if cfg.interceptor != nil {
		registry.Add(cfg.interceptor)
	}
	if !cfg.plain {
		if err := webrtc.RegisterDefaultInterceptors(media, registry); err != nil {
			t.Fatal(err)
		}
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{PeerConnection: pc, connected: make(chan struct{}), rtcp: make(chan rtcp.Packet, 1000)}
	var once sync.Once
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(c.connected) })
		}
	})
	t.Cleanup(func() { _ = pc.GracefulClose() })
	return c
}

// publish adds an H.264 and an Opus track.
func (c *client) publish(t testing.TB) (video, audio *webrtc.TrackLocalStaticRTP) {
	t.Helper()
	add := func(mime, id string) *webrtc.TrackLocalStaticRTP {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, id, "stream")
		if err != nil {
			t.Fatal(err)
		}
		transceiver, err := c.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			t.Fatal(err)
		}
		go c.readRTCP(transceiver.Sender())
		return track
	}
	return add(webrtc.MimeTypeH264, "video"), add(webrtc.MimeTypeOpus, "audio")
}

// readRTCP has to run for the client's interceptors to see any RTCP.
func (c *client) readRTCP(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			c.rtcp <- p
		}
	}
}

// watch asks for video and audio.
func (c *client) watch(t testing.TB) {
	t.Helper()
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := c.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
}

// offer returns the client's complete offer.
func (c *client) offer(t testing.TB) string {
	t.Helper()
	offer, err := c.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.PeerConnection)
	if err = c.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	wait(t, gathered, "the client's candidates")
	return c.LocalDescription().SDP
}

func (c *client) accept(t testing.TB, answer string) {
	t.Helper()
	if err := c.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatalf("client refuses the answer: %v\n%s", err, answer)
	}
}

func wait[T any](t testing.TB, done <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-done:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
		panic("unreachable")
	}
}

// eventually polls for what nobody announces.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

func parse(t testing.TB, role negotiate.Role, sdp string) *negotiate.Offer {
	t.Helper()
	offer, err := negotiate.ParseOffer(role, []byte(sdp))
	if err != nil {
		t.Fatalf("ParseOffer: %v\n%s", err, sdp)
	}
	return offer
}

// codecs chooses, by kind, the first payload type of a MIME type, with
// packetization-mode 1 for H.264.
func codecs(t testing.TB, offer *negotiate.Offer, mimes ...string) map[string]negotiate.Format {
	t.Helper()
	chosen := make(map[string]negotiate.Format)
	for _, media := range offer.Media {
		for _, codec := range media.Codecs {
			mode1 := codec.MimeType != webrtc.MimeTypeH264 || strings.Contains(codec.Fmtp, "packetization-mode=1")
			if _, done := chosen[media.Mid]; !done && mode1 && slices.Contains(mimes, codec.MimeType) {
				chosen[media.Mid] = codec
			}
		}
	}
	if len(chosen) != len(mimes) {
		t.Fatalf("the offer has %d of %v", len(chosen), mimes)
	}
	return chosen
}

// reader is a viewer's feedback as functions, each of which may be nil.
type reader struct {
	packets   func([]rtcp.Packet)
	transport func([]byte)
}

func (r reader) HandleRTCP(packets []rtcp.Packet) {
	if r.packets != nil {
		r.packets(packets)
	}
}

func (r reader) HandleTransportFeedback(fci []byte) {
	if r.transport != nil {
		r.transport(fci)
	}
}

// serve runs a session and returns where its reason will come.
func serve(t testing.TB, s *peer.Connection, feedback func([]rtcp.Packet)) <-chan error {
	t.Helper()
	return serveTo(t, s, reader{packets: feedback})
}

func serveTo(t testing.TB, s *peer.Connection, feedback peer.Feedback) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	ctx := context.WithoutCancel(t.Context())
	go func() { ended <- s.Serve(ctx, feedback) }()
	t.Cleanup(func() { s.Close(nil) })
	return ended
}

// without removes the lines of an SDP that begin with one of the prefixes.
func without(sdp string, prefixes ...string) string {
	var kept []string
	for line := range strings.SplitSeq(sdp, "\r\n") {
		drop := false
		for _, p := range prefixes {
			drop = drop || strings.HasPrefix(line, p)
		}
		if !drop {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\r\n")
}

// recorder is a PacketWriter that remembers what it got.
type recorder struct {
	track peer.RemoteTrack

	mu      sync.Mutex
	seqs    map[uint16]int
	types   map[uint8]int
	reports []time.Time
	changes int // of the source
}

func (r *recorder) WriteRTP(p *rtp.Packet) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seqs[p.SequenceNumber]++
	r.types[p.PayloadType]++
	return nil
}

func (r *recorder) ChangeSource() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
}

func (r *recorder) SenderReport(at time.Time, _ uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, at)
}

func (r *recorder) packets() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seqs)
}

// recorders are the tracks of one publisher, by kind.
type recorders struct {
	mu     sync.Mutex
	tracks []*recorder
}

func (r *recorders) onTrack(track peer.RemoteTrack) (peer.PacketWriter, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := &recorder{track: track, seqs: make(map[uint16]int), types: make(map[uint8]int)}
	r.tracks = append(r.tracks, rec)
	return rec, nil
}

// get waits for the track of a codec.
func (r *recorders) get(t testing.TB, mime string) *recorder {
	t.Helper()
	var found *recorder
	eventually(t, "the "+mime+" track", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, rec := range r.tracks {
			if rec.track.Codec.MimeType == mime {
				found = rec
			}
		}
		return found != nil
	})
	return found
}

// send writes numbered packets until stop says that it is enough.
func send(t testing.TB, track *webrtc.TrackLocalStaticRTP, first, count int) {
	t.Helper()
	for i := range count {
		seq := uint16(first + i)
		packet := &rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 3000, Marker: true},
			Payload: []byte{0x41, byte(i), byte(i >> 8)},
		}
		if err := track.WriteRTP(packet); err != nil {
			t.Fatalf("client WriteRTP: %v", err)
		}
	}
}

// line returns the first line of an SDP with a prefix.
func line(sdp, prefix string) string {
	for l := range strings.SplitSeq(sdp, "\r\n") {
		if strings.HasPrefix(l, prefix) {
			return l
		}
	}
	return ""
}

// replaceLine replaces all lines with a prefix.
func replaceLine(sdp, prefix, with string) string {
	lines := strings.Split(sdp, "\r\n")
	for i, l := range lines {
		if strings.HasPrefix(l, prefix) {
			lines[i] = with
		}
	}
	return strings.Join(lines, "\r\n")
}
