package peer_test

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/sessioninfo"
)

// publishing is a publisher connected to an engine.
type publishing struct {
	client       *client
	session      *peer.Connection
	ended        <-chan error
	video, audio *webrtc.TrackLocalStaticRTP
	got          *recorders
}

func startPublishing(t *testing.T, engine *peer.Engine, c *client, edit func(string) string) *publishing {
	t.Helper()
	p := &publishing{client: c, got: &recorders{}}
	p.video, p.audio = c.publish(t)
	sdp := c.offer(t)
	if edit != nil {
		sdp = edit(sdp)
	}
	offer := parse(t, negotiate.Publish, sdp)
	var err error
	p.session, err = engine.Receive(t.Context(), peer.ReceiveConfig{
		Offer: offer, Codecs: peer.OneEach(codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus)), OnTrack: p.got.onTrack,
	})
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	p.ended = serve(t, p.session, nil)
	c.accept(t, p.session.Answer())
	wait(t, c.connected, "the client's connection")
	wait(t, p.session.Connected(), "the session's connection")
	return p
}

func TestPublisherIsReceived(t *testing.T) {
	p := startPublishing(t, newEngine(t, peer.Config{}), newClient(t, clientConfig{}), nil)

	send(t, p.video, 100, 300)
	send(t, p.audio, 7, 50)
	video, audio := p.got.get(t, webrtc.MimeTypeH264), p.got.get(t, webrtc.MimeTypeOpus)
	eventually(t, "all video packets", func() bool { return video.packets() == 300 })
	eventually(t, "all audio packets", func() bool { return audio.packets() == 50 })
	if len(video.types) != 1 || video.types[video.track.Codec.PayloadType] != 300 {
		t.Errorf("video came as payload types %v, want %d only", video.types, video.track.Codec.PayloadType)
	}
	if video.track.Mid != "0" || audio.track.Mid != "1" {
		t.Errorf("mids are %q and %q, want 0 and 1", video.track.Mid, audio.track.Mid)
	}

	eventually(t, "a sender report", func() bool {
		video.mu.Lock()
		defer video.mu.Unlock()
		return len(video.reports) > 0
	})
	if off := time.Since(video.reports[0]).Abs(); off > patience {
		t.Errorf("the report's time is %v away, want the client's clock, which is ours", off)
	}

	info := p.session.Info()
	if info.State != sessioninfo.StateConnected || info.Selected == nil || len(info.Local) == 0 || len(info.Remote) == 0 {
		t.Errorf("Info = %+v, want a connected session with candidates and a pair", info)
	}
	for _, want := range []string{"offer", "answer", "ice connected", "dtls connected", "connected", "first media"} {
		if !hasEvent(info, want) {
			t.Errorf("timeline %v lacks %q", info.Timeline, want)
		}
	}
}

func hasEvent(info sessioninfo.Connection, event string) bool {
	for _, e := range info.Timeline {
		if e.Event == event {
			return true
		}
	}
	return false
}

func TestKeyframeRequestReachesPublisher(t *testing.T) {
	for _, test := range []struct {
		name    string
		drop    string // feedback that the offer lacks
		request func(rtcp.Packet) bool
	}{
		{"PLI when negotiated", "none", func(p rtcp.Packet) bool { _, ok := p.(*rtcp.PictureLossIndication); return ok }},
		{"FIR when there is no PLI", "nack pli", func(p rtcp.Packet) bool { _, ok := p.(*rtcp.FullIntraRequest); return ok }},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t, clientConfig{})
			p := startPublishing(t, newEngine(t, peer.Config{}), c, func(sdp string) string {
				return strings.ReplaceAll(sdp, test.drop, "x-unknown")
			})
			send(t, p.video, 0, 1)
			video := p.got.get(t, webrtc.MimeTypeH264)

			video.track.RequestKeyframe()
			for !test.request(wait(t, c.rtcp, "the request")) {
			}
		})
	}
}

// loser is the client's wire: it loses each tenth packet of the media streams,
// but not retransmissions, and counts those.
type loser struct {
	interceptor.NoOp

	mu     sync.Mutex
	lost   map[uint16]bool
	resent map[uint16]int // by original sequence number
}

func (l *loser) NewInterceptor(string) (interceptor.Interceptor, error) { return l, nil }

func (l *loser) BindLocalStream(info *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		l.mu.Lock()
		lose := false
		switch {
		case h.SSRC != info.SSRC && len(payload) > 2:
			l.resent[uint16(payload[0])<<8|uint16(payload[1])]++
		case info.SSRCRetransmission != 0 && h.SequenceNumber%10 == 5 && !l.lost[h.SequenceNumber]:
			l.lost[h.SequenceNumber], lose = true, true
		}
		l.mu.Unlock()
		if lose {
			return len(payload), nil
		}
		return next.Write(h, payload, a)
	})
}

func TestRetransmissionsFillGapsAndAreAskedForNoMore(t *testing.T) {
	wire := &loser{lost: make(map[uint16]bool), resent: make(map[uint16]int)}
	p := startPublishing(t, newEngine(t, peer.Config{}), newClient(t, clientConfig{interceptor: wire}), nil)
	// Media goes on while the gaps are filled: pion hands out retransmissions
	// when the next packet arrives.
	next := 0
	eventually(t, "100 packets without a gap", func() bool {
		send(t, p.video, next, 1)
		next++
		if next < 120 {
			return false
		}
		video := p.got.get(t, webrtc.MimeTypeH264)
		video.mu.Lock()
		defer video.mu.Unlock()
		for seq := range uint16(100) {
			if video.seqs[seq] == 0 {
				return false
			}
		}
		return true
	})
	wire.mu.Lock()
	before := maps.Clone(wire.resent)
	wire.mu.Unlock()
	if len(before) < 10 {
		t.Errorf("%d packets came as retransmissions, want the 10 that were lost", len(before))
	}
	// Media goes on for longer than it takes to ask several times.
	eventually(t, "more media", func() bool {
		send(t, p.video, next, 1)
		next++
		return next >= 220
	})
	wire.mu.Lock()
	defer wire.mu.Unlock()
	for seq, times := range before {
		if wire.resent[seq] > times+1 { // one may have been on its way
			t.Errorf("packet %d was asked for %d times more although it came", seq, wire.resent[seq]-times)
		}
	}
}

// Firefox and GStreamer may announce no SSRC, and the RFCs do not require it.
func TestTracksWithoutAnnouncedSSRC(t *testing.T) {
	p := startPublishing(t, newEngine(t, peer.Config{}), newClient(t, clientConfig{}), func(sdp string) string {
		return without(sdp, "a=ssrc:", "a=ssrc-group:")
	})
	send(t, p.video, 0, 20)
	send(t, p.audio, 0, 20)
	video, audio := p.got.get(t, webrtc.MimeTypeH264), p.got.get(t, webrtc.MimeTypeOpus)
	eventually(t, "video", func() bool { return video.packets() > 10 })
	eventually(t, "audio", func() bool { return audio.packets() > 10 })
	if video.track.Mid != "0" || audio.track.Mid != "1" {
		t.Errorf("mids are %q and %q, want 0 and 1", video.track.Mid, audio.track.Mid)
	}
}

func TestSimulcastLayersAreTold(t *testing.T) {
	c := newClient(t, clientConfig{})
	sender, layers := c.addLayers(t, "a", "b")
	got := &recorders{}
	offer := parse(t, negotiate.Publish, without(c.offer(t), "a=ssrc:", "a=ssrc-group:"))
	engine := newEngine(t, peer.Config{})
	s, err := engine.Receive(t.Context(), peer.ReceiveConfig{
		Offer: offer, Codecs: peer.OneEach(codecs(t, offer, webrtc.MimeTypeH264)), OnTrack: got.onTrack,
	})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s, nil)
	c.accept(t, s.Answer())
	wait(t, c.connected, "the connection")

	mid := extensionID(t, sender, "urn:ietf:params:rtp-hdrext:sdes:mid")
	rid := extensionID(t, sender, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id")
	seq := uint16(0)
	eventually(t, "both layers", func() bool {
		for _, layer := range layers {
			packet := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}, Payload: []byte{0x41, 1}}
			if err := errors.Join(packet.SetExtension(mid, []byte("0")), packet.SetExtension(rid, []byte(layer.RID()))); err != nil {
				t.Fatal(err)
			}
			if err := layer.WriteRTP(packet); err != nil {
				t.Fatal(err)
			}
		}
		seq++
		got.mu.Lock()
		defer got.mu.Unlock()
		return len(got.tracks) == 2
	})
	if a, b := got.tracks[0].track.RID, got.tracks[1].track.RID; a == b || a == "" || b == "" {
		t.Errorf("layers are %q and %q, want a and b", a, b)
	}
}

// addLayers adds an H.264 track of several layers.
func (c *client) addLayers(t *testing.T, rids ...string) (*webrtc.RTPSender, []*webrtc.TrackLocalStaticRTP) {
	t.Helper()
	var sender *webrtc.RTPSender
	var layers []*webrtc.TrackLocalStaticRTP
	for _, rid := range rids {
		layer, err := webrtc.NewTrackLocalStaticRTP(
			webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264}, "video", "stream", webrtc.WithRTPStreamID(rid))
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, layer)
		if sender == nil {
			sender, err = c.AddTrack(layer)
		} else {
			err = sender.AddEncoding(layer)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return sender, layers
}

func extensionID(t *testing.T, sender *webrtc.RTPSender, uri string) uint8 {
	t.Helper()
	for _, x := range sender.GetParameters().HeaderExtensions {
		if x.URI == uri {
			return uint8(x.ID)
		}
	}
	t.Fatalf("%s was not negotiated", uri)
	return 0
}

// FFmpeg knows this profile only.
func TestPublisherWithoutGCM(t *testing.T) {
	c := newClient(t, clientConfig{settings: func(s *webrtc.SettingEngine) {
		s.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	}})
	p := startPublishing(t, newEngine(t, peer.Config{}), c, nil)
	send(t, p.video, 0, 10)
	video := p.got.get(t, webrtc.MimeTypeH264)
	eventually(t, "video", func() bool { return video.packets() == 10 })
}

func TestWriterErrorEndsSession(t *testing.T) {
	gone := errors.New("stream is gone")
	c := newClient(t, clientConfig{})
	video, _ := c.publish(t)
	offer := parse(t, negotiate.Publish, c.offer(t))
	s, err := newEngine(t, peer.Config{}).Receive(t.Context(), peer.ReceiveConfig{
		Offer: offer, Codecs: peer.OneEach(codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus)),
		OnTrack: func(peer.RemoteTrack) (peer.PacketWriter, error) { return nil, gone },
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := serve(t, s, nil)
	c.accept(t, s.Answer())
	wait(t, c.connected, "the client's connection")
	wait(t, s.Connected(), "the session's connection")
	send(t, video, 0, 5)
	if err := wait(t, ended, "the session's end"); !errors.Is(err, gone) {
		t.Errorf("Serve = %v, want %v", err, gone)
	}
}
