package broadcast

import (
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast/number"
	"porthole/internal/broadcast/ring"
	"porthole/internal/codec"
)

const (
	recentPackets = 4096 // history of a video layer: 4 s at 10 Mbit/s, and
	// more back to the newest keyframe, from which viewers begin: 10 s at 8 Mbit/s
	// are 10 MB, in 10,000 packets that are not all full.
	videoPackets = 16_000
	videoBytes   = 12 << 20
	audioPackets = 256 // 5 s of 20 ms packets
	// What Config.Keep asks for is kept within these bounds, for each layer.
	keepBytes   = 64 << 20 // 3 minutes at 2.5 Mbit/s
	keepSeconds = 600
	keepPackets = 500 // a second: 4 Mbit/s
	wakeEvery   = 16  // packets of one picture after which senders are woken before its end
	// defaultClockRate is the one of all video (RFC 3551 section 5), in Hz.
	defaultClockRate = 90_000
	keyframeEvery    = 500 * time.Millisecond // the least time between two keyframe requests
	keyframeBurst    = 8                      // of them in a row, and
	keyframePause    = 2 * time.Second        // between two in the long run
)

// LayerConfig describes one encoding of a track.
type LayerConfig struct {
	Codec codec.Codec
	RID   string // of a simulcast layer, "" otherwise
	// PassedExtensionID is the publisher's id of the one header extension whose
	// value, one byte, is for viewers, such as the level of audio (RFC 6464). 0: none.
	PassedExtensionID uint8
	// TemporalLayers is how many temporal layers an encoder of H.264 makes that grades its pictures by them:
	// codec.GradedTemporalID then tells them apart. 0: what payloads say for themselves (codec.H264TemporalID) is all that is known.
	TemporalLayers int
	// Nominal is what is known of the encoding before anything comes of it; the zero value: nothing.
	Nominal Nominal
	// OnDemand says that the encoder works only while some viewer needs it: see Layer.Wanted. Nominal is then known. There is an
	// encoding of the same track that always comes.
	OnDemand bool
	// RequestKeyframe asks the publisher for a keyframe; nil when that is not
	// possible. It must not block and may be called by any goroutine. It is
	// called at most twice a second, in the long run every other second, however many
	// viewers ask.
	RequestKeyframe func()
}

// Layer is one encoding of a track: a ring of packets with one writer. Writing
// never waits and never looks at viewers.
type Layer struct {
	// Set by newLayer, read-only afterwards.
	cfg        LayerConfig
	publisher  *Publisher
	clock      clock
	isKeyframe func([]byte) bool
	ring       *ring.Ring
	video      bool
	nals       codec.NALs
	h264       bool                          // its parameter sets say what is really sent
	vp8        bool                          // its keyframes say how large they are
	ids        func([]byte) codec.PictureIDs // nil: its packets have none

	// Shared: stored by the writer, loaded by senders and the API.
	keyframe   atomic.Uint64 // position of the newest keyframe's first packet, plus one; 0 for none
	keyframes  atomic.Uint64 // how many there were
	sps        atomic.Pointer[codec.H264SPS]
	pixels     atomic.Uint32 // width and height, 16 bits each; 0: not known
	reference  atomic.Pointer[clockReference]
	retimed    atomic.Bool                            // timestamps are our own: the publisher's reports say nothing about them
	rate       atomic.Uint64                          // bits per second over the last second
	rates      [codec.MaxTemporalID + 1]atomic.Uint64 // typical bits per second up to each temporal layer
	top        atomic.Uint32                          // the highest temporal layer of the last second
	frameRate  atomic.Uint64                          // pictures per 1000 seconds
	lastPacket atomic.Int64                           // when the newest packet came
	warned     atomic.Uint32                          // what is the matter, as bits by WarningCode
	// keyframeGap is the time between the last two keyframes, in nanoseconds.
	keyframeGap atomic.Int64

	keyframeRequests keyframeRequests
	demand           demand

	// Owned by the writer.
	in       number.Sequencer
	sets     *parameterSets // nil: the codec has none
	retimer  number.Retimer
	lastTS   uint32
	frame    uint64 // position of the first packet of the picture being written
	inFrame  bool
	keyed    bool // the picture being written is known to be a keyframe
	unwoken  int
	foresees foresight
	measured rateWindow
	temporal temporalLayers
	health   health
	changed  bool // the next packet is the first of another source
}

// clockReference ties a publisher's timestamp to our clock.
type clockReference struct {
	timestamp uint32
	nanos     int64
}

func newLayer(p *Publisher, cfg LayerConfig) *Layer {
	size := ring.Size{Packets: audioPackets, Recent: audioPackets}
	video := cfg.Codec.Kind() == codec.Video
	if video {
		size = ring.Size{Packets: videoPackets, Recent: recentPackets, Bytes: videoBytes}
	}
	if keep := p.stream.b.cfg.keepFor(p.stream.name); keep > 0 {
		size.Age, size.Bytes = int64(keep), keepBytes
		size.Packets = max(size.Packets, int(min(keep/time.Second+1, keepSeconds))*keepPackets)
	}
	if cfg.Codec.ClockRate == 0 { // nobody can divide by it
		cfg.Codec.ClockRate = defaultClockRate
	}
	nals := codec.NALsOf(cfg.Codec)
	l := &Layer{
		cfg: cfg, publisher: p, clock: p.stream.b.clock, video: video, h264: cfg.Codec.Is(codec.H264),
		vp8: cfg.Codec.Is(codec.VP8), nals: nals, ids: codec.PictureIDReader(cfg.Codec),
		isKeyframe: codec.KeyframeTest(cfg.Codec), ring: ring.New(size),
		retimer: number.NewRetimer(cfg.Codec.ClockRate), sets: newParameterSets(nals), temporal: newTemporalLayers(cfg),
	}
	l.takeOfferedSets()
	return l
}

// Codec returns what the layer carries; see Codec.Fmtp for H.264.
func (l *Layer) Codec() codec.Codec {
	if sps := l.sps.Load(); sps != nil {
		return l.cfg.Codec.WithParameter("profile-level-id", sps.ProfileLevelID)
	}
	return l.cfg.Codec
}

// WriteRTP appends one packet. It copies what it needs, never blocks and
// allocates only when a block of 64 packets or a piece of 64 KiB is full. Only
// one goroutine may write to a layer. Padding, CSRCs and header extensions are
// left out: they belong to the publisher's connection. The error is that of the
// publisher's end.
func (l *Layer) WriteRTP(p *rtp.Packet) error {
	if l.publisher.ended() {
		return l.publisher.Err()
	}
	now := l.clock.now()
	if l.holdsSets(p, now) {
		return nil
	}
	if l.video {
		l.examine(p, now)
	}
	timestamp, made := l.retimer.Fix(p.SequenceNumber, p.Timestamp, p.Marker, now)
	if made {
		l.keepTime(timestamp, now)
	}
	jumped := l.changed || l.timeJumped(timestamp, now)
	seq, order := l.in.Place(p.SequenceNumber, len(p.Payload) == 0, jumped)
	if order == number.Empty {
		return nil
	}
	l.changed = false
	newest := order != number.Late
	if newest {
		l.beginFrame(timestamp, order)
	}
	head := l.ring.Head()
	start := newest && !l.inFrame
	if start {
		l.frame, l.inFrame, l.keyed = head, true, false
	}
	kept := ring.Packet{
		Seq: seq, Arrived: now, Timestamp: timestamp, Epoch: l.in.Epoch,
		Marker: p.Marker, Start: start,
	}
	if l.sets != nil && newest {
		l.putSets(&kept, p.Payload)
	}
	kept.Passed, kept.HasPassed = l.passed(&p.Header)
	kept.Temporal = l.temporal.of(p.Payload, start, timestamp == l.lastTS)
	kept.Key = l.video && !l.keyed && timestamp == l.lastTS && l.isKeyframe(p.Payload)
	if l.h264 && newest {
		l.noteSPS(p.Payload) // before a reader sees the packet
	}
	l.ring.Append(kept, p.Payload)
	if kept.Key {
		if l.vp8 {
			l.noteSize(p.Payload)
		}
		l.noteKeyframe()
		if l.sets != nil && !newest {
			l.sets.beganLate()
		}
	}
	l.lastPacket.Store(now)
	l.publisher.heard(now)
	l.count(now, len(p.Payload), p.Marker, unpackTemporal(kept.Temporal).ID)
	l.keyframeRequests.retry(now, l.cfg.RequestKeyframe)
	l.wake(p.Marker)
	return nil
}

// passed reads the header extension that is for viewers.
func (l *Layer) passed(h *rtp.Header) (value uint8, ok bool) {
	if l.cfg.PassedExtensionID == 0 || !h.Extension {
		return 0, false
	}
	if b := h.GetExtension(l.cfg.PassedExtensionID); len(b) == 1 {
		return b[0], true
	}
	return 0, false
}

// keepTime ties our own timestamps to our clock, now and then.
func (l *Layer) keepTime(timestamp uint32, now int64) {
	l.retimed.Store(true)
	if ref := l.reference.Load(); ref == nil || now-ref.nanos > int64(time.Second) || now < ref.nanos {
		l.reference.Store(&clockReference{timestamp, now})
	}
}

// timeJumped says whether the timestamp went another way than time did.
func (l *Layer) timeJumped(timestamp uint32, now int64) bool {
	last := l.lastPacket.Load()
	if last == 0 {
		return false
	}
	passed := time.Duration(now - last)
	claimed := time.Duration(int32(timestamp-l.lastTS)) * time.Second / time.Duration(l.cfg.Codec.ClockRate) //nolint:gosec // serial number arithmetic
	return (claimed - passed).Abs() > number.MaxTimeJump
}

// beginFrame notes where a picture ends although its marker was lost or never set.
func (l *Layer) beginFrame(timestamp uint32, order number.Order) {
	if timestamp != l.lastTS || order == number.Renumbered {
		l.inFrame = false
	}
	if l.reference.Load() == nil || order == number.Renumbered {
		l.reference.Store(&clockReference{timestamp, l.clock.now()})
	}
	l.lastTS = timestamp
}

// noteKeyframe makes the picture being written the one that viewers start from.
func (l *Layer) noteKeyframe() {
	l.keyed = true
	l.ring.Keep(l.frame)
	l.keyframe.Store(l.frame + 1)
	l.keyframeRequests.answered()
	l.health.keyframes.came(l.health.watched)
	l.keyframeGap.Store(int64(l.health.keyframes.gap))
	if l.keyframes.Add(1) == 1 {
		l.publisher.stream.changed() // the stream can be watched now
	}
}

// noteSPS keeps what the publisher really sends; it seldom changes.
func (l *Layer) noteSPS(payload []byte) {
	if !codec.MayHaveSPS(payload) {
		return
	}
	info, ok := codec.FindSPS(payload)
	if old := l.sps.Load(); ok && (old == nil || *old != info) {
		l.sps.Store(&info)
		l.publisher.stream.changed()
	}
}

// count measures bit rate and picture rate over whole seconds.
func (l *Layer) count(now int64, size int, marker bool, temporal uint8) {
	if !l.measured.add(now, size, marker, temporal) {
		return
	}
	l.rate.Store(l.measured.bitsPerSecond())
	l.frameRate.Store(l.measured.milliFrames)
	for id := range l.rates {
		l.rates[id].Store(l.measured.typical[id])
	}
	l.top.Store(uint32(l.measured.top()))
}

// wake has this stream's viewers served when a picture is complete or a batch of it is
// there, and has the picture prepared when most of it has probably come.
func (l *Layer) wake(marker bool) {
	l.unwoken++
	prepare := l.foresees.add(marker)
	switch {
	case marker || !l.video || l.unwoken >= wakeEvery:
		l.unwoken = 0
		l.publisher.stream.wake(marker || !l.video)
	case prepare:
		l.publisher.stream.prepare()
	}
	if marker {
		l.inFrame = false
	}
}

// SenderReport ties an RTP timestamp to the time when its sample was captured,
// by the publisher's clock, which may be wrong as long as it is the same for its
// tracks. It is what an RTCP sender report says (RFC 3550 section 6.4.1). Any
// goroutine may call it.
func (l *Layer) SenderReport(capturedAt time.Time, rtpTime uint32) {
	if l.retimed.Load() {
		return
	}
	nanos := l.publisher.localTime(capturedAt)
	l.reference.Store(&clockReference{rtpTime, nanos})
}

// timestampAt returns the publisher's timestamp of a moment; ok is false before
// the first packet.
func (l *Layer) timestampAt(nanos int64) (uint32, bool) {
	ref := l.reference.Load()
	if ref == nil {
		return 0, false
	}
	ticks := (nanos - ref.nanos) / 1000 * int64(l.cfg.Codec.ClockRate) / 1_000_000
	return ref.timestamp + uint32(ticks), true //nolint:gosec // timestamps wrap
}

// capturedAt returns when the sample of a publisher's timestamp was taken; ok is
// false before the first packet.
func (l *Layer) capturedAt(timestamp uint32) (t time.Time, ok bool) {
	ref := l.reference.Load()
	if ref == nil {
		return time.Time{}, false
	}
	ticks := int64(int32(timestamp - ref.timestamp)) //nolint:gosec // serial number arithmetic
	return l.clock.wall(ref.nanos + ticks*1e9/int64(l.cfg.Codec.ClockRate)), true
}

// newestKeyframe returns the position of the newest keyframe that is still in the ring.
func (l *Layer) newestKeyframe() (pos uint64, ok bool) {
	k := l.keyframe.Load()
	if k == 0 || l.ring.At(k-1) == nil {
		return 0, false
	}
	return k - 1, true
}

// requestKeyframe asks the publisher, unless it was asked a moment ago.
func (l *Layer) requestKeyframe(now int64) {
	l.keyframeRequests.ask(now, l.cfg.RequestKeyframe)
}
