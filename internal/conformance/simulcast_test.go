package conformance_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// encoding is one of a simulcast: thirty pictures a second of some packets each, a
// keyframe at first and whenever one is asked for.
type encoding struct {
	rid     string
	packets int // of a picture
	width   byte
	local   *webrtc.TrackLocalStaticRTP
	wanted  atomic.Bool
	asked   atomic.Int32
	silent  atomic.Bool
}

// simulcaster is a publisher of simulcast.
type simulcaster struct {
	*peer
	encodings map[string]*encoding
	stop      chan struct{}
	once      sync.Once
	running   sync.WaitGroup
}

// newSimulcaster makes the client. The encodings have about 80, 350 and 1400 kbit/s.
func newSimulcaster(t testing.TB, s *server) *simulcaster {
	t.Helper()
	c := &simulcaster{peer: newPeer(t, s, role{codecs: []codec{vp8}}), encodings: make(map[string]*encoding), stop: make(chan struct{})}
	var transceiver *webrtc.RTPTransceiver
	for i, rid := range []string{"q", "h", "f"} {
		local, err := webrtc.NewTrackLocalStaticRTP(vp8.RTPCodecCapability, "video", "stream", webrtc.WithRTPStreamID(rid))
		if err != nil {
			t.Fatal(err)
		}
		e := &encoding{rid: rid, packets: []int{1, 2, 6}[i], width: byte(16 << i), local: local}
		e.wanted.Store(true)
		c.encodings[rid] = e
		if transceiver == nil {
			transceiver, err = c.pc.AddTransceiverFromTrack(local, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		} else {
			err = transceiver.Sender().AddEncoding(local)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.join("/whip/row", role{}).up()
	t.Cleanup(c.end)
	extensions := make(map[string]uint8)
	for _, x := range transceiver.Sender().GetParameters().HeaderExtensions {
		extensions[x.URI] = uint8(x.ID)
	}
	mid, rid := extensions["urn:ietf:params:rtp-hdrext:sdes:mid"], extensions["urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"]
	if mid == 0 || rid == 0 {
		t.Fatalf("no ids for MID and RID in %v", extensions)
	}
	for _, e := range c.encodings {
		c.running.Go(func() { c.send(e, mid, rid, transceiver.Mid()) })
		go e.listen(transceiver.Sender()) // ends with the connection
	}
	return c
}

func (c *simulcaster) end() {
	c.once.Do(func() { close(c.stop) })
	c.running.Wait()
}

// send sends pictures until the end.
func (c *simulcaster) send(e *encoding, midID, ridID uint8, mid string) {
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	var sequence uint16
	for n := uint32(0); ; n++ {
		key := !e.silent.Load() && e.wanted.Swap(false)
		for i := 0; i < e.packets && !e.silent.Load(); i++ {
			packet := &rtp.Packet{
				Header:  rtp.Header{Version: 2, SequenceNumber: sequence, Timestamp: n * 3000, Marker: i == e.packets-1},
				Payload: e.payload(i, key),
			}
			_ = packet.SetExtension(midID, []byte(mid))
			_ = packet.SetExtension(ridID, []byte(e.rid))
			_ = e.local.WriteRTP(packet) // a connection that has ended is noticed elsewhere
			sequence++
		}
		select {
		case <-tick.C:
		case <-c.stop:
			return
		}
	}
}

// payload is the i-th packet of a VP8 picture that names its encoding.
func (e *encoding) payload(i int, key bool) []byte {
	head := []byte{0x10, 0x01, 0, 0}
	switch {
	case i > 0:
		head = []byte{0x00, 0, 0, 0}
	case key:
		head = []byte{0x10, 0x00, 0, 0, 0x9d, 1, 0x2a, 0, e.width >> 4, 0, e.width >> 4}
	}
	b := bytes.Repeat([]byte{0}, 1000)
	copy(b, head)
	copy(b[20:], e.rid)
	return b
}

func isVP8Key(p *rtp.Packet) bool { return p.Payload[0] == 0x10 && p.Payload[1]&1 == 0 }

// encodingOf tells which encoding a packet is of.
func encodingOf(p *rtp.Packet) string { return string(p.Payload[20:21]) }

// listen notes requests for keyframes.
func (e *encoding) listen(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadSimulcastRTCP(e.rid)
		if err != nil {
			return
		}
		for _, p := range packets {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				e.asked.Add(1)
				e.wanted.Store(true)
			}
		}
	}
}

// playing returns the encoding of the newest packet.
func (t *track) playing() string {
	packets := t.seen()
	if len(packets) == 0 {
		return ""
	}
	return encodingOf(packets[len(packets)-1])
}

// choose makes a choice, which must be taken.
func (r reply) choose(rid string) {
	r.t.Helper()
	body, err := json.Marshal(map[string]string{"mediaId": "0", "rid": rid})
	if err != nil {
		r.t.Fatal(err)
	}
	s := &server{t: r.t}
	s.do(http.MethodPost, r.linked(relLayer), string(body), "Content-Type", "application/json").mustBe(http.StatusOK)
}

const relLayer = "urn:ietf:params:whep:ext:core:layer"

// WHEP-12: a viewer of simulcast chooses the encoding, which takes over at its
// keyframe; numbers and pictures go on.
func TestWHEP12Layers(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := newSimulcaster(t, s)
	until(t, patience, "all encodings", func() bool {
		if !s.stream("row").Live {
			return false
		}
		active := 0
		for _, track := range s.stream("row").Tracks {
			if track.Bitrate > 0 {
				active++
			}
		}
		return active == 3
	})
	v := watchStream(t, s, "row", role{codecs: []codec{vp8}})
	video := v.received["video"]
	until(t, patience, "the best encoding", func() bool { return video.playing() == "f" })
	begun := video.count()

	feed := s.do(http.MethodPost, v.reply.eventsURL(), `["layers"]`, "Content-Type", "application/json")
	feed.mustBe(http.StatusCreated)
	told := <-s.listen(s.url + feed.header.Get("Location"))
	for _, part := range []string{`"rid":"q"`, `"rid":"h"`, `"rid":"f"`, `"width":1024`} {
		if told.name != "layers" || !strings.HasPrefix(told.data, `{"0":[`) || !strings.Contains(told.data, part) {
			t.Errorf("event %s %s, without %s", told.name, told.data, part)
		}
	}

	for _, rid := range []string{"q", "h", "q"} {
		v.reply.choose(rid)
		until(t, patience, "encoding "+rid, func() bool { return video.playing() == rid })
		video.awaitMore(t, 30)
		if now := video.playing(); now != rid {
			t.Errorf("%s was chosen and %s is sent", rid, now)
		}
	}
	s.do(http.MethodDelete, v.reply.linked(relLayer), "").mustBe(http.StatusOK)
	until(t, patience, "the server's own choice", func() bool { return video.playing() == "f" })

	// An encoding that goes away is done without, and comes back by itself.
	v.reply.choose("h")
	until(t, patience, "encoding h", func() bool { return video.playing() == "h" })
	p.encodings["h"].silent.Store(true)
	until(t, patience, "another encoding", func() bool { return video.playing() == "f" })
	p.encodings["h"].wanted.Store(true)
	p.encodings["h"].silent.Store(false)
	until(t, patience, "encoding h", func() bool { return video.playing() == "h" })

	packets := video.seen()[begun:]
	requireGapless(t, "over all changes", packets)
	for i := 1; i < len(packets); i++ {
		if encodingOf(packets[i]) != encodingOf(packets[i-1]) && (!isVP8Key(packets[i]) || !packets[i-1].Marker) {
			t.Errorf("%s begins with a keyframe: %v, after a whole picture: %v", encodingOf(packets[i]), isVP8Key(packets[i]), packets[i-1].Marker)
		}
		if int32(packets[i].Timestamp-packets[i-1].Timestamp) < 0 {
			t.Errorf("time goes back at packet %d", i)
		}
	}

	for body, status := range map[string]int{
		`{"mediaId":"0","rid":"x"}`: 422, `{"mediaId":"7","rid":"q"}`: 422, `{"rid":`: 400, `[]`: 400,
	} {
		r := s.do(http.MethodPost, v.reply.linked(relLayer), body, "Content-Type", "application/json")
		r.is(status)
		r.problem()
	}
	s.do(http.MethodPost, v.reply.linked(relLayer), `{}`, "Content-Type", "text/plain").is(http.StatusUnsupportedMediaType)
	s.do(http.MethodPost, s.url+"/whep/row/unknown/layer", `{}`, "Content-Type", "application/json").is(http.StatusNotFound)
	s.do(http.MethodGet, v.reply.linked(relLayer), "").is(http.StatusMethodNotAllowed)
}

// WHEP-12, where there is nothing to choose: it is not announced.
func TestWHEP12NoLayers(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	for _, link := range s.created("/whep/row", whepOffer(t)).header.Values("Link") {
		if strings.Contains(link, relLayer) {
			t.Errorf("Link: %s", link)
		}
	}
}

// ICE-06, of a publisher of simulcast, whose encodings are known by their RID: all of
// them go on.
func TestICE06SimulcastRestart(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := newSimulcaster(t, s)
	flowing := func(when string) {
		t.Helper()
		until(t, patience, "all encodings "+when, func() bool {
			tracks := s.stream("row").Tracks
			for _, track := range tracks {
				if track.Bitrate == 0 {
					return false
				}
			}
			return len(tracks) == 3
		})
	}
	until(t, patience, "the stream to be live", func() bool { return s.stream("row").Live })
	flowing("before")
	v := watchStream(t, s, "row", role{codecs: []codec{vp8}}).plays("video")
	video := v.received["video"]
	begun := video.count()
	for range 2 { // what one restart leaves behind must do for the next
		r := p.restart("*")
		requireNewICE(t, r, p.reply.body)
		video.awaitMore(t, 300) // a second and more of the best encoding
		flowing("after the restart")
		for _, rid := range []string{"q", "h", "f"} {
			v.reply.choose(rid)
			until(t, patience, "encoding "+rid+" after the restart", func() bool { return video.playing() == rid })
		}
	}
	packets := video.seen()[begun:]
	if holes := holesOf(packets); len(holes) > 2 {
		t.Errorf("the restarts have the holes %v", holes)
	}
	if longest := video.longestPause(); longest > 2*time.Second {
		t.Errorf("the picture stood still for %v", longest)
	}
	s.do(http.MethodGet, p.session, "").is(http.StatusOK)
}

// WHEP-12, the server's own choice: a viewer whose network loses much is sent less,
// and more again when it does not.
func TestWHEP12Losses(t *testing.T) {
	t.Parallel()
	s := start(t)
	newSimulcaster(t, s)
	until(t, patience, "the stream to be live", func() bool { return s.stream("row").Live })
	v := watchStream(t, s, "row", role{codecs: []codec{vp8}})
	video := v.received["video"]
	until(t, patience, "the best encoding", func() bool { return video.playing() == "f" })
	v.wire.lose(oneIn(3, kindRTP), nil)
	until(t, patience, "a lower encoding", func() bool { return video.playing() != "f" })
	v.wire.lose(nil, nil)
	until(t, 3*patience, "the best encoding again", func() bool { return video.playing() == "f" })
}
