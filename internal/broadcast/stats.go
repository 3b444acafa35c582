package broadcast

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"porthole/internal/bandwidth"
	"porthole/internal/codec"
)

// DropReason says why a packet did not reach a viewer.
type DropReason uint8

// The reasons, which are also the values of the metric's label.
const (
	DropLate       DropReason = iota // the viewer was further behind than its lag budget
	DropOverrun                      // the viewer was so late that the ring had gone round
	DropStale                        // the packet came after the viewer had moved on
	DropWriteError                   // the sink refused it
	DropBound                        // the viewer has said that it takes no more (TMMBR)
	DropThinned                      // its path carries too little: a temporal layer is left out
	dropReasons
)

// String returns the reason as a metric label.
func (r DropReason) String() string {
	return [dropReasons]string{"late", "overrun", "stale", "write_error", "bound", "thinned"}[r]
}

// DropReasons returns all of them, so that metrics can be made at the start.
func DropReasons() []DropReason {
	return []DropReason{DropLate, DropOverrun, DropStale, DropWriteError, DropBound, DropThinned}
}

// viewerStats are counted by the viewer's sender and read by anybody.
type viewerStats struct {
	packets, bytes, resent, probes, nacks, plis, feedbacks atomic.Uint64
	path                                                   atomic.Uint32 // PathKind
	drops                                                  [dropReasons]atomic.Uint64
}

func (s *viewerStats) drop(r DropReason, n uint64) { s.drops[r].Add(n) }

// Counters are totals since the start, of one viewer or of all.
type Counters struct {
	Packets, Bytes uint64              // RTP packets sent, payload bytes
	Resent         uint64              // packets sent again for a NACK
	Probes         uint64              // packets sent again to find out what the path carries
	NACKs, PLIs    uint64              // feedback packets received; FIR counts as PLI
	Feedbacks      uint64              // transport-wide ones, likewise
	Drops          [dropReasons]uint64 // packets not sent, by DropReason
}

func (s *viewerStats) counters() Counters {
	c := Counters{
		Packets: s.packets.Load(), Bytes: s.bytes.Load(), Resent: s.resent.Load(),
		Probes: s.probes.Load(), NACKs: s.nacks.Load(), PLIs: s.plis.Load(), Feedbacks: s.feedbacks.Load(),
	}
	for i := range s.drops {
		c.Drops[i] = s.drops[i].Load()
	}
	return c
}

func (c *Counters) add(o Counters) {
	c.Packets += o.Packets
	c.Bytes += o.Bytes
	c.Resent += o.Resent
	c.Probes += o.Probes
	c.NACKs += o.NACKs
	c.PLIs += o.PLIs
	c.Feedbacks += o.Feedbacks
	for i := range c.Drops {
		c.Drops[i] += o.Drops[i]
	}
}

// Dropped returns the packets not sent, for whatever reason.
func (c Counters) Dropped() (n uint64) {
	for _, d := range c.Drops {
		n += d
	}
	return n
}

// ViewerStats is what is known of a viewer.
type ViewerStats struct {
	Counters
	Age          time.Duration
	RTT          time.Duration // of the last receiver report; 0 unknown
	FractionLost float64       // 0 to 1, of the last receiver report for video, or audio without video
	RID          string        // of the encoding that is sent, "" without simulcast
	// AwaitsKeyframe says that the viewer has no picture, or an old one, until the
	// publisher's next keyframe.
	AwaitsKeyframe bool
	Network        Network
}

// Network is what is known of the path to a viewer, and what that means for its picture.
type Network struct {
	State bandwidth.State
	// Limit is what holds the picture down; bandwidth.ByApplication: nothing does.
	Limit bandwidth.Limit
	// Estimate is how many bits per second the path carries, headers included; 0 while it has carried all that
	// was sent.
	Estimate uint64
	// Needs is how many bits per second the lowest picture takes with the sound, or the one that is sent, and Fits whether
	// the path carries that.
	Needs uint64
	Fits  bool
	Queue time.Duration // how long packets wait in the path
	// Temporal is the highest temporal layer that is sent, of so many that there are.
	Temporal, Temporals int
	Width, Height       int // of the encoding that is sent, in pixels; 0: not known
}

// network says how the path is.
func (v *Viewer) network() Network {
	n := Network{State: v.transport.verdict.State, Limit: v.transport.verdict.Limit, Queue: v.transport.verdict.Queue, Fits: true}
	if v.transport.constrained() {
		n.Estimate = v.transport.verdict.Budget
	}
	if t := v.tracks[codec.Video]; t != nil && t.layer != nil {
		top := int(t.layer.topTemporal())
		n.Temporal, n.Temporals = min(int(t.thinner.Limit()), top), top+1
		n.Needs, n.Fits = t.picked.Needs+v.soundRate(), t.picked.Fits
		n.Width, n.Height = t.layer.size()
	}
	return n
}

// Stats returns what is known of the viewer now.
func (v *Viewer) Stats() ViewerStats {
	s := ViewerStats{Counters: v.stats.counters(), Age: time.Since(v.began)}
	v.serving.Lock()
	defer v.serving.Unlock()
	if t := v.tracks[codec.Video]; t != nil && t.layer != nil {
		s.RID = t.layer.cfg.RID
		s.AwaitsKeyframe = t.gated && !t.starved()
	}
	s.Network = v.network()
	for _, t := range v.tracks { // video comes last and wins
		if t != nil && t.reception.RTT > 0 {
			s.RTT = t.reception.RTT
			s.FractionLost = t.reception.FractionLost
		}
	}
	return s
}

// TrackInfo describes a layer of a live stream.
type TrackInfo struct {
	Codec         codec.Codec
	RID           string
	Bitrate       uint64  // bits per second, over the last second; 0 when nothing comes
	FrameRate     float64 // pictures per second, likewise
	Width, Height int     // 0 when unknown
	// Nominal is the bit rate that its encoder was told, in bits per second; 0: unknown.
	Nominal uint64
	// OnDemand says that it comes only while some viewer needs it, Wanted that one does now.
	OnDemand, Wanted bool
	Keyframes        uint64
	KeyframeRequests uint64    // sent to the publisher
	Warnings         []Warning // what of it hurts viewers now
}

// StreamInfo describes a stream.
type StreamInfo struct {
	Name  string
	Live  bool // a viewer would see or hear something, if only the fallback
	State State
	// Fallback is the stream that is shown in place of this one; Source, Since and
	// Tracks are then that one's. "" when none is.
	Fallback string
	Source   string // where it comes from, or will come from
	// SourceState says for people how a source on this machine is, or that a publisher
	// has stopped sending; "" when there is nothing to say.
	SourceState string
	Since       time.Time // when the publisher came; zero without one
	Viewers     int
	Readers     int // recorders and the like, who hold no viewer's place
	Tracks      []TrackInfo
	// RIDs names the encodings of the picture that were announced, whether or not
	// they have come; empty without simulcast.
	RIDs []string
}

// Streams returns all streams that have a publisher, an announcement or viewers, by name.
func (b *Broadcaster) Streams() []StreamInfo {
	b.mu.Lock()
	defer b.mu.Unlock()
	infos := make([]StreamInfo, 0, len(b.streams))
	for _, s := range b.streams {
		infos = append(infos, s.infoLocked())
	}
	slices.SortFunc(infos, func(x, y StreamInfo) int { return cmp.Compare(x.Name, y.Name) })
	return infos
}

// Stream returns one stream; ok is false when there is none of that name.
func (b *Broadcaster) Stream(name string) (info StreamInfo, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.streams[name]
	if s == nil {
		return StreamInfo{}, false
	}
	return s.infoLocked(), true
}

func (s *stream) infoLocked() StreamInfo {
	info := StreamInfo{Name: s.name, State: s.stateLocked(), Viewers: len(s.viewers), Readers: len(s.readers)}
	if s.announced != nil {
		info.Source, info.SourceState = s.announced.source, s.announced.status.Text
	}
	if info.State == StateStalled {
		info.SourceState = cmp.Or(info.SourceState, stalledText)
	}
	p := s.publisher
	info.Live = info.State == StateLive || info.State == StateFallback
	if info.State == StateFallback {
		lender := s.lenderLocked()
		p, info.Fallback = lender.publisher, lender.name
	}
	if p == nil {
		return info
	}
	info.Source, info.Since, info.RIDs = p.cfg.Source, p.began, p.cfg.RIDs
	for _, kind := range []codec.Kind{codec.Video, codec.Audio} {
		for _, l := range p.layers[kind] {
			info.Tracks = append(info.Tracks, l.info())
		}
	}
	return info
}

func (l *Layer) info() TrackInfo {
	info := TrackInfo{
		Codec: l.Codec(), RID: l.cfg.RID, Keyframes: l.keyframes.Load(),
		KeyframeRequests: l.keyframeRequests.total.Load(), Warnings: l.warnings(),
		Nominal: l.cfg.Nominal.Bitrate, OnDemand: l.cfg.OnDemand, Wanted: l.Wanted(),
	}
	if l.clock.now()-l.lastPacket.Load() < int64(2*time.Second) {
		info.Bitrate = l.rate.Load()
		info.FrameRate = float64(l.frameRate.Load()) / 1000
	}
	info.Width, info.Height = l.size()
	if !l.video {
		info.FrameRate, info.Keyframes = 0, 0
	}
	return info
}

// PathKind says in short how the path to a viewer is.
type PathKind uint8

// The kinds, which are also the values of a metric's label.
const (
	PathFree    PathKind = iota // it has carried all that was sent
	PathLimited                 // the viewer is sent less for its sake
	PathNarrow                  // not even the lowest picture fits
	pathKinds
)

// String returns the kind as a metric label.
func (k PathKind) String() string { return [pathKinds]string{"free", "limited", "narrow"}[k] }

// notePath keeps the kind of the path, for whoever counts.
func (v *Viewer) notePath(fits bool) {
	kind := PathFree
	switch {
	case !fits:
		kind = PathNarrow
	case v.transport.constrained():
		kind = PathLimited
	}
	v.stats.path.Store(uint32(kind))
}

// Paths counts the viewers by the kind of their path.
func (b *Broadcaster) Paths() map[PathKind]int {
	counts := make(map[PathKind]int, pathKinds)
	for kind := range pathKinds {
		counts[kind] = 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.streams {
		for v := range s.viewers {
			counts[PathKind(v.stats.path.Load())]++ //nolint:gosec // one was stored
		}
	}
	return counts
}

// Totals returns the counters of all viewers there ever were, and how many there are.
func (b *Broadcaster) Totals() (totals Counters, viewers int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	totals = b.departed
	for _, s := range b.streams {
		for v := range s.viewers {
			totals.add(v.stats.counters())
		}
	}
	return totals, b.viewers
}
