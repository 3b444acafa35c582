package whip_test

import (
	"encoding/json"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/servertest"
	"porthole/internal/sessioninfo"
	"porthole/whip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	vp8  = webrtc.MimeTypeVP8
	opus = webrtc.MimeTypeOpus
)

// stream returns what the broadcaster says about the stream cam.
func stream(s *servertest.Server) broadcast.StreamInfo {
	info, _ := s.Broadcaster.Stream("cam")
	return info
}

// free waits until nobody publishes on cam and no session has a place.
func free(t *testing.T, s *servertest.Server) {
	t.Helper()
	servertest.Until(t, "the stream to be free", func() bool { return stream(s).Source == "" && s.Table.Len() == 0 })
}

// publish sends until the stream is live.
func publish(t *testing.T, s *servertest.Server, c *servertest.Client) {
	t.Helper()
	servertest.Wait(t, "the publisher's connection", c.Connected)
	seq := uint16(0)
	servertest.Until(t, "the stream to be live", func() bool {
		seq++
		for mime := range c.Sending {
			c.Send(mime, seq)
		}
		return stream(s).Live
	})
}

func TestPublish(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	c := servertest.NewPublisher(t, vp8, opus)
	location := c.Join(s, "/whip/cam")
	publish(t, s, c)

	info := stream(s)
	if info.Source != "whip" || len(info.Tracks) != 2 {
		t.Errorf("the stream is %+v", info)
	}
	// WHIP-01: the answer only receives.
	answer := c.RemoteDescription().SDP
	if strings.Count(answer, "a=recvonly\r\n") != 2 || strings.Contains(answer, "a=sendrecv") {
		t.Errorf("answer:\n%s", answer)
	}
	session, ok := s.Table.Info(path.Base(location))
	if !ok || session.State != sessioninfo.StateConnected || session.Publisher == nil || session.Publisher.Packets == 0 {
		t.Errorf("session info %+v, %v", session, ok)
	}
	text, err := json.Marshal(session)
	if err != nil {
		t.Fatal(err)
	}
	for _, sdp := range []string{c.LocalDescription().SDP, answer} {
		for line := range strings.Lines(sdp) {
			if secret, ok := strings.CutPrefix(strings.TrimSpace(line), "a=ice-pwd:"); ok && strings.Contains(string(text), secret) {
				t.Errorf("the session's info has an ICE password: %s", text)
			}
		}
	}
}

// WHIP-11, WHIP-10, HTTP-17
// A session tells what of its stream hurts viewers, also in the list and after its end.
func TestSessionHasWarnings(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	c := servertest.NewPublisher(t, webrtc.MimeTypeH264)
	id := path.Base(c.Join(s, "/whip/cam"))
	servertest.Wait(t, "the publisher's connection", c.Connected)
	seq := uint16(0)
	servertest.Until(t, "the warning", func() bool {
		for _, payload := range [][]byte{{0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9}, {0x68, 0xce, 0x3c, 0x80}, {0x65, 0x88}} {
			seq++
			c.SendPayload(webrtc.MimeTypeH264, seq, payload)
		}
		info, ok := s.Table.Info(id)
		return ok && info.Publisher != nil && len(info.Publisher.Warnings) == 1 && info.Publisher.Warnings[0].Profile == "High"
	})
	if list := s.Table.Sessions(); len(list) != 1 || len(list[0].Warnings) != 1 || list[0].Warnings[0].Code != "profile" {
		t.Errorf("the list has %+v", list)
	}
	c.Leave()
	free(t, s)
	if info, ok := s.Table.Info(id); !ok || len(info.Publisher.Warnings) != 1 {
		t.Errorf("after its end: %+v", info.Publisher)
	}
}

func TestOnePublisherAtATime(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	first := servertest.NewPublisher(t, vp8)
	location := first.Join(s, "/whip/cam")
	publish(t, s, first)

	second := servertest.NewPublisher(t, vp8)
	offer := second.Offer()
	if r := s.Post("/whip/cam", offer); r.Status != 409 || r.Header.Get("Retry-After") == "" {
		t.Errorf("a second publisher: status %d: %s", r.Status, r.Body)
	}
	if s.Table.Len() != 1 || !stream(s).Live {
		t.Error("the first publisher was disturbed")
	}
	if r := s.Do("DELETE", location, ""); r.Status != 200 {
		t.Fatalf("DELETE: status %d", r.Status)
	}
	// The name is free when the DELETE is answered: OBS posts right after it.
	if r := s.Post("/whip/cam", offer); r.Status != 201 {
		t.Errorf("after DELETE: status %d: %s", r.Status, r.Body)
	}
	servertest.Wait(t, "the first publisher to be told", first.Ended)
}

// WHIP-11: OBS whose DELETE was lost posts again, and goes on where it was, while
// viewers stay.
func TestTakeover(t *testing.T) {
	s := servertest.Start(t, servertest.Config{Tokens: auth.Config{PublishToken: "pub"}})
	post := func(offer, token string) servertest.Reply {
		return s.Do("POST", "/whip/cam", offer, "Content-Type", "application/sdp", "Authorization", "Bearer "+token)
	}
	first, second := servertest.NewPublisher(t, vp8), servertest.NewPublisher(t, vp8)
	first.Accept(post(first.Offer(), "pub"))
	publish(t, s, first)
	viewer := servertest.NewViewer(t, vp8)
	viewer.Join(s, "/whep/cam")
	servertest.Wait(t, "the viewer's connection", viewer.Connected)

	offer := second.Offer()
	if r := post(offer, "no"); r.Status != 401 || !stream(s).Live {
		t.Errorf("a stranger: status %d", r.Status)
	}
	// From a socket of its own: two sessions at one address would take packets from each other.
	absent := servertest.NewPublisher(t, vp8)
	if r := post(absent.Offer(), "pub"); r.Status != 201 { // and it never connects
		t.Fatalf("a second offer: status %d", r.Status)
	}
	second.Accept(post(offer, "pub"))
	servertest.Wait(t, "the second publisher's connection", second.Connected)
	select {
	case <-first.Ended:
		t.Error("the first publisher ended before the second one has sent anything")
	default:
	}
	seq := uint16(1000)
	servertest.Until(t, "the first publisher to be told", func() bool {
		seq++
		second.Send(vp8, seq)
		select {
		case <-first.Ended:
			return true
		default:
			return false
		}
	})
	track := servertest.Wait(t, "the viewer's track", viewer.Tracks)
	arrived := make(chan struct{})
	go func() { // ends when the viewer is closed, at the latest
		defer close(arrived)
		for {
			packet, _, err := track.ReadRTP()
			if err != nil || len(packet.Payload) > 2 && packet.Payload[1] == 0x76 {
				return
			}
		}
	}()
	servertest.Until(t, "the second publisher's pictures at the viewer", func() bool {
		seq++
		second.SendPayload(vp8, seq, []byte{0x10, 0x76, byte(seq)})
		select {
		case <-arrived:
			return true
		default:
			return false
		}
	})
	servertest.Until(t, "one publisher's session and one viewer's, but for the one that never connected", func() bool { return s.Table.Len() == 3 })
}

// WHIP-10, ICE-16: however a publisher goes, the stream and the session are free.
func TestPublisherLeaves(t *testing.T) {
	t.Run("with a goodbye", func(t *testing.T) {
		s := servertest.Start(t, servertest.Config{})
		c := servertest.NewPublisher(t, vp8)
		location := c.Join(s, "/whip/cam")
		publish(t, s, c)
		c.Leave()
		free(t, s)
		if r := s.Do("GET", location, ""); r.Status != 404 {
			t.Errorf("the session: status %d", r.Status)
		}
	})
	t.Run("without ever connecting", func(t *testing.T) {
		s := servertest.Start(t, servertest.Config{Timeouts: peer.Timeouts{Connect: 200 * time.Millisecond}})
		if r := s.Post("/whip/cam", servertest.NewPublisher(t, vp8).Offer()); r.Status != 201 {
			t.Fatalf("status %d: %s", r.Status, r.Body)
		}
		free(t, s)
	})
	t.Run("by sending nothing", func(t *testing.T) {
		s := servertest.Start(t, servertest.Config{Timeouts: peer.Timeouts{FirstMedia: 200 * time.Millisecond}})
		c := servertest.NewPublisher(t, vp8)
		c.Join(s, "/whip/cam")
		servertest.Wait(t, "the goodbye", c.Ended)
		free(t, s)
	})
	t.Run("because the broadcaster closes", func(t *testing.T) {
		s := servertest.Start(t, servertest.Config{})
		c := servertest.NewPublisher(t, vp8)
		c.Join(s, "/whip/cam")
		publish(t, s, c)
		if err := s.Broadcaster.Close(); err != nil {
			t.Fatal(err)
		}
		servertest.Wait(t, "the goodbye", c.Ended)
		servertest.Until(t, "the session's end", func() bool { return s.Table.Len() == 0 })
	})
}

// No offer that is refused, for whatever reason, leaves a publisher behind.
func TestRefusedOffers(t *testing.T) {
	opusOnly := servertest.NewPublisher(t, opus).Offer()
	for name, tt := range map[string]struct {
		offer string
		spoil func(t *testing.T, s *servertest.Server)
		want  int
	}{
		// WHIP-04: no partial success.
		"audio that is relayed and video that is not": {offer: strings.ReplaceAll(servertest.NewPublisher(t, opus, vp8).Offer(), "VP8/90000", "H261/90000"), want: 422},
		"a viewer's offer":                            {offer: servertest.NewViewer(t, vp8).Offer(), want: 422},
		"nothing but a data channel":                  {offer: dataChannelOnly(t), want: 422},
		"no fingerprint":                              {offer: without(opusOnly, "a=fingerprint"), want: 400},
		"empty":                                       {offer: "", want: 400},
		"garbage":                                     {offer: "v=0\r\nhello", want: 400},
		"oversized":                                   {offer: opusOnly + strings.Repeat("a=x\r\n", 100_000), want: 413},
		"the engine is closed": {offer: opusOnly, want: 503, spoil: func(t *testing.T, s *servertest.Server) {
			if err := s.Engine.Close(); err != nil {
				t.Fatal(err)
			}
		}},
		"the broadcaster is closed": {offer: opusOnly, want: 503, spoil: func(t *testing.T, s *servertest.Server) {
			if err := s.Broadcaster.Close(); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.Start(t, servertest.Config{})
			if tt.spoil != nil {
				tt.spoil(t, s)
			}
			if r := s.Post("/whip/cam", tt.offer); r.Status != tt.want {
				t.Errorf("status %d, want %d: %s", r.Status, tt.want, r.Body)
			}
			if s.Table.Len() != 0 || len(s.Broadcaster.Streams()) != 0 {
				t.Errorf("%d sessions, streams %+v", s.Table.Len(), s.Broadcaster.Streams())
			}
		})
	}
}

func dataChannelOnly(t *testing.T) string {
	c := servertest.NewPublisher(t)
	if _, err := c.CreateDataChannel("x", nil); err != nil {
		t.Fatal(err)
	}
	return c.Offer()
}

// without removes the lines that begin with prefix.
func without(sdp, prefix string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, prefix) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// When the table is full, the place in the stream is given back.
func TestTableFull(t *testing.T) {
	s := servertest.Start(t, servertest.Config{Sessions: 1})
	servertest.NewPublisher(t, vp8).Join(s, "/whip/other")
	if r := s.Post("/whip/cam", servertest.NewPublisher(t, vp8).Offer()); r.Status != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("status %d: %s", r.Status, r.Body)
	}
	if stream(s).Source != "" {
		t.Error("the refused publisher holds the stream")
	}
}

// Offers as real clients make them. OBS, FFmpeg and GStreamer want exactly 201.
func TestRealClients(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	for _, name := range []string{
		"chromium-sendonly", "firefox-sendonly", "ffmpeg-whip", "gstreamer", "obs", "obs-simulcast",
	} {
		t.Run(name, func(t *testing.T) {
			offer, err := os.ReadFile("../internal/negotiate/testdata/" + name + ".sdp")
			if err != nil {
				t.Fatal(err)
			}
			r := s.Post("/whip/"+name, string(offer))
			if r.Status != 201 || !strings.HasPrefix(r.Body, "v=0\r\n") || len(r.Body) >= 8192 { // SDP-18
				t.Fatalf("status %d: %s", r.Status, r.Body)
			}
			if strings.Contains(r.Body, "m=video 0") || strings.Contains(r.Body, "m=audio 0") { // WHIP-04
				t.Errorf("a section was rejected:\n%s", r.Body)
			}
			if r := s.Do("DELETE", r.Header.Get("Location"), ""); r.Status != 200 {
				t.Errorf("DELETE: status %d", r.Status)
			}
		})
	}
}

// HTTP-13, HTTP-16
func TestTokens(t *testing.T) {
	s := servertest.Start(t, servertest.Config{Tokens: auth.Config{PublishToken: "pub", ViewToken: "view"}})
	offer := servertest.NewPublisher(t, vp8).Offer()
	for token, want := range map[string]int{"": 401, "Bearer no": 401, "Bearer view": 403} {
		r := s.Do("POST", "/whip/cam", offer, "Content-Type", "application/sdp", "Authorization", token)
		if r.Status != want || len(s.Broadcaster.Streams()) != 0 {
			t.Errorf("token %q: status %d", token, r.Status)
		}
	}
	r := s.Do("POST", "/whip/cam", offer, "Content-Type", "application/sdp", "Authorization", "Bearer pub")
	if r.Status != 201 {
		t.Fatalf("status %d: %s", r.Status, r.Body)
	}
	if r := s.Do("DELETE", r.Header.Get("Location"), ""); r.Status != 401 || s.Table.Len() != 1 {
		t.Errorf("DELETE without a token: status %d", r.Status)
	}
}

// ICE-02, ICE-03, ICE-05
func TestPatch(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	raw := servertest.NewPublisher(t, vp8).Offer()
	offer, err := negotiate.ParseOffer(negotiate.Publish, []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	r := s.Post("/whip/cam", raw)
	fragment := negotiate.Fragment{
		Ufrag: offer.Ufrag, Pwd: offer.Pwd,
		Candidates: []negotiate.Candidate{{Mid: "0", Value: "candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host"}},
	}
	patch := func(f negotiate.Fragment) int {
		return s.Do("PATCH", r.Header.Get("Location"), negotiate.FormatFragment(&f),
			"Content-Type", "application/trickle-ice-sdpfrag", "If-Match", "*").Status
	}
	if status := patch(fragment); status != 204 {
		t.Errorf("trickle: status %d", status)
	}
	fragment.Ufrag = "other"
	if status := patch(fragment); status != 422 {
		t.Errorf("candidates of another ICE session: status %d", status)
	}
	fragment.Pwd = "otherpasswordotherpassword"
	if status := patch(fragment); status != 200 {
		t.Errorf("restart before the connection is there: status %d", status)
	}
	if s.Table.Len() != 1 {
		t.Error("the session has ended")
	}
}

func TestNewChecksItsConfig(t *testing.T) {
	if _, err := whip.New(whip.Config{}); err == nil {
		t.Error("an empty config is accepted")
	}
}
