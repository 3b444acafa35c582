package peer_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/negotiate"
	"porthole/internal/ntp"
	"porthole/internal/peer"
	"porthole/internal/sessioninfo"
)

func withoutSSRC(sdp string) string { return without(sdp, "a=ssrc:", "a=ssrc-group:") }

// A publisher that pauses, or restarts an encoder, goes on under another SSRC, announced
// or not, and may come back to the first. Nothing of what it sends is lost.
func TestTrackGoesOnUnderAnotherSSRC(t *testing.T) {
	for name, edit := range map[string]func(string) string{"announced": nil, "not announced": withoutSSRC} {
		for kind, mime := range map[string]string{"video": webrtc.MimeTypeH264, "audio": webrtc.MimeTypeOpus} {
			t.Run(name+" "+kind, func(t *testing.T) {
				p := startWired(t, peer.Config{}, edit)
				codec := map[string]negotiate.Format{"video": p.video, "audio": p.audio}[kind]
				one, two := p.source(codec, 0x1111, 100), p.source(codec, 0x2222, 40_000)
				one.send(t, 20)
				got := p.got.get(t, mime)
				eventually(t, "the first packets", func() bool { return got.packets() == 20 })

				two.send(t, 10) // at once, while the other may only be late
				begins := time.Now()
				eventually(t, "the new source", func() bool {
					if time.Since(begins) > 100*time.Millisecond {
						two.send(t, 1)
					}
					return got.packets() > 30
				})
				got.check(t, two, 40_000, 1)

				one.send(t, 1)
				begins = time.Now()
				eventually(t, "the first source again", func() bool {
					if time.Since(begins) > 100*time.Millisecond {
						one.send(t, 1)
					}
					got.mu.Lock()
					defer got.mu.Unlock()
					return got.changes == 2
				})
				got.check(t, one, 120, 2)
				p.got.mu.Lock()
				defer p.got.mu.Unlock()
				if len(p.got.tracks) != 1 {
					t.Errorf("%d tracks, want the one", len(p.got.tracks))
				}
			})
		}
	}
}

// check fails unless all packets of a source came once, after the given number of changes.
func (r *recorder) check(t *testing.T, s *source, first uint16, changes int) {
	t.Helper()
	eventually(t, "the last packet", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.seqs[s.SequenceNumber-1] == 1
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	for seq := first; seq != s.SequenceNumber; seq++ {
		if r.seqs[seq] != 1 {
			t.Fatalf("packet %d came %d times, want once", seq, r.seqs[seq])
		}
	}
	if r.changes != changes {
		t.Errorf("%d changes of the source were told, want %d", r.changes, changes)
	}
}

// What we send a publisher is about the SSRC that it uses now. Its client library shows us
// what is about one of them.
func TestFeedbackFollowsTheSSRC(t *testing.T) {
	p := startWired(t, peer.Config{}, nil)
	shown := uint32(p.client.GetSenders()[0].GetParameters().Encodings[0].SSRC)
	one, two, three := p.source(p.video, 0x1111, 1), p.source(p.video, shown, 500), p.source(p.video, 0x3333, 900)
	one.send(t, 5)
	got := p.got.get(t, webrtc.MimeTypeH264)
	change := func(to *source, changes int) {
		t.Helper()
		eventually(t, "the new source", func() bool {
			to.send(t, 1)
			got.mu.Lock()
			defer got.mu.Unlock()
			return got.changes == changes
		})
	}
	change(two, 1)
	got.track.RequestKeyframe()
	for {
		if _, ok := wait(t, p.client.rtcp, "a keyframe request").(*rtcp.PictureLossIndication); ok {
			break
		}
	}
	// Only the reports of the new source tell its clock.
	clock := func(ssrc uint32, seconds uint64) {
		t.Helper()
		if err := p.client.WriteRTCP([]rtcp.Packet{&rtcp.SenderReport{SSRC: ssrc, NTPTime: seconds << 32}}); err != nil {
			t.Fatal(err)
		}
	}
	clock(0x1111, 4_000_000_000)
	clock(shown, 4_000_000_007)
	clocks := func() (of [2]bool) {
		got.mu.Lock()
		defer got.mu.Unlock()
		for i, seconds := range []uint64{4_000_000_000, 4_000_000_007} {
			of[i] = slices.Contains(got.reports, ntp.Time(seconds<<32))
		}
		return of
	}
	eventually(t, "a report on the new source", func() bool { return clocks()[1] })
	if clocks()[0] {
		t.Error("a report on the old source was taken")
	}

	lost := two.SequenceNumber
	two.SequenceNumber++
	asked := func() bool {
		for len(p.client.rtcp) > 0 {
			nack, ok := (<-p.client.rtcp).(*rtcp.TransportLayerNack)
			if ok && slices.Contains(nack.Nacks[0].PacketList(), lost) {
				return true
			}
		}
		return false
	}
	eventually(t, "a request for the lost packet", func() bool {
		two.send(t, 3)
		return asked()
	})
	// It comes in a stream of its own, which nobody has announced.
	rtx := p.source(p.video, 0x2222, 9)
	rtx.PayloadType = p.video.RTX
	eventually(t, "the lost packet", func() bool {
		rtx.wire.send(t, rtx.Header, byte(lost>>8), byte(lost), 0x41, 1) // old ones are let settle
		rtx.SequenceNumber++
		got.mu.Lock()
		defer got.mu.Unlock()
		return got.seqs[lost] > 0
	})
	two.SequenceNumber += 5 // a hole that nobody cares for later
	two.send(t, 3)
	change(three, 2)
	time.Sleep(2 * nackInterval) // what was on its way
	for len(p.client.rtcp) > 0 {
		<-p.client.rtcp
	}
	for deadline := time.Now().Add(5 * nackInterval); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		three.send(t, 1)
		for len(p.client.rtcp) > 0 {
			if nack, ok := (<-p.client.rtcp).(*rtcp.TransportLayerNack); ok && nack.MediaSSRC == shown {
				t.Fatal("packets of the old source are asked for")
			}
		}
	}
}

// nackInterval is how often lost packets are asked for.
const nackInterval = 40 * time.Millisecond

// Simulcast without RIDs is received by its first layer, whichever comes first.
func TestSimulcastWithoutRIDs(t *testing.T) {
	p := startWired(t, peer.Config{}, func(sdp string) string {
		return strings.Replace(sdp, "a=mid:0\r\n", "a=mid:0\r\na=ssrc-group:SIM 257 258\r\n", 1)
	})
	first, second := p.source(p.video, 257, 0), p.source(p.video, 258, 5000)
	second.send(t, 10)
	first.send(t, 10)
	second.send(t, 10)
	first.send(t, 10)
	got := p.got.get(t, webrtc.MimeTypeH264)
	eventually(t, "the first layer", func() bool { return got.packets() == 20 })
	got.check(t, first, 0, 0)
}

// Sections that share a payload type are told apart by announced SSRCs, or not taken.
func TestSharedPayloadType(t *testing.T) {
	share := func(sdp string) string { return strings.NewReplacer(" 111", " 102", ":111", ":102").Replace(sdp) }
	p := startWired(t, peer.Config{}, share)
	for _, sender := range p.client.GetSenders() {
		src := p.source(p.video, uint32(sender.GetParameters().Encodings[0].SSRC), 0)
		src.PayloadType = 102
		src.send(t, 10)
	}
	for _, mime := range []string{webrtc.MimeTypeH264, webrtc.MimeTypeOpus} {
		got := p.got.get(t, mime)
		eventually(t, "the packets of "+mime, func() bool { return got.packets() == 10 })
	}

	c := newClient(t, clientConfig{})
	c.publish(t)
	offer := parse(t, negotiate.Publish, share(withoutSSRC(c.offer(t))))
	_, err := newEngine(t, peer.Config{}).Receive(t.Context(), peer.ReceiveConfig{
		Offer: offer, Codecs: peer.OneEach(codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus)), OnTrack: p.got.onTrack,
	})
	if !errors.Is(err, negotiate.ErrUnusable) || !strings.Contains(err.Error(), "payload type 102") {
		t.Errorf("without announced SSRCs: %v, want ErrUnusable with the number", err)
	}
}

// A layer of simulcast keeps its name when its SSRC changes.
func TestSimulcastLayerGoesOnUnderAnotherSSRC(t *testing.T) {
	w := &wire{}
	c := newClient(t, clientConfig{interceptor: w})
	sender, _ := c.addLayers(t, "a", "b")
	got := &recorders{}
	offer := parse(t, negotiate.Publish, withoutSSRC(c.offer(t)))
	chosen := codecs(t, offer, webrtc.MimeTypeH264)
	s, err := newEngine(t, peer.Config{}).Receive(t.Context(), peer.ReceiveConfig{
		Offer: offer, Codecs: peer.OneEach(chosen), OnTrack: got.onTrack,
	})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s, nil)
	c.accept(t, s.Answer())
	wait(t, c.connected, "the connection")
	wait(t, s.Connected(), "the session's connection")
	mid := extensionID(t, sender, "urn:ietf:params:rtp-hdrext:sdes:mid")
	rid := extensionID(t, sender, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id")
	layer := func(ssrc uint32, name string, first uint16) *source {
		s := (&wired{wire: w}).source(chosen["0"], ssrc, first)
		if err := errors.Join(s.SetExtension(mid, []byte("0")), s.SetExtension(rid, []byte(name))); err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b, c2 := layer(1, "a", 0), layer(2, "b", 0), layer(3, "b", 9000)
	eventually(t, "the layers", func() bool {
		a.send(t, 1)
		b.send(t, 1)
		got.mu.Lock()
		defer got.mu.Unlock()
		return len(got.tracks) == 2
	})
	second := got.layer("b")
	eventually(t, "the new source", func() bool {
		a.send(t, 1)
		c2.send(t, 1)
		second.mu.Lock()
		defer second.mu.Unlock()
		return second.changes == 1
	})
	second.check(t, c2, 9000, 1)
	got.layer("a").check(t, a, 0, 0)
}

func (r *recorders) layer(rid string) *recorder {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.tracks, func(rec *recorder) bool { return rec.track.RID == rid })
	return r.tracks[i]
}

// What comes between the client's end of the handshake and ours, or before anybody serves the
// session, is not lost.
func TestMediaBeforeTheSessionIsServed(t *testing.T) {
	w := &wire{}
	c := newClient(t, clientConfig{interceptor: w})
	c.publish(t)
	offer, got := parse(t, negotiate.Publish, c.offer(t)), &recorders{}
	chosen := codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus)
	s, err := newEngine(t, peer.Config{}).Receive(t.Context(), peer.ReceiveConfig{
		Offer: offer, Codecs: peer.OneEach(chosen), OnTrack: got.onTrack,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.accept(t, s.Answer())
	wait(t, c.connected, "the connection")
	(&wired{wire: w}).source(chosen["0"], 7, 0).send(t, 20)
	wait(t, s.Connected(), "the session's connection")
	serve(t, s, nil)
	video := got.get(t, webrtc.MimeTypeH264)
	eventually(t, "all packets", func() bool { return video.packets() == 20 })
}

// A track gets nothing while its packets come with another payload type than the answer's, or
// its own; the other track does not hide it, and a stray packet is no fault.
func TestUnexpectedPayloadTypesAreNamed(t *testing.T) {
	registry := prometheus.NewRegistry()
	p := startWired(t, peer.Config{Registerer: registry}, nil)
	video, audio := p.source(p.video, 1, 0), p.source(p.audio, 2, 0)
	agreed := video.PayloadType
	dropped := func() int {
		return int(counter(t, registry, "porthole_publisher_packets_dropped_total", "payload_type"))
	}

	video.PayloadType = 120
	video.send(t, 20)
	audio.send(t, 20)
	eventually(t, "the sound", func() bool { return p.got.get(t, webrtc.MimeTypeOpus).packets() == 20 })
	eventually(t, "the packets in vain", func() bool { return dropped() == 20 })
	want := sessioninfo.UnexpectedPayload{PayloadType: 120, Packets: 20, Agreed: []sessioninfo.AgreedPayload{{PayloadType: agreed, Codec: "H264"}}}
	if got := p.session.Info().Unexpected; got == nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("unexpected is %+v, want %+v", got, want)
	}

	video.PayloadType = agreed // who begins wrong may still go on right
	video.send(t, 20)
	eventually(t, "the pictures", func() bool { return p.got.get(t, webrtc.MimeTypeH264).packets() == 20 })
	video.PayloadType = 120
	video.send(t, 1)
	eventually(t, "the stray packet", func() bool { return dropped() == 21 })
	if got := p.session.Info().Unexpected; got != nil {
		t.Errorf("unexpected is %+v although both tracks are fine", got)
	}
}
