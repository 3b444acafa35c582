package whep_test

import (
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/peer"
	"porthole/internal/servertest"
	"porthole/internal/sessioninfo"
	"porthole/whep"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	vp8  = webrtc.MimeTypeVP8
	vp9  = webrtc.MimeTypeVP9
	opus = webrtc.MimeTypeOpus
	pcmu = webrtc.MimeTypePCMU
)

// source publishes on cam without a connection.
type source struct {
	*broadcast.Publisher
	layers []*broadcast.Layer
	seq    uint16
}

func codecOf(mime string) codec.Codec {
	switch mime {
	case opus:
		return codec.Codec{MimeType: opus, ClockRate: 48000, Channels: 2}
	case pcmu:
		return codec.Codec{MimeType: pcmu, ClockRate: 8000}
	case webrtc.MimeTypeH264:
		return codec.Codec{MimeType: mime, ClockRate: 90000, Fmtp: "packetization-mode=1;profile-level-id=42e01f"}
	default:
		return codec.Codec{MimeType: mime, ClockRate: 90000}
	}
}

// publish makes cam live.
func publish(t *testing.T, s *servertest.Server, mimes ...string) *source {
	t.Helper()
	var kinds []codec.Kind
	for _, mime := range mimes {
		kinds = append(kinds, codecOf(mime).Kind())
	}
	p, err := s.Broadcaster.Publish("cam", broadcast.PublisherConfig{Source: "test", Kinds: kinds})
	if err != nil {
		t.Fatal(err)
	}
	src := &source{Publisher: p}
	for _, mime := range mimes {
		layer, err := p.AddLayer(broadcast.LayerConfig{Codec: codecOf(mime)})
		if err != nil {
			t.Fatal(err)
		}
		src.layers = append(src.layers, layer)
	}
	src.send(t)
	return src
}

// send sends one picture, a keyframe, and one sound.
func (src *source) send(t *testing.T) {
	t.Helper()
	src.seq++
	for _, layer := range src.layers {
		payload := []byte{0x10, 0x00, byte(src.seq)} // the beginning of a VP8 keyframe
		switch layer.Codec().MimeType {
		case vp9:
			payload = []byte{0x0c, 0x00}
		case webrtc.MimeTypeH264:
			payload = []byte{0x65, 0x88}
		}
		err := layer.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: src.seq, Timestamp: uint32(src.seq) * 3000, Marker: true},
			Payload: payload,
		})
		if err != nil {
			t.Fatalf("WriteRTP: %v", err)
		}
	}
}

func viewers(s *servertest.Server) int {
	info, _ := s.Broadcaster.Stream("cam")
	return info.Viewers
}

// free waits until no viewer and no session has a place.
func free(t *testing.T, s *servertest.Server) {
	t.Helper()
	servertest.Until(t, "all places to be free", func() bool { return viewers(s) == 0 && s.Table.Len() == 0 })
}

// receive sends until the client has tracks of these codecs and a packet of each.
func receive(t *testing.T, src *source, c *servertest.Client, mimes ...string) {
	t.Helper()
	servertest.Wait(t, "the viewer's connection", c.Connected)
	var tracks []*webrtc.TrackRemote
	servertest.Until(t, "the viewer's tracks", func() bool {
		src.send(t)
		select {
		case track := <-c.Tracks:
			tracks = append(tracks, track)
		default:
		}
		return len(tracks) == len(mimes)
	})
	got := make(map[string]bool)
	for _, track := range tracks {
		if err := track.SetReadDeadline(time.Now().Add(servertest.Patience)); err != nil {
			t.Fatal(err)
		}
		packet, _, err := track.ReadRTP()
		if err != nil || packet.SSRC != uint32(track.SSRC()) || packet.PayloadType != uint8(track.PayloadType()) {
			t.Errorf("packet %v, %v", packet, err)
		}
		got[track.Codec().MimeType] = true
	}
	for _, mime := range mimes {
		if !got[mime] {
			t.Errorf("no %s came, but %v", mime, got)
		}
	}
}

func TestWatch(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	src := publish(t, s, vp8, opus)
	c := servertest.NewViewer(t, vp9, vp8, opus) // SDP-14: what is sent, not what is preferred
	location := c.Join(s, "/whep/cam")
	receive(t, src, c, vp8, opus)

	answer := c.RemoteDescription().SDP
	if strings.Count(answer, "a=sendonly\r\n") != 2 { // WHEP-01
		t.Errorf("answer:\n%s", answer)
	}
	info, ok := s.Table.Info(path.Base(location))
	if !ok || info.State != sessioninfo.StateConnected || info.Viewer == nil || info.Viewer.Packets == 0 || info.Peer.Selected == nil {
		t.Errorf("session info %+v, %v", info, ok)
	}
	if r := s.Do("DELETE", location, ""); r.Status != 200 {
		t.Errorf("DELETE: status %d", r.Status)
	}
	if viewers(s) != 0 || s.Table.Len() != 0 {
		t.Error("the places are not free when the DELETE is answered")
	}
	servertest.Wait(t, "the goodbye", c.Ended)
}

// From WHIP to WHEP, through everything.
func TestRelay(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	p := servertest.NewPublisher(t, vp8, opus)
	p.Join(s, "/whip/cam")
	servertest.Wait(t, "the publisher's connection", p.Connected)
	seq := uint16(0)
	send := func() {
		seq++
		p.Send(vp8, seq)
		p.Send(opus, seq)
	}
	servertest.Until(t, "the stream to be live", func() bool {
		send()
		info, _ := s.Broadcaster.Stream("cam")
		return info.Live
	})
	c := servertest.NewViewer(t, vp8, opus)
	c.Join(s, "/whep/cam")
	servertest.Wait(t, "the viewer's connection", c.Connected)
	tracks := 0
	servertest.Until(t, "both tracks", func() bool {
		send()
		select {
		case <-c.Tracks:
			tracks++
		default:
		}
		return tracks == 2
	})
}

// WHEP-05
func TestNobodyPublishes(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	offer := servertest.NewViewer(t, vp8).Offer()
	if r := s.Post("/whep/cam", offer); r.Status != 409 || r.Header.Get("Retry-After") != "2" {
		t.Errorf("status %d, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
	}
}

// WHEP-08, WHEP-09, SDP-14: what is sent against what is offered.
func TestCodecs(t *testing.T) {
	for name, tt := range map[string]struct {
		sent, offered []string
		want          int
		inAnswer      []string
		named         []string // in the text of the refusal
	}{
		"both":                       {sent: []string{vp8, opus}, offered: []string{vp8, opus}, want: 201},
		"video only, both asked for": {sent: []string{vp8}, offered: []string{opus, vp8}, want: 201, inAnswer: []string{"VP8", "a=fmtp:111 stereo=1;sprop-stereo=1"}},
		"video only, audio that cannot be foreseen":   {sent: []string{vp8}, offered: []string{pcmu, vp8}, want: 201, inAnswer: []string{"a=inactive", "VP8"}},
		"audio only, both asked for":                  {sent: []string{opus}, offered: []string{vp8, opus}, want: 201, inAnswer: []string{"a=inactive", "opus"}},
		"both sent, audio asked for":                  {sent: []string{vp8, opus}, offered: []string{opus}, want: 201},
		"picture without its sound":                   {sent: []string{vp8, pcmu}, offered: []string{vp8, opus}, want: 201, inAnswer: []string{"m=audio 0"}},
		"sound without its picture":                   {sent: []string{vp9, opus}, offered: []string{vp8, opus}, want: 422, named: []string{"VP9", "VP8"}},
		"no codec in common":                          {sent: []string{pcmu}, offered: []string{opus}, want: 422, named: []string{"PCMU", "opus"}},
		"no kind in common":                           {sent: []string{opus}, offered: []string{vp8}, want: 422, named: []string{"audio only"}},
		"the same video, not preferred by the viewer": {sent: []string{webrtc.MimeTypeH264}, offered: []string{vp8, webrtc.MimeTypeH264}, want: 201, inAnswer: []string{"H264"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.Start(t, servertest.Config{Broadcast: broadcast.Config{MaxViewers: 1}})
			publish(t, s, tt.sent...)
			r := s.Post("/whep/cam", servertest.NewViewer(t, tt.offered...).Offer())
			if r.Status != tt.want {
				t.Fatalf("status %d, want %d: %s", r.Status, tt.want, r.Body)
			}
			for _, text := range append(tt.inAnswer, tt.named...) {
				if !strings.Contains(r.Body, text) {
					t.Errorf("%q is not in %s", text, r.Body)
				}
			}
			if want := tt.want / 201 % 2; viewers(s) != want || s.Table.Len() != want { // 1 when accepted
				t.Errorf("%d viewers, %d sessions", viewers(s), s.Table.Len())
			}
		})
	}
}

// HTTP-20, and: whoever is refused or leaves gives the only place back.
func TestViewerLimit(t *testing.T) {
	s := servertest.Start(t, servertest.Config{
		Broadcast: broadcast.Config{MaxViewers: 1},
		Timeouts:  peer.Timeouts{Connect: 3 * time.Second}, // enough on a busy machine
	})
	src := publish(t, s, vp8)
	first := servertest.NewViewer(t, vp8)
	location := first.Join(s, "/whep/cam")
	receive(t, src, first, vp8)
	offer := servertest.NewViewer(t, vp8).Offer()
	if r := s.Post("/whep/cam", offer); r.Status != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("over the limit: status %d: %s", r.Status, r.Body)
	}
	if r := s.Do("GET", location, ""); r.Status != 200 {
		t.Errorf("the first viewer: status %d", r.Status)
	}
	first.Leave() // with a goodbye
	free(t, s)
	if r := s.Post("/whep/cam", offer); r.Status != 201 {
		t.Fatalf("status %d: %s", r.Status, r.Body)
	}
	free(t, s) // ICE-16: it never connects
	again := servertest.NewViewer(t, vp8)
	again.Join(s, "/whep/cam")
	receive(t, src, again, vp8)
}

// Whatever fails after the viewer's place was taken gives it back.
func TestFailureGivesThePlaceBack(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg   servertest.Config
		spoil func(t *testing.T, s *servertest.Server)
	}{
		"the engine is closed": {spoil: func(t *testing.T, s *servertest.Server) {
			if err := s.Engine.Close(); err != nil {
				t.Fatal(err)
			}
		}},
		"the table is full": {cfg: servertest.Config{Sessions: 1}, spoil: func(t *testing.T, s *servertest.Server) {
			servertest.NewPublisher(t, vp8).Join(s, "/whip/other")
		}},
		"the table is closed": {spoil: func(t *testing.T, s *servertest.Server) {
			if err := s.Table.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.Start(t, tt.cfg)
			publish(t, s, vp8)
			tt.spoil(t, s)
			if r := s.Post("/whep/cam", servertest.NewViewer(t, vp8).Offer()); r.Status != 503 {
				t.Errorf("status %d: %s", r.Status, r.Body)
			}
			if viewers(s) != 0 {
				t.Error("the place is taken")
			}
		})
	}
}

// ICE-17: a viewer whose stream is over is told.
func TestPublisherDoesNotComeBack(t *testing.T) {
	s := servertest.Start(t, servertest.Config{Broadcast: broadcast.Config{Grace: 50 * time.Millisecond}})
	src := publish(t, s, vp8)
	c := servertest.NewViewer(t, vp8)
	location := c.Join(s, "/whep/cam")
	receive(t, src, c, vp8)
	src.Close(nil)
	servertest.Wait(t, "the goodbye", c.Ended)
	free(t, s)
	if r := s.Do("GET", location, ""); r.Status != 404 {
		t.Errorf("the session: status %d", r.Status)
	}
}

// The next publisher continues on the same connection, if it sends what the viewer
// has agreed to; another codec that the viewer has not ends the viewer.
func TestNextPublisher(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	src := publish(t, s, vp8)
	c := servertest.NewViewer(t, vp8, vp9)
	c.Join(s, "/whep/cam")
	receive(t, src, c, vp8)
	src.Close(nil)
	src = publish(t, s, vp8)
	before := packets(s)
	servertest.Until(t, "packets of the next publisher", func() bool {
		src.send(t)
		return packets(s) > before
	})
	src.Close(nil)
	src = publish(t, s, vp9)
	servertest.Until(t, "the end of a viewer that was promised VP8", func() bool {
		src.send(t)
		return viewers(s) == 0
	})
	servertest.Wait(t, "the goodbye", c.Ended)
}

// packets counts what was sent to all viewers.
func packets(s *servertest.Server) uint64 {
	totals, _ := s.Broadcaster.Totals()
	return totals.Packets
}

// Offers as browsers make them. The captured Firefox has no H.264.
func TestRealClients(t *testing.T) {
	for name, sent := range map[string]string{
		"chromium-recvonly": webrtc.MimeTypeH264, "safari-recvonly": webrtc.MimeTypeH264,
		"libdatachannel-recvonly": webrtc.MimeTypeH264, "firefox-recvonly": vp8,
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.Start(t, servertest.Config{})
			publish(t, s, sent, opus)
			offer, err := os.ReadFile("../internal/negotiate/testdata/" + name + ".sdp")
			if err != nil {
				t.Fatal(err)
			}
			r := s.Post("/whep/cam", string(offer))
			if r.Status != 201 || len(r.Body) >= 8192 { // SDP-18
				t.Fatalf("status %d: %s", r.Status, r.Body)
			}
			if r := s.Do("DELETE", r.Header.Get("Location"), ""); r.Status != 200 {
				t.Errorf("DELETE: status %d", r.Status)
			}
		})
	}
}

// HTTP-13: the publish token views too.
func TestTokens(t *testing.T) {
	s := servertest.Start(t, servertest.Config{Tokens: auth.Config{PublishToken: "pub", ViewToken: "view"}})
	publish(t, s, vp8)
	offer := servertest.NewViewer(t, vp8).Offer()
	for token, want := range map[string]int{"": 401, "Bearer no": 401, "Bearer view": 201, "Bearer pub": 201} {
		r := s.Do("POST", "/whep/cam", offer, "Content-Type", "application/sdp", "Authorization", token)
		if r.Status != want {
			t.Errorf("token %q: status %d", token, r.Status)
		}
	}
	if r := s.Do("POST", "/whep/cam?token=view", offer, "Content-Type", "application/sdp"); r.Status != 401 {
		t.Errorf("token in the URL of a POST: status %d", r.Status)
	}
}

func TestNewChecksItsConfig(t *testing.T) {
	if _, err := whep.New(whep.Config{}); err == nil {
		t.Error("an empty config is accepted")
	}
}
