package peer

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"

	"porthole/internal/ntp"
)

// ingest is the receiving half of a publisher's session. It tells the packets of its
// tracks apart (RFC 8843 section 9.2): by the source (SSRC), which is learnt from the payload
// type and, for layers of simulcast, from the RID of its first packets. Announced SSRCs
// are not needed for that.
//
//	mediaLink ─► take ─► openRTP ─► sources ─┬─ media ─► inTrack ─► PacketWriter
//	                                         └─ retransmission ─► inTrack
type ingest struct {
	// Set by receiveLink, read-only afterwards.
	session   *Connection
	transport *mediaTransport
	onTrack   func(RemoteTrack) (PacketWriter, error)
	types     payloadTypes
	epoch     time.Time

	// latest is when the newest packet of media came, in nanoseconds since epoch; 0 is never.
	latest atomic.Int64
	// reported is the same of RTCP.
	reported atomic.Int64
	// unexpected counts what came with a payload type that its track does not have.
	unexpected unexpectedTypes

	mu        sync.Mutex // guards what follows
	serving   bool
	over      bool // an error has ended the session
	early     earlyPackets
	packet    rtp.Packet // memory for one packet after another
	sources   mediaSources
	tracks    map[trackKey]*inTrack
	reception *reception
}

// trackKey names a track: a section, or a layer of it.
type trackKey struct{ mid, rid string }

// receiveTransport makes the connection of a publisher's session.
func (e *Engine) receiveTransport(s *Connection, cfg ReceiveConfig, sections []section) (clientTransport, error) {
	s.id = cfg.ID
	reception, err := newReception(sections)
	if err != nil {
		return nil, err
	}
	types, err := payloadTypesOf(sections)
	if err != nil {
		return nil, err
	}
	l, err := e.newMediaTransport(cfg.ID, e.settings.timeouts.ICEKeepalive)
	if err != nil {
		return nil, err
	}
	s.ingest = &ingest{
		session: s, transport: l, onTrack: cfg.OnTrack, types: types, reception: reception,
		tracks: make(map[trackKey]*inTrack),
		epoch:  time.Now().Add(-time.Second), // so that no packet comes at 0
	}
	l.ingest = s.ingest
	return l, nil
}

// serve lets media flow to the tracks, and answers it, until the session ends.
func (in *ingest) serve() error {
	in.reception.start(in.transport.writeRTCP)
	in.transport.feedback.Store(&listener{packets: in.readReports})
	in.mu.Lock()
	in.serving = true
	err := in.release()
	in.mu.Unlock()
	if err == nil {
		<-in.session.ctx.Done()
	}
	return errors.Join(err, in.reception.close())
}

// secured is told when there are keys.
func (in *ingest) secured() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.release()
}

// take takes a packet off the connection. A few are kept until there are keys, which the
// client has a moment earlier, and somebody serves the session.
func (in *ingest) take(sealed []byte) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.ready() {
		in.early.keep(sealed)
		return nil
	}
	if err := in.release(); err != nil { // the keys have come just now
		return err
	}
	return in.open(sealed)
}

func (in *ingest) ready() bool { return in.serving && in.transport.crypt.Load() != nil }

// release hands on what came too early. The caller holds mu.
func (in *ingest) release() error {
	if !in.ready() {
		return nil
	}
	for _, sealed := range in.early.drain() {
		if err := in.open(sealed); err != nil {
			return err
		}
	}
	return nil
}

// open decrypts a packet, in place, and hands it to its track. Only what the publisher has
// signed counts as coming from a source.
func (in *ingest) open(sealed []byte) (err error) {
	if in.over {
		return nil
	}
	defer func() { in.over = err != nil }()
	opened, err := in.transport.crypt.Load().openRTP(sealed, &in.packet.Header)
	if err != nil || in.packet.Unmarshal(opened) != nil {
		return nil //nolint:nilerr // forged, repeated or broken
	}
	now := time.Now()
	src, err := in.sources.of(in.packet.SSRC, now)
	if errors.Is(err, errNoRoom) {
		in.drop(dropSources, 1)
		return nil
	} else if err != nil {
		return err
	}
	return in.sort(src, opened, now)
}

// sort finds out whose a packet is.
func (in *ingest) sort(src *mediaSource, raw []byte, now time.Time) error {
	p := &in.packet
	in.reception.arrived(&p.Header, raw)
	if p.SSRC == 0 { // Chromium looks for bandwidth
		return nil
	}
	use, ok := in.types.of(p.PayloadType, p.SSRC)
	if !ok {
		in.notExpected(p.PayloadType, now)
		return nil
	}
	if slices.Contains(use.section.unwanted, p.SSRC) {
		in.drop(dropRival, 1)
		return nil
	}
	if src.key == (trackKey{}) {
		if src.key, ok = use.section.trackOf(&p.Header); !ok {
			return nil // a layer's first packets are told by their RID
		}
	}
	switch {
	case src.key.mid != use.section.mid:
		in.notExpected(p.PayloadType, now)
		return nil
	case use.repair:
		return in.repair(src, use, now)
	}
	t, err := in.track(src, use, now)
	if err != nil || t == nil {
		return err
	}
	if t.owner != src {
		return in.contend(t, src, raw, now)
	}
	t.reception.arrived(&p.Header, raw)
	return in.deliver(t, now)
}

// track returns the track of a source, which begins with its first packet that is more
// than padding; nil before.
func (in *ingest) track(src *mediaSource, use payloadUse, now time.Time) (*inTrack, error) {
	if t := in.tracks[src.key]; t != nil || len(in.packet.Payload) == 0 {
		return t, nil
	}
	keyframes := newKeyframeRequests(in.session, use.codec.Feedback, src.ssrc)
	writer, err := in.onTrack(RemoteTrack{
		Mid: src.key.mid, RID: src.key.rid, Codec: use.codec, SSRC: src.ssrc,
		PassedExtensionID: use.section.extensionID(passedURI(use.section.kind)), RequestKeyframe: keyframes.request,
	})
	if err != nil {
		return nil, fmt.Errorf("accept %s track: %w", use.section.kind, err)
	}
	t := &inTrack{
		codec: use.codec, section: use.section, writer: writer, keyframes: keyframes, owner: src,
		reception: in.reception.bind(src.ssrc, use), began: now,
	}
	in.tracks[src.key] = t
	in.session.work(keyframes.send)
	return t, nil
}

// deliver hands the packet at hand to its track.
func (in *ingest) deliver(t *inTrack, now time.Time) error {
	t.last = now
	// A publisher may switch to any payload type of the answer (RFC 8834 4.3),
	// but its viewers have agreed to what it began with.
	if in.packet.PayloadType != t.codec.PayloadType {
		in.notExpected(in.packet.PayloadType, now)
		return nil
	}
	in.unexpected.noteGood(t.section, now.Sub(in.epoch))
	in.noteMedia(now)
	if err := t.writer.WriteRTP(&in.packet); err != nil {
		return fmt.Errorf("write %s packet: %w", t.codec.MimeType, err)
	}
	return nil
}

// repair hands on a packet that was lost and came in a stream of its own (RFC 4588
// section 4), as if it had not been lost. Only the reporter of losses hears of it.
func (in *ingest) repair(src *mediaSource, use payloadUse, now time.Time) error {
	const osn = 2 // bytes of the original sequence number
	p, t := &in.packet, in.tracks[src.key]
	if t == nil || len(p.Payload) < osn || use.codec.PayloadType != t.codec.PayloadType || !t.repairedBy(src, now) {
		return nil
	}
	p.SequenceNumber = uint16(p.Payload[0])<<8 | uint16(p.Payload[1])
	p.SSRC, p.PayloadType, p.Payload = t.owner.ssrc, use.codec.PayloadType, p.Payload[osn:]
	t.reception.recovered(p.SequenceNumber)
	return in.deliver(t, now)
}

// lastSign says when the newest packet or report came, if a packet ever did.
func (in *ingest) lastSign() (time.Time, bool) {
	latest := in.latest.Load()
	return in.epoch.Add(time.Duration(max(latest, in.reported.Load()))), latest != 0
}

// noteMedia notes that a packet came.
func (in *ingest) noteMedia(now time.Time) {
	if in.latest.Swap(int64(now.Sub(in.epoch))) != 0 {
		return
	}
	s := in.session
	s.mu.Lock()
	s.life.record("first media")
	s.mu.Unlock()
	s.engine.metrics.media.WithLabelValues(roleLabel(s.role)).Observe(s.age().Seconds())
}

// drop counts packets that came in vain.
func (in *ingest) drop(why dropReason, packets int) {
	in.session.engine.metrics.mediaDropped.WithLabelValues(string(why)).Add(float64(packets))
}

// readReports takes the publisher's clock.
func (in *ingest) readReports(packets []rtcp.Packet) {
	in.reported.Store(int64(time.Since(in.epoch)))
	for _, p := range packets {
		sr, ok := p.(*rtcp.SenderReport)
		if !ok {
			continue
		}
		in.reception.report(sr)
		in.mu.Lock()
		for _, t := range in.tracks {
			if reports, ok := t.writer.(ReportReceiver); ok && t.owner.ssrc == sr.SSRC {
				reports.SenderReport(ntp.Time(sr.NTPTime), sr.RTPTime)
			}
		}
		in.mu.Unlock()
	}
}

// trackOf says which track of the section a source has that sends such a packet; not ok
// while its layer is not known.
func (s *section) trackOf(h *rtp.Header) (trackKey, bool) {
	if len(s.rids) == 0 {
		return trackKey{s.mid, ""}, true
	}
	for _, uri := range []string{sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI} {
		if id := s.extensionID(uri); id != 0 {
			if rid := string(h.GetExtension(id)); slices.Contains(s.rids, rid) {
				return trackKey{s.mid, rid}, true
			}
		}
	}
	return trackKey{s.mid, s.rids[0]}, len(s.rids) == 1
}

// earlyPackets are the first ones, which come faster than the handshake ends here.
type earlyPackets struct {
	packets [][]byte
	bytes   int
}

const (
	// maxEarly bounds them, in bytes: the first keyframe of a camera.
	maxEarly = 256 << 10
	// earlyCost is what keeping one costs besides its bytes: nobody has signed them yet.
	earlyCost = 64
)

func (e *earlyPackets) keep(sealed []byte) {
	if e.bytes += len(sealed) + earlyCost; e.bytes <= maxEarly {
		e.packets = append(e.packets, slices.Clone(sealed))
	}
}

func (e *earlyPackets) drain() [][]byte {
	packets := e.packets
	*e = earlyPackets{}
	return packets
}
