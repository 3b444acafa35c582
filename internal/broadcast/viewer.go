package broadcast

import (
	"cmp"
	"crypto/rand"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast/pace"
	"porthole/internal/codec"
	"porthole/internal/panics"
)

// Sink is where a viewer's packets go. One goroutine at a time calls it, and
// nobody after Viewer.Close has returned.
type Sink interface {
	// WriteRTP queues or sends one packet. It must not block and must not keep
	// its arguments. ErrSinkFull says that the packet was not taken, nor its number
	// used for encryption, and that it may be later; any other error is counted,
	// and the viewer goes on, because it is the connection's owner who knows when
	// a connection is over.
	WriteRTP(header *rtp.Header, payload []byte) (int, error)
	// Flush sends what WriteRTP queued.
	Flush() error
	// WriteRTCP sends reports. It must not block.
	WriteRTCP(pkts []rtcp.Packet) error
}

// TrackConfig says how a viewer agreed to receive a track.
type TrackConfig struct {
	SSRC           uint32
	PayloadType    uint8
	RTXSSRC        uint32 // of retransmissions (RFC 4588)
	RTXPayloadType uint8  // 0: retransmit on SSRC itself
	MID            string // sent as header extension in the first packets
	MIDExtensionID uint8  // 0: not negotiated
	// CaptureTimeExtensionID is that of abs-capture-time, which tells a player
	// when a picture was taken, by our clock. 0: not negotiated.
	CaptureTimeExtensionID uint8
	// TransportCCExtensionID is that of the transport-wide sequence number, which each packet
	// then carries (draft-holmer-rmcat-transport-wide-cc-extensions-01). 0: not negotiated.
	TransportCCExtensionID uint8
	// PlayoutDelayExtensionID is that of the playout delay, which tells a player for how long
	// to keep pictures (Config.Smooth). 0: not negotiated.
	PlayoutDelayExtensionID uint8
	// PassedExtensionID is the viewer's id of what LayerConfig.PassedExtensionID
	// passes on. 0: not negotiated.
	PassedExtensionID uint8
	// Foreseen is the codec that was agreed for a kind that the stream did not have
	// when the viewer joined: the track is silent until it has. Not used for others.
	Foreseen codec.Codec
	// Accepts says whether the viewer can play another codec of a later
	// publisher on this track. nil: only the codec it began with.
	Accepts func(codec.Codec) bool
}

// ViewerConfig is what a connected viewer brings. A nil track is not sent.
type ViewerConfig struct {
	Sink         Sink
	Audio, Video *TrackConfig
	Session      string // its id in logs
	CNAME        string // of both tracks' reports; "": random (RFC 3550 section 6.5.1)
	// Wants says whether the viewer would get a codec with a new session, when it has
	// no track of this kind. It then ends with ErrTrackAdded. nil: nothing is wanted.
	Wants func(codec.Codec) bool
}

// Viewer is one consumer of a stream, from Join to Close.
type Viewer struct {
	life

	// Set by newViewer, read-only afterwards.
	id     string
	stream *stream
	began  time.Time

	// Guarded by stream.b.mu.
	codecs   []codec.Codec // what the stream sent, or was about to send, when the viewer joined
	detached bool
	sender   *sender // nil before Start

	// serving is held while the viewer is served or fed RTCP, so only ever by its
	// sender, its own connection or its end: nothing that other viewers touch.
	serving   sync.Mutex
	sink      Sink
	cname     string
	session   string // in logs
	choice    Choice
	tracks    [codec.Kinds]*track
	wants     func(codec.Codec) bool
	judged    [codec.Kinds]*Layer // of kinds without a track: not wanted
	stopped   bool
	notices   pace.Budget // of answers to TMMBR
	gathered  gathered
	transport transport

	// Owned by the sender.
	due   int64 // when it wants to be served again; 0: when there is something new
	waits bool  // it is on the sender's list for that

	turn    atomic.Pointer[turn]       // of this viewer alone; nil before Start
	starved atomic.Pointer[starvation] // by a fallback; nil: never
	stats   viewerStats
}

func newViewer(s *stream, codecs []codec.Codec) *Viewer {
	return &Viewer{life: newLife(), id: rand.Text(), stream: s, began: time.Now(), codecs: codecs}
}

// ID returns a name for logs and the API, unguessable and unique.
func (v *Viewer) ID() string { return v.id }

// Codecs returns what the stream sent, or would send next, when the viewer joined:
// one audio and one video codec at most, never none.
func (v *Viewer) Codecs() []codec.Codec { return v.codecs }

// Start lets media flow. It is called once, when the viewer's connection is up;
// before that nothing is written. It returns ErrStarted, or why the viewer ended.
func (v *Viewer) Start(cfg ViewerConfig) error {
	b := v.stream.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if v.ended() {
		return v.Err()
	}
	if v.sender != nil {
		return ErrStarted
	}
	v.serving.Lock()
	v.sink = cfg.Sink
	v.cname, v.session = cmp.Or(cfg.CNAME, v.id), cfg.Session
	v.wants = cfg.Wants
	v.transport.numbering = true
	v.transport.probes = cfg.Video == nil || cfg.Video.RTXPayloadType != 0
	v.transport.unheard = cfg.Video != nil && v.transport.probes && cfg.Video.TransportCCExtensionID != 0
	for kind := range codec.Kinds {
		tc := cfg.track(kind)
		if c := v.codecOf(kind, tc); c.MimeType != "" {
			t := newTrack(*tc, c)
			t.extensions.delay = playoutDelay(v.stream.smooth)
			t.picker.Choice = v.choice
			v.tracks[kind] = t
		}
	}
	v.serving.Unlock()
	v.sender = b.leastLoadedLocked()
	v.sender.assigned++
	v.stream.refreshTurnsLocked()
	v.turn.Store(newTurn(v.sender, v))
	v.poke()
	return nil
}

// codecOf returns what a track begins with; the zero Codec where there is none.
func (v *Viewer) codecOf(kind codec.Kind, tc *TrackConfig) codec.Codec {
	if tc == nil {
		return codec.Codec{}
	}
	if i := slices.IndexFunc(v.codecs, func(c codec.Codec) bool { return c.Kind() == kind }); i >= 0 {
		return v.codecs[i]
	}
	return tc.Foreseen
}

func (c *ViewerConfig) track(kind codec.Kind) *TrackConfig {
	if kind == codec.Video {
		return c.Video
	}
	return c.Audio
}

// Close ends the viewer and gives its place back. When it returns, the Sink is
// not used any more. The first call's reason counts, further calls do nothing.
func (v *Viewer) Close(reason error) {
	v.end(reason)
	v.finish()
	b := v.stream.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if v.detached {
		return
	}
	v.detached = true
	if v.sender != nil {
		v.sender.assigned--
		v.sender = nil
	}
	v.stream.leaveLocked(v)
	v.stream.refreshTurnsLocked()
}

// finish says goodbye and lets nobody use the sink any more.
func (v *Viewer) finish() {
	v.serving.Lock()
	defer v.serving.Unlock()
	defer v.endOnPanic()
	stopped := v.stopped
	v.stopped = true // its counters are final
	if !stopped {
		v.goodbye()
	}
}

// serve sends what the viewer is due and returns when to look again, in
// nanoseconds; 0: when something new was written. It is the sender's.
func (v *Viewer) serve(now int64, scratch *scratch) (due int64) {
	v.serving.Lock()
	defer v.serving.Unlock()
	if v.stopped || v.ended() {
		return 0
	}
	defer v.endOnPanic()
	for kind, t := range v.tracks { // audio first: it is little, and it is never held behind a key picture
		layers := v.stream.layers[kind].Load()
		if layers == nil {
			continue
		}
		if t == nil {
			v.leaveFor(*layers)
			continue
		}
		if !t.follow(v, *layers, now) {
			continue
		}
		n, d := t.send(v, now, scratch)
		v.gathered.add(n, !t.layer.video, now)
		due = sooner(due, d)
	}
	n, d := v.probePath(now, scratch)
	v.gathered.add(n, true, now)
	due = sooner(due, d)
	if v.gathered.packets == 0 {
		return due
	}
	video := v.tracks[codec.Video]
	if until, ok := v.gathered.waits(video != nil && video.unfinished, now); ok {
		return sooner(due, until)
	}
	v.flush(now)
	return due
}

// sooner returns the earlier of two times, of which 0 is never.
func sooner(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// flush lets the gathered packets leave in one batch: a system call for each viewer
// and picture.
func (v *Viewer) flush(now int64) {
	v.gathered = gathered{}
	if err := v.sink.Flush(); err != nil {
		v.stats.drop(DropWriteError, 1)
	}
	v.report(now)
}

// endOnPanic turns a panic of the sink into this viewer's end: nobody else's. It is to
// be deferred.
func (v *Viewer) endOnPanic() {
	if r := recover(); r != nil {
		b := v.stream.b
		panics.Log(b.log, "serving a viewer, which it ends", r, "session", v.session, "viewer", v.id, "stream", v.stream.name)
		v.end(ErrPanic)
		if b.cfg.OnPanic != nil {
			b.cfg.OnPanic()
		}
	}
}
