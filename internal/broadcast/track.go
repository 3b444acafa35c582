package broadcast

import (
	"strings"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast/choice"
	"porthole/internal/broadcast/number"
	"porthole/internal/broadcast/pace"
	"porthole/internal/broadcast/report"
	"porthole/internal/broadcast/ring"
	"porthole/internal/broadcast/sentlog"
	"porthole/internal/broadcast/thinning"
	"porthole/internal/codec"
)

const (
	// sinkRetry is when a full sink is tried again.
	sinkRetry = 5 * time.Millisecond
	// midPackets is how many packets carry the MID header extension.
	midPackets = 50
)

// track is what a viewer knows of one of its tracks. It is guarded by Viewer.serving.
type track struct {
	cfg   TrackConfig
	codec codec.Codec // of the layer that plays

	cursor
	refused *Publisher // of a fallback whose codec the viewer cannot play
	layerChoice
	ids      idTrack
	rewriter number.Rewriter
	thinner  thinning.Thinner

	unfinished bool // the packet that was sent last is not its picture's last

	gated   bool   // nothing is sent until a keyframe at from or later
	moved   bool   // what comes next has another clock than what was sent
	from    uint64 // the keyframe must not be older
	askedAt int64  // when a keyframe was first asked for; 0: not yet
	// patientTill is until when the publisher's own keyframe is waited for.
	patientTill int64
	// catchUp is until when packets may be old, by no more than maxLag, because the
	// track began in the past; 0: it has caught up since.
	catchUp, maxLag int64
	beganAt         int64  // when the track last began at a keyframe; 0: never
	beganWith       uint64 // the position of that keyframe
	beganTime       uint32 // and its timestamp

	extensions extensions
	captures   captureTimes
	delayed    bool // the picture that is sent carries the playout delay
	sent       sentlog.Log
	resend     []uint16    // asked for by NACK, not yet sent again
	resends    pace.Budget // of bytes that are sent again
	asks       keyframeAsks
	rtxSeq     uint16
	packets    uint64
	octets     uint64
	nextReport int64
	reception  report.Reception
	breaker    report.Breaker
	rateLimit  *pace.RateLimit // nil: the viewer takes everything
}

func newTrack(cfg TrackConfig, c codec.Codec) *track {
	t := &track{cfg: cfg, codec: c, rewriter: number.NewRewriter(c.ClockRate)}
	t.extensions.prepare(&cfg)
	t.thinner.Want(choice.AllTemporal)
	t.thinner.Restart()
	if c.Kind() == codec.Video {
		// Whoever is sent packets again under their own numbers gets the same bytes: see writeAgain.
		own := cfg.RTXPayloadType == 0
		t.sent = sentlog.New(own && cfg.CaptureTimeExtensionID != 0, own && cfg.TransportCCExtensionID != 0)
	}
	return t
}

// follow keeps the track on the right layer. It returns false when there is
// nothing to play.
func (t *track) follow(v *Viewer, layers []*Layer, now int64) bool {
	switch {
	case len(layers) == 0 || t.refused == layers[0].publisher:
		return false
	case t.layer == nil && layers[0].publisher.ended():
		return false // who joins while nobody publishes is not shown how it was
	case t.layer == nil || t.layer.publisher != layers[0].publisher:
		t.unplayable, t.checked = nil, now
		t.moveTo(t.pick(v, layers, now), now)
	case t.layer.video:
		t.choose(v, layers, now)
	}
	return true
}

// accepts says whether the viewer can play the layer's codec.
func (t *track) accepts(c codec.Codec) bool {
	if c == t.codec {
		return true
	}
	if t.cfg.Accepts != nil {
		return t.cfg.Accepts(c)
	}
	return strings.EqualFold(c.MimeType, t.codec.MimeType)
}

// send writes what the viewer is due of this track and returns how many packets
// that were, and when to look again (0: when something new was written).
func (t *track) send(v *Viewer, now int64, s *scratch) (wrote int, due int64) {
	wrote, wait := t.retransmit(v, now, s)
	v.gathered.urgent = v.gathered.urgent || wrote > 0
	if wait > 0 {
		return wrote, wait
	}
	for {
		if t.gated {
			if due = t.openGate(v, now); t.gated {
				return wrote, due
			}
		}
		if t.late(now) {
			t.skip(v, now, DropLate)
			continue
		}
		n, d, again := t.sendRun(v, now, s)
		wrote += n
		if !again {
			return wrote, d
		}
	}
}

// sendRun writes packets until the cursor has caught up, something makes it
// wait, or the gate has to close; again says that the caller should look again.
func (t *track) sendRun(v *Viewer, now int64, s *scratch) (wrote int, due int64, again bool) {
	ring, video := t.layer.ring, t.layer.video
	rate, burst := v.transport.pace(t.layer.rate.Load())
	for head := ring.Head(); t.at < head; t.at++ {
		p := ring.At(t.at)
		if p == nil {
			t.skip(v, now, DropOverrun)
			return wrote, 0, true
		}
		if t.rateLimit != nil && p.Start && !t.rateLimit.Allows(now) {
			v.stats.drop(DropBound, head-t.at)
			t.closeGate(head, false)
			return wrote, 0, true
		}
		if p.Epoch != t.epoch {
			t.closeGate(t.at, true)
			return wrote, 0, true
		}
		left, drop, ok := t.thin(p)
		if !ok {
			v.stats.drop(drop, 1)
			continue
		}
		number, ts, ok := t.rewriter.Number(p.Seq-left, p.Timestamp)
		if !ok {
			v.stats.drop(DropStale, 1)
			continue
		}
		if !video {
			v.transport.pacer.Charge(now, len(p.Payload), rate)
		} else if wait, ok := v.transport.pacer.Allow(now, len(p.Payload), rate, burst); !ok {
			return wrote, wait, false
		}
		switch err := t.write(v, p, number, ts, now, s); err {
		case nil:
			wrote++
			t.unfinished = !p.Marker
		case ErrSinkFull: //nolint:errorlint // documented to be returned as it is; hot path
			return wrote, now + int64(sinkRetry), false
		default:
			v.stats.drop(DropWriteError, 1)
		}
	}
	t.catchUp = 0
	return wrote, 0, false
}

// write sends one packet, the one at the cursor, under the viewer's own numbers.
func (t *track) write(v *Viewer, p *ring.Packet, number uint64, ts uint32, now int64, s *scratch) error {
	h := &s.header
	*h = rtp.Header{
		Version: 2, Marker: p.Marker, PayloadType: t.cfg.PayloadType,
		SequenceNumber: uint16(number), Timestamp: ts, SSRC: t.cfg.SSRC, //nolint:gosec // wraps
	}
	which := t.extend(v, h, p, now)
	n, err := v.sink.WriteRTP(h, t.layer.shifted(p.Payload, t.ids.shift(), s))
	if err == ErrSinkFull { //nolint:errorlint // documented to be returned as it is; hot path
		return err
	}
	// Whatever else has become of the packet, it may have been encrypted under this
	// number, and no other one may be.
	t.rewriter.Sent(number, ts, now)
	t.noteSent(t.at, number, ts, which)
	if err != nil {
		return err
	}
	v.transport.sent(n, which&withNumber != 0, now)
	t.packets++
	t.octets += uint64(len(p.Payload))
	t.rateLimit.Take(len(p.Payload))
	v.stats.packets.Add(1)
	v.stats.bytes.Add(uint64(len(p.Payload)))
	return nil
}

// extend adds the header extensions: MID until the viewer has surely learned
// whose packets these are, and the capture time where it costs no system call. It
// returns which.
func (t *track) extend(v *Viewer, h *rtp.Header, p *ring.Packet, now int64) (which int) {
	if t.extensions.mask == 0 {
		return 0
	}
	if p.Start && t.layer.video || v.tracks[codec.Video] == nil {
		v.transport.sample(now)
	}
	if v.transport.numbering {
		t.extensions.numberedAs(v.transport.next())
		which = withNumber
	}
	if t.packets < midPackets {
		which |= withMID
	}
	if t.extensions.mask&withCapture != 0 && t.captures.due(p, t.layer.video, now) {
		if at, ok := t.layer.capturedAt(p.Timestamp); ok {
			t.extensions.capturedAt(at)
			t.captures.told = now
			which |= withCapture
		}
	}
	if p.HasPassed {
		t.extensions.passed[0] = p.Passed
		which |= withPassed
	}
	if t.extensions.mask&withDelay != 0 && t.tellsDelay(p) {
		which |= withDelay
	}
	t.extensions.put(h, which)
	return which & t.extensions.mask
}
