package peer_test

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
)

// edits are what happens to the texts on their way.
type edits struct{ offer, answer func(string) string }

// watching is a viewer connected to an engine.
type watching struct {
	client  *client
	session *peer.Connection
	ended   <-chan error
	packets chan *rtp.Packet

	mu       sync.Mutex
	feedback []rtcp.Packet
}

func startWatching(t testing.TB, engine *peer.Engine, c *client, edit edits) *watching {
	t.Helper()
	w := &watching{client: c, packets: make(chan *rtp.Packet, 1000)}
	c.watch(t)
	c.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			select {
			case w.packets <- packet:
			default: // the test does not look at them
			}
		}
	})
	sdp := c.offer(t)
	if edit.offer != nil {
		sdp = edit.offer(sdp)
	}
	offer := parse(t, negotiate.Watch, sdp)
	var err error
	w.session, err = engine.Send(t.Context(), peer.SendConfig{
		Offer: offer, Codecs: codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus), StreamID: "webcam",
	})
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	w.ended = serve(t, w.session, func(packets []rtcp.Packet) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.feedback = append(w.feedback, packets...)
	})
	answer := w.session.Answer()
	if edit.answer != nil {
		answer = edit.answer(answer)
	}
	c.accept(t, answer)
	wait(t, c.connected, "the client's connection")
	wait(t, w.session.Connected(), "the session's connection")
	return w
}

func (w *watching) write(t testing.TB, track peer.SendTrack, seq uint16) {
	t.Helper()
	header := &rtp.Header{Version: 2, SSRC: track.SSRC, PayloadType: track.PayloadType, SequenceNumber: seq}
	if _, err := w.session.WriteRTP(header, []byte{0x41, 1, 2, 3}); err != nil {
		t.Fatalf("WriteRTP: %v", err)
	}
}

// send writes a packet and lets it leave.
func (w *watching) send(t testing.TB, track peer.SendTrack, seq uint16) {
	t.Helper()
	w.write(t, track, seq)
	if err := w.session.Flush(); err != nil {
		t.Errorf("Flush: %v", err)
	}
}

func (w *watching) count(match func(rtcp.Packet) bool) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, p := range w.feedback {
		if match(p) {
			n++
		}
	}
	return n
}

func TestViewerReceives(t *testing.T) {
	w := startWatching(t, newEngine(t, peer.Config{}), newClient(t, clientConfig{}), edits{})
	tracks := w.session.Tracks()
	if len(tracks) != 2 || tracks[0].Kind != "video" || tracks[1].Kind != "audio" {
		t.Fatalf("Tracks = %+v, want video and audio in the order of the offer", tracks)
	}
	video := tracks[0]
	if video.RTXSSRC == 0 || video.RTXPayloadType == 0 || video.MIDExtensionID == 0 || tracks[1].RTXSSRC != 0 {
		t.Errorf("Tracks = %+v, want RTX for video and the MID extension", tracks)
	}
	if n := strings.Count(w.session.Answer(), "a=msid:webcam "); n != 2 {
		t.Errorf("the answer names the stream %d times, want once per track", n)
	}
	for _, track := range tracks {
		w.send(t, track, 1000)
		packet := wait(t, w.packets, "a packet")
		if packet.SSRC != track.SSRC || packet.PayloadType != track.PayloadType || packet.SequenceNumber != 1000 {
			t.Errorf("got %v, want the header that was written", packet.Header)
		}
	}
	if err := w.session.WriteRTCP([]rtcp.Packet{&rtcp.SenderReport{SSRC: video.SSRC}}); err != nil {
		t.Errorf("WriteRTCP: %v", err)
	}
	if _, err := w.session.WriteRTP(&rtp.Header{SSRC: video.SSRC + 1}, nil); !errors.Is(err, peer.ErrUnknownSSRC) {
		t.Errorf("WriteRTP of a foreign SSRC = %v, want ErrUnknownSSRC", err)
	}
	w.session.Close(nil)
	if _, err := w.session.WriteRTP(&rtp.Header{SSRC: video.SSRC}, nil); !errors.Is(err, peer.ErrNotConnected) {
		t.Errorf("WriteRTP after Close = %v, want ErrNotConnected", err)
	}
	if err := w.session.WriteRTCP(nil); !errors.Is(err, peer.ErrNotConnected) {
		t.Errorf("WriteRTCP after Close = %v, want ErrNotConnected", err)
	}
}

func TestViewersPicturesLeaveInBatches(t *testing.T) {
	registry := prometheus.NewRegistry()
	w := startWatching(t, newEngine(t, peer.Config{Registerer: registry}), newClient(t, clientConfig{}), edits{})
	const packets = 12
	for i := range uint16(packets) {
		w.write(t, w.session.Tracks()[0], 1000+i)
	}
	select {
	case p := <-w.packets:
		t.Errorf("packet %d left before Flush", p.SequenceNumber)
	default:
	}
	if err := w.session.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range uint16(packets) {
		if p := wait(t, w.packets, "a packet"); p.SequenceNumber != 1000+i {
			t.Errorf("packet %d came as number %d", p.SequenceNumber, i)
		}
	}
	if runtime.GOOS == "linux" { // others have no batches
		if n := counterValue(t, registry, "porthole_socket_batches_total"); n != 1 {
			t.Errorf("%v system calls sent them, want 1", n)
		}
	}
}

func counterValue(t testing.TB, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func TestViewerFeedbackArrivesOnce(t *testing.T) {
	w := startWatching(t, newEngine(t, peer.Config{}), newClient(t, clientConfig{plain: true}), edits{})
	video, audio := w.session.Tracks()[0].SSRC, w.session.Tracks()[1].SSRC
	err := w.client.WriteRTCP([]rtcp.Packet{
		// About both tracks: pion hands it to both readers.
		&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: audio}, {SSRC: video}}},
		&rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: video, Nacks: []rtcp.NackPair{{PacketID: 7}}},
		&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: video},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		match func(rtcp.Packet) bool
	}{
		{"NACK", func(p rtcp.Packet) bool { n, ok := p.(*rtcp.TransportLayerNack); return ok && n.MediaSSRC == video }},
		{"PLI", func(p rtcp.Packet) bool { n, ok := p.(*rtcp.PictureLossIndication); return ok && n.MediaSSRC == video }},
		{"report", func(p rtcp.Packet) bool { n, ok := p.(*rtcp.ReceiverReport); return ok && len(n.Reports) == 2 }},
	} {
		eventually(t, test.name, func() bool { return w.count(test.match) > 0 })
		if n := w.count(test.match); n != 1 {
			t.Errorf("%s came %d times, want once", test.name, n)
		}
	}
}

func TestViewerOverTCPOnly(t *testing.T) {
	c := newClient(t, clientConfig{settings: func(s *webrtc.SettingEngine) {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}})
	w := startWatching(t, newEngine(t, peer.Config{}), c, edits{})
	w.send(t, w.session.Tracks()[0], 1)
	wait(t, w.packets, "a packet")
	if pair := w.session.Info().Selected; pair == nil || pair.Local.Protocol != "tcp" {
		t.Errorf("selected pair is %+v, want TCP", pair)
	}
}

// OBS and FFmpeg send no candidates: they are found by their checks. A browser
// that watches has only .local ones, which are worth as much.
func TestOfferWithoutUsableCandidatesConnects(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(string) string
	}{
		{"none", func(sdp string) string { return without(sdp, "a=candidate:", "a=end-of-candidates") }},
		{"mDNS only", func(sdp string) string {
			return strings.ReplaceAll(sdp, "127.0.0.1", "8a3b6c1e-6f1b-4d5e-9a3c-0123456789ab.local")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := startWatching(t, newEngine(t, peer.Config{}), newClient(t, clientConfig{}), edits{offer: test.edit})
			if pair := w.session.Info().Selected; pair == nil || pair.Remote.Type != "prflx" {
				t.Errorf("selected pair is %+v, want a peer-reflexive client", pair)
			}
		})
	}
}

func TestVideoOnlyStreamForViewerOfBoth(t *testing.T) {
	c := newClient(t, clientConfig{})
	c.watch(t)
	offer := parse(t, negotiate.Watch, c.offer(t))
	for _, mime := range []string{webrtc.MimeTypeH264, webrtc.MimeTypeOpus} {
		s, err := newEngine(t, peer.Config{}).Send(t.Context(), peer.SendConfig{
			Offer: offer, Codecs: codecs(t, offer, mime), StreamID: "webcam",
		})
		if err != nil {
			t.Fatalf("only %s: %v", mime, err)
		}
		if got := len(s.Tracks()); got != 1 {
			t.Errorf("only %s: %d tracks, want 1", mime, got)
		}
		if !strings.Contains(s.Answer(), "a=candidate:") {
			t.Errorf("only %s: no candidates in\n%s", mime, s.Answer())
		}
		s.Close(nil)
	}
}
