package conformance_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// headerExtensions makes a client offer header extensions.
func headerExtensions(uris ...string) []func(*webrtc.MediaEngine, *interceptor.Registry) error {
	return []func(*webrtc.MediaEngine, *interceptor.Registry) error{func(m *webrtc.MediaEngine, _ *interceptor.Registry) error {
		for _, uri := range uris {
			for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
				if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

// repairs makes a client ask for what it has lost and answer who asks it.
var repairs = []func(*webrtc.MediaEngine, *interceptor.Registry) error{webrtc.ConfigureNack}

// number is the counter at the end of a made-up payload.
func number(p *rtp.Packet) int {
	if len(p.Payload) < 4 {
		return 0
	}
	return int(binary.BigEndian.Uint32(p.Payload[len(p.Payload)-4:]))
}

// MEDIA-04: sender reports of both tracks, under one random name, that keep sound
// and picture in step.
func TestMEDIA04Reports(t *testing.T) {
	t.Parallel()
	s := start(t)
	whole := s.StartTimer()
	publish(t, s, "row", role{})
	viewers := []*peer{watchStream(t, s, "row", role{}), watchStream(t, s, "row", role{})}
	var names []string
	for _, v := range viewers {
		timer := s.StartTimer()
		until(t, patience, "a report for each track", func() bool {
			audio, _ := v.received["audio"].lastReport()
			video, _ := v.received["video"].lastReport()
			return audio != nil && video != nil
		})
		if took := timer.Took(); took > 5*time.Second {
			t.Errorf("the reports came after %v", took)
		}
		_, audio := v.received["audio"].lastReport()
		_, video := v.received["video"].lastReport()
		if audio == "" || audio != video {
			t.Errorf("the tracks' names are %q and %q", audio, video)
		}
		names = append(names, audio)
	}
	if names[0] == names[1] {
		t.Errorf("two viewers were told the name %q", names[0])
	}
	v := viewers[0].plays("video", "audio")
	offset := v.captureClock("video", 30) - v.captureClock("audio", 50)
	if lost := whole.Lost(); math.Abs(offset) > 0.080+lost.Seconds() { // packets that leave late tell a later clock
		t.Errorf("sound and picture are %.0f ms apart, the machine let us wait for %v", 1000*offset, lost)
	}
}

// captureClock returns when, in seconds by the wall clock of the reports, a stream
// began of which the newest packet has a number that counts so many a second.
func (p *peer) captureClock(kind string, rate int) float64 {
	p.t.Helper()
	packets := p.received[kind].seen()
	packet := packets[len(packets)-1]
	report, _ := p.received[kind].lastReport()
	since := float64(int32(packet.Timestamp-report.RTPTime)) / float64(p.received[kind].codec().ClockRate)
	wall := float64(report.NTPTime>>32) + float64(report.NTPTime&0xffffffff)/(1<<32)
	return wall + since - float64(number(packet))/float64(rate)
}

// interframes makes a publisher send keyframes only when it is asked, and one at
// the beginning, as browsers do.
func interframes(p *peer) {
	s, last := p.sending["video"], 0
	s.reshape(func(n int) [][]byte {
		asked := 0 // the sender's lock is held
		for _, f := range s.feedback {
			switch f.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				asked++
			}
		}
		key := picture(vp8, n)[0]
		if n > 0 && asked == last {
			key = append([]byte{0x10, 0x01}, key[len(key)-4:]...) // P bit: an interframe
		}
		last = asked
		return [][]byte{key}
	})
}

func isKeyframe(p *rtp.Packet) bool {
	return len(p.Payload) > 2 && p.Payload[0] == 0x10 && p.Payload[1]&1 == 0
}

// publishInterframes makes a stream live whose keyframes have to be asked for.
func publishInterframes(t testing.TB, s *server, stream string, codecs ...codec) *peer {
	t.Helper()
	r := role{codecs: codecs}
	p := newPublisher(t, s, r)
	interframes(p)
	p.join("/whip/"+stream, r).up().send()
	until(t, patience, "the stream to be live", func() bool { return s.stream(stream).Live })
	return p
}

// MEDIA-05: a viewer's PLI and FIR reach the publisher at once, and bundled.
func TestMEDIA05KeyframeRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publishInterframes(t, s, "row", vp8)
	v := watchStream(t, s, "row", role{codecs: []codec{vp8}}).plays("video")
	asks := func() int {
		return len(heardOf[*rtcp.PictureLossIndication](p.sending["video"])) + len(heardOf[*rtcp.FullIntraRequest](p.sending["video"]))
	}
	ssrc := v.received["video"].seen()[0].SSRC
	for name, packet := range map[string]rtcp.Packet{
		"PLI": &rtcp.PictureLossIndication{MediaSSRC: ssrc},
		"FIR": &rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc, SequenceNumber: 1}}},
	} {
		quiet(t, asks)
		before, timer := asks(), s.StartTimer()
		if err := v.pc.WriteRTCP([]rtcp.Packet{packet}); err != nil {
			t.Fatal(err)
		}
		until(t, patience, "the publisher to be asked for a keyframe by "+name, func() bool { return asks() > before })
		if took := timer.Took(); took > 700*time.Millisecond { // 500, and the way
			t.Errorf("%s: the publisher was asked after %v", name, took)
		}
	}

	quiet(t, asks)
	before, begin := asks(), time.Now()
	for time.Since(begin) < 2*time.Second {
		if err := v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}}); err != nil {
			t.Fatal(err)
		}
		v.received["video"].awaitMore(t, 1) // the pace: thirty a second
	}
	took := time.Since(begin)
	if n := asks() - before; n < 1 || n > 2+int(took/(500*time.Millisecond)) {
		t.Errorf("the publisher was asked %d times in %v", n, took)
	}
}

// quiet waits until a count has not changed for a second.
func quiet(t testing.TB, count func() int) {
	t.Helper()
	last, since := count(), time.Now()
	until(t, patience, "quiet", func() bool {
		if n := count(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > time.Second
	})
}

// awaitMore waits for n more packets.
func (t *track) awaitMore(tb testing.TB, n int) {
	tb.Helper()
	want := t.count() + n
	until(tb, patience, "more packets", func() bool { return t.count() >= want })
}

// MEDIA-06: who joins has a keyframe within a second; a publisher that did not
// offer to be asked for one is not.
func TestMEDIA06KeyframeOnJoin(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publishInterframes(t, s, "row", vp8)
	// The beginning, with the first keyframe, has left the server's memory.
	until(t, 2*patience, "a hundred pictures", func() bool {
		p.sending["video"].mu.Lock()
		defer p.sending["video"].mu.Unlock()
		return p.sending["video"].sent > 100
	})
	v := watchStream(t, s, "row", role{codecs: []codec{vp8}})
	timer := s.StartTimer()
	v.plays("video")
	if took := timer.Took(); took > 1500*time.Millisecond {
		t.Errorf("the first pictures took %v", took)
	}
	if first := v.received["video"].seen()[0]; !isKeyframe(first) {
		t.Errorf("the first packet is no keyframe: % x", first.Payload)
	}

	deaf := publish(t, s, "deaf", role{codecs: []codec{video(96, webrtc.MimeTypeVP8, "")}})
	v = watchStream(t, s, "deaf", role{codecs: []codec{vp8}}).plays("video")
	if err := v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: v.received["video"].seen()[0].SSRC}}); err != nil {
		t.Fatal(err)
	}
	v.received["video"].awaitMore(t, 30)
	if n := len(heardOf[*rtcp.PictureLossIndication](deaf.sending["video"])) + len(heardOf[*rtcp.FullIntraRequest](deaf.sending["video"])); n > 0 {
		t.Errorf("a publisher that did not offer it was asked for keyframes %d times", n)
	}
}

// lossOf returns the fraction of the numbers between the first and the last that
// never came, the newest left out: they may still come.
func lossOf(packets []*rtp.Packet) float64 {
	seen := make(map[int]bool)
	for _, p := range packets {
		seen[number(p)] = true
	}
	numbers := make([]int, 0, len(seen))
	for n := range seen {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	numbers = numbers[:max(len(numbers)-30, 1)]
	span := numbers[len(numbers)-1] - numbers[0] + 1
	return 1 - float64(len(numbers))/float64(span)
}

// awaitRepair waits until next to nothing is missing.
func (t *track) awaitRepair(tb testing.TB) {
	tb.Helper()
	until(tb, patience, "what is lost to be sent again", func() bool { return lossOf(t.seen()) <= 0.005 })
}

// MEDIA-07: what a viewer has lost is sent again, with RTX (RFC 4588) and without.
func TestMEDIA07RepairDown(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	for name, codecs := range map[string][]codec{"same SSRC": {vp8}, "RTX": {vp8, rtx}} {
		t.Run(name, func(t *testing.T) {
			v := watchStream(t, s, "row", role{codecs: codecs, features: repairs})
			if has := strings.Contains(v.reply.body, "a=ssrc-group:FID "); has != (name == "RTX") {
				t.Errorf("the answer names a retransmission SSRC: %v", has)
			}
			v.plays("video")
			v.wire.lose(oneIn(33, kindRTP), nil)
			v.received["video"].awaitMore(t, 300)
			v.received["video"].awaitRepair(t)
		})
	}
}

// MEDIA-08: what was lost on the way from the publisher is asked for.
func TestMEDIA08RepairUp(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publish(t, s, "row", role{codecs: []codec{vp8}, features: repairs})
	v := watchStream(t, s, "row", role{codecs: []codec{vp8}}).plays("video")
	p.wire.lose(nil, oneIn(33, kindRTP))
	v.received["video"].awaitMore(t, 300)
	v.received["video"].awaitRepair(t)
	if len(heardOf[*rtcp.TransportLayerNack](p.sending["video"])) == 0 {
		t.Error("the publisher was not asked")
	}
}

// withoutSources takes what an offer says of SSRCs out of it.
func withoutSources(sdp string) string {
	var kept []string
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, "a=ssrc") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

const midURI = "urn:ietf:params:rtp-hdrext:sdes:mid"

// MEDIA-09: the MID header extension (RFC 8834 section 5.2.4).
func TestMEDIA09MID(t *testing.T) {
	t.Parallel()
	s := start(t)
	ro := role{codecs: []codec{vp8, opus}, offer: withoutSources, features: headerExtensions(midURI)}
	p := newPublisher(t, s, ro).join("/whip/row", ro).up()
	for _, section := range parse(p.offer).sections {
		kind, _, _, _ := header(section)
		id, mid := extensionID(section, midURI), value(section, "mid")
		p.sending[kind].extend = func(packet *rtp.Packet) { _ = packet.SetExtension(id, []byte(mid)) }
	}
	p.send()
	until(t, patience, "the stream to be live", func() bool { return s.stream("row").Live })
	v := watchStream(t, s, "row", role{features: headerExtensions(midURI)}).plays("video", "audio")
	for i, kind := range []string{"video", "audio"} {
		section := parse(v.reply.body).sections[i]
		id := extensionID(section, midURI)
		if got := v.received[kind].seen()[0].GetExtension(id); string(got) != value(section, "mid") {
			t.Errorf("the first packet of mid %s has the MID %q under the id %d", value(section, "mid"), got, id)
		}
	}
}

// extensionID returns the id of a header extension in a section; 0: none.
func extensionID(section []string, uri string) uint8 {
	for _, v := range values(section, "extmap") {
		if id, u, _ := strings.Cut(v, " "); strings.HasPrefix(u, uri) {
			number, _, _ := strings.Cut(id, "/")
			return uint8(number[0]-'0') + 10*uint8(len(number)-1) // one digit, or 10 to 19 by its length
		}
	}
	return 0
}

// MEDIA-10: SSRCs that nobody announced.
func TestMEDIA10UnknownSSRC(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{offer: withoutSources, bare: true})
	watchStream(t, s, "row", role{}).plays("video", "audio")
}

// MEDIA-11: transport-wide feedback, five times a second at the least.
func TestMEDIA11CongestionFeedback(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publish(t, s, "row", role{})
	video := p.sending["video"]
	until(t, patience, "twenty reports", func() bool {
		return len(heardOf[*rtcp.TransportLayerCC](video))+len(heardOf[*rtcp.TransportLayerCC](p.sending["audio"])) > 20
	})
	all := append(heardOf[*rtcp.TransportLayerCC](video), heardOf[*rtcp.TransportLayerCC](p.sending["audio"])...)
	slices.SortFunc(all, time.Time.Compare)
	gaps := make([]time.Duration, 0, len(all))
	for i := range all[1:] {
		gaps = append(gaps, all[i+1].Sub(all[i]))
	}
	slices.Sort(gaps)
	// A busy machine makes many of them longer. It makes none shorter.
	if usual := gaps[len(gaps)/4]; usual > 200*time.Millisecond {
		t.Errorf("a report every %v: %v", usual, gaps)
	}
}

// MEDIA-13: RTCP of reduced size (RFC 5506): a PLI alone is acted on.
func TestMEDIA13ReducedSizeRTCP(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publishInterframes(t, s, "row", vp8)
	v := watchStream(t, s, "row", role{codecs: []codec{vp8}, bare: true}).plays("video")
	asks := func() int { return len(heardOf[*rtcp.PictureLossIndication](p.sending["video"])) }
	quiet(t, asks)
	before := asks()
	if err := v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: v.received["video"].seen()[0].SSRC}}); err != nil {
		t.Fatal(err)
	}
	until(t, patience, "the publisher to be asked", func() bool { return asks() > before })
	// And we may send it so, where it was offered.
	parse(s.created("/whip/rsize", whipOffer(t, "a=rtcp-mux\n", "a=rtcp-mux\na=rtcp-rsize\n")).body).each(t, "a=rtcp-rsize")
}

// MEDIA-14: H.264 is relayed as it is packed, and a late joiner begins with the
// parameter sets.
func TestMEDIA14H264(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := role{codecs: []codec{h264}}
	stap := []byte{0x78, 0, byte(len(baselineSPS))}
	stap = append(append(stap, baselineSPS...), 0, byte(len(pps)))
	stap = append(stap, pps...)
	p := newPublisher(t, s, r)
	p.sending["video"].reshape(func(n int) [][]byte {
		end := binary.BigEndian.AppendUint32(nil, uint32(n))
		if n%30 != 0 {
			return [][]byte{append([]byte{0x41, 0x9a}, end...)}
		}
		return [][]byte{stap, append([]byte{0x7c, 0x85, 0x88}, end...), append([]byte{0x7c, 0x05}, end...), append([]byte{0x7c, 0x45}, end...)}
	})
	p.join("/whip/row", r).up().send()
	until(t, patience, "the stream to be live", func() bool { return s.stream("row").Live })
	v := watchStream(t, s, "row", r)
	v.received["video"].awaitMore(t, 60)
	packets := v.received["video"].seen()
	if !bytes.Equal(packets[0].Payload, stap) {
		t.Errorf("the first packet is % x", packets[0].Payload)
	}
	shapes := make(map[byte]bool)
	for _, packet := range packets {
		shapes[packet.Payload[0]&0x1f] = true
	}
	if !shapes[24] || !shapes[28] || !shapes[1] || len(shapes) != 3 {
		t.Errorf("STAP-A, FU-A and single units became the types %v", shapes)
	}
}

// MEDIA-15: each codec alone.
func TestMEDIA15Codecs(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, name := range []string{"VP8/90000", "VP9/90000", "H264/90000", "H265/90000", "AV1/90000", "h264/90000"} {
		published(t, s, strings.Replace(withoutSection(whipOffer(t), "audio"), "VP8/90000", name, 1))
	}
	for _, name := range []string{"opus/48000/2", "OPUS/48000/2", "PCMU/8000", "PCMA/8000", "G722/8000"} {
		published(t, s, strings.Replace(withoutSection(whipOffer(t), "video"), "opus/48000/2", name, 1))
	}
	static := strings.NewReplacer("SAVPF 111", "SAVPF 0", "a=rtpmap:111 opus/48000/2\r\n", "", "a=fmtp:111 minptime=10;useinbandfec=1\r\n", "")
	published(t, s, static.Replace(withoutSection(whipOffer(t), "video"))) // PCMU by its number alone
}

// MEDIA-16: all codecs that are relayed are accepted, the first packet chooses,
// and packets of another payload type are dropped.
func TestMEDIA16PayloadTypeSwitch(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := role{codecs: []codec{vp8, h264}}
	p := newPublisher(t, s, r)
	raw := &rawTrack{}
	transceivers := p.pc.GetTransceivers()
	if err := transceivers[0].Sender().ReplaceTrack(raw); err != nil {
		t.Fatal(err)
	}
	p.join("/whip/row", r).up()
	if _, _, _, formats := header(parse(p.reply.body).sections[0]); !slices.Equal(formats, []string{"96", "102"}) {
		t.Errorf("accepted are the payload types %q", formats)
	}
	n := 0
	send := func(payloadType uint8) {
		n++
		raw.write(payloadType, n, picture(vp8, n)[0])
	}
	until(t, patience, "the stream to be live", func() bool { send(96); return s.stream("row").Live })
	v := newViewer(t, s, r).join("/whep/row", r).up()
	track := v.received["video"]
	until(t, patience, "pictures", func() bool { send(96); return track.count() > 5 })
	switched := n + 1
	for range 20 {
		send(102)
	}
	back := n + 1
	until(t, patience, "pictures after the switch back", func() bool {
		send(96)
		packets := track.seen()
		return number(packets[len(packets)-1]) >= back+3
	})
	for _, packet := range track.seen() {
		if i := number(packet); i >= switched && i < back {
			t.Errorf("packet %d, of another payload type, was relayed as %d", i, packet.PayloadType)
		}
	}
}

// rawTrack is a track whose packets have the payload types that the test wants.
type rawTrack struct {
	context webrtc.TrackLocalContext // set by Bind, which the answer brings about
}

func (r *rawTrack) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	r.context = c
	return c.CodecParameters()[0], nil
}
func (r *rawTrack) Unbind(webrtc.TrackLocalContext) error { return nil }
func (r *rawTrack) ID() string                            { return "video" }
func (r *rawTrack) RID() string                           { return "" }
func (r *rawTrack) StreamID() string                      { return "stream" }
func (r *rawTrack) Kind() webrtc.RTPCodecType             { return webrtc.RTPCodecTypeVideo }

func (r *rawTrack) write(payloadType uint8, n int, payload []byte) {
	_, _ = r.context.WriteStream().WriteRTP(&rtp.Header{
		Version: 2, Marker: true, PayloadType: payloadType, SequenceNumber: uint16(n),
		Timestamp: uint32(n) * 3000, SSRC: uint32(r.context.SSRC()),
	}, payload)
}

// MEDIA-17: viewers outlive publishers.
func TestMEDIA17NextPublisher(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publish(t, s, "row", role{})
	v := watchStream(t, s, "row", role{}).plays("video", "audio")
	s.delete(p.session)
	timer, before := s.StartTimer(), v.received["video"].count()
	publish(t, s, "row", role{})
	v.plays("video", "audio")
	if took := timer.Took(); took > 3*time.Second {
		t.Errorf("the picture was back after %v", took)
	}
	packets := v.received["video"].seen()
	for i := 1; i < len(packets); i++ {
		a, b := packets[i-1], packets[i]
		if a.SSRC == b.SSRC && (b.SequenceNumber != a.SequenceNumber+1 || int32(b.Timestamp-a.Timestamp) <= 0) {
			t.Errorf("packet %d: sequence %d after %d, timestamp %d after %d", i, b.SequenceNumber, a.SequenceNumber, b.Timestamp, a.Timestamp)
		}
	}
	if !isKeyframe(packets[before]) {
		t.Error("the next publisher does not begin with a keyframe")
	}
}

// MEDIA-18: header extensions have the ids of the viewer's answer, or are not there.
func TestMEDIA18HeaderExtensions(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{features: headerExtensions("urn:3gpp:video-orientation", "urn:ietf:params:rtp-hdrext:ssrc-audio-level", midURI)})
	none := watchStream(t, s, "row", role{bare: true}).plays("video", "audio")
	some := watchStream(t, s, "row", role{bare: true, features: headerExtensions("urn:x-unknown:a", "urn:x-unknown:b", "urn:x-unknown:c", midURI)}).plays("video", "audio")
	for i, kind := range []string{"video", "audio"} {
		for _, packet := range none.received[kind].seen() {
			if packet.Extension || packet.Padding {
				t.Fatalf("%s for a viewer without header extensions: %+v", kind, packet.Header)
			}
		}
		section := parse(some.reply.body).sections[i]
		id := extensionID(section, midURI)
		for _, packet := range some.received[kind].seen() {
			if ids := packet.GetExtensionIDs(); len(ids) > 1 || len(ids) == 1 && ids[0] != id {
				t.Fatalf("%s has the header extensions %v, negotiated is %d", kind, ids, id)
			}
		}
	}
}

// MEDIA-19: the level of sound reaches viewers under their own id. The orientation of
// pictures is not accepted, so that publishers turn them for everybody.
func TestMEDIA19AudioLevel(t *testing.T) {
	t.Parallel()
	const levelURI, orientationURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level", "urn:3gpp:video-orientation"
	const level = 0x80 | 42 // somebody speaks, 42 dB below the loudest
	s := start(t)
	p := publish(t, s, "row", role{features: headerExtensions(orientationURI, levelURI)})
	sections := parse(p.reply.body).sections
	for _, section := range sections {
		if id := extensionID(section, orientationURI); id != 0 {
			t.Errorf("a publisher may send the orientation, as extension %d", id)
		}
	}
	id := extensionID(sections[1], levelURI)
	if id == 0 {
		t.Fatalf("a publisher may not send the level of its sound:\n%s", p.reply.body)
	}
	audio := p.sending["audio"]
	audio.mu.Lock()
	audio.extend = func(packet *rtp.Packet) { _ = packet.SetExtension(id, []byte{level}) }
	audio.mu.Unlock()

	// Other extensions first, so that the viewer's id is another one.
	v := watchStream(t, s, "row", role{bare: true, features: headerExtensions("urn:x-unknown:a", "urn:x-unknown:b", levelURI)})
	own := extensionID(parse(v.reply.body).sections[1], levelURI)
	if own == 0 || own == id {
		t.Fatalf("the viewer's id is %d, the publisher's %d", own, id)
	}
	until(t, patience, "a packet with the level", func() bool {
		return slices.ContainsFunc(v.received["audio"].seen(), func(packet *rtp.Packet) bool {
			return slices.Equal(packet.GetExtension(own), []byte{level})
		})
	})
}

// MEDIA-21: a viewer that does not keep up harms itself.
func TestMEDIA21SlowViewer(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	lossy := watchStream(t, s, "row", role{features: repairs}).plays("video")
	dead := watchStream(t, s, "row", role{}).plays("video")
	good := watchStream(t, s, "row", role{}).plays("video", "audio")
	lossy.wire.lose(oneIn(10, kindRTP), nil)
	dead.vanish()
	from := good.received["video"].count()
	good.received["video"].awaitMore(t, 150)
	packets := good.received["video"].seen()[from:]
	for i := 1; i < len(packets); i++ {
		if packets[i].SequenceNumber != packets[i-1].SequenceNumber+1 {
			t.Errorf("sequence %d after %d", packets[i].SequenceNumber, packets[i-1].SequenceNumber)
		}
	}
	lossy.plays("video")
}
