package broadcast

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"porthole/internal/awake"
	"porthole/internal/codec"
)

// stream is one name: one publisher at most, any number of viewers.
type stream struct {
	// Set by newStream, read-only afterwards.
	b      *Broadcaster
	name   string
	smooth bool // Config.Smooth

	// Shared, loaded by senders: the layers of the publisher that was here last,
	// by kind. Replaced, never edited.
	layers [codec.Kinds]atomic.Pointer[[]*Layer]
	// turns call the viewers of this stream and of those that borrow from it, one for
	// each sender that has any. Replaced, never edited.
	turns atomic.Pointer[[]*turn]
	// called are the readers who are called with them. Likewise.
	called atomic.Pointer[[]*Reader]

	// Set by senders: a viewer cannot play what the fallback sends now.
	starving atomic.Bool

	// Guarded by b.mu.
	publisher *Publisher
	waiting   []*Publisher  // of the same key, in the order in which they came
	announced *Announcement // of a source on this machine; nil: none
	viewers   map[*Viewer]struct{}
	readers   map[*Reader]struct{}
	grace     *awake.Timer // runs while viewers wait for a publisher
	lender    *stream      // whose layers are shown while the publisher is away; nil: nobody's
	borrowers map[*stream]struct{}
	own       [maxSenders]*turn // of its own viewers, by sender; nil: none yet
}

func newStream(b *Broadcaster, name string) *stream {
	s := &stream{b: b, name: name, smooth: slices.Contains(b.cfg.Smooth, name), viewers: make(map[*Viewer]struct{})}
	s.turns.Store(&[]*turn{})
	s.called.Store(&[]*Reader{})
	return s
}

// attachLocked makes p the publisher. The old layers stay until p has its own:
// viewers notice the change by the layers.
func (s *stream) attachLocked(p *Publisher) {
	s.publisher = p
	s.endGraceLocked()
	p.settled = time.AfterFunc(settle, s.changed)
	p.awaitSilenceLocked()
	s.changed()
}

// detachLocked ends the publisher's time; viewers wait for another one.
func (s *stream) detachLocked(p *Publisher) {
	if s.publisher != p {
		s.withdrawLocked(p)
		return
	}
	s.publisher = nil
	p.settled.Stop()
	p.silence.Stop()
	if s.succeedLocked() {
		return
	}
	if s.waitersLocked() > 0 {
		s.beginGraceLocked()
	}
	s.dropIfUnusedLocked()
	s.changed()
}

// leaveLocked removes a viewer.
func (s *stream) leaveLocked(v *Viewer) {
	delete(s.viewers, v)
	s.b.viewers--
	s.b.departed.add(v.stats.counters())
	s.dropIfUnusedLocked()
	s.changed()
}

func (s *stream) dropIfUnusedLocked() {
	if s.waitersLocked() == 0 {
		s.endGraceLocked()
	}
	if s.publisher != nil || s.announced != nil || len(s.viewers) > 0 || len(s.readers) > 0 {
		return
	}
	s.borrowLocked(nil)
	if s.b.streams[s.name] == s {
		delete(s.b.streams, s.name)
	}
}

// liveLocked says whether a viewer would see or hear something: every track
// that was announced is there and video has a keyframe to start from, or they
// have had their time and there is something at least.
func (s *stream) liveLocked() bool {
	p := s.publisher
	if p == nil {
		return false
	}
	complete, some := true, false
	for _, kind := range p.cfg.Kinds {
		layers := p.layers[kind]
		ready := slices.ContainsFunc(layers, (*Layer).begun)
		complete = complete && ready
		some = some || len(layers) > 0
	}
	return complete && some || some && time.Since(p.began) > settle
}

// wake has the viewers here served. complete says that a picture or sound is, for
// which they now wait.
func (s *stream) wake(complete bool) {
	for _, t := range *s.turns.Load() {
		if complete {
			t.sender.lateness.wake(t.sender.clock)
		}
		t.call()
	}
	for _, r := range *s.called.Load() {
		r.poke()
	}
}

// refreshTurnsLocked works out again who is served when there is media: the viewers of
// this stream, and of those that borrow from it.
func (s *stream) refreshTurnsLocked() {
	turns := s.ownTurnsLocked()
	for borrower := range s.borrowers {
		turns = append(turns, borrower.ownTurnsLocked()...)
	}
	s.turns.Store(&turns)
	s.refreshReadersLocked()
	if s.lender != nil {
		s.lender.refreshTurnsLocked()
	}
}

// ownTurnsLocked brings the turns of the stream's own viewers up to date, and returns
// those that somebody is on.
func (s *stream) ownTurnsLocked() (turns []*turn) {
	var lists [maxSenders][]*Viewer
	for v := range s.viewers {
		if v.sender != nil {
			lists[v.sender.index] = append(lists[v.sender.index], v)
		}
	}
	for i, list := range lists[:len(s.b.senders)] {
		switch {
		case s.own[i] == nil && len(list) == 0:
			continue
		case s.own[i] == nil:
			s.own[i] = newTurn(s.b.senders[i])
		}
		s.own[i].viewers.Store(&list)
		if len(list) > 0 {
			turns = append(turns, s.own[i])
		}
	}
	return turns
}

// PublisherConfig describes a publisher.
type PublisherConfig struct {
	Source string       // where it comes from, for people: "whip", "camera", "pattern"
	Kinds  []codec.Kind // the tracks that will come; the stream is live when they are there
	// Later are tracks that may come at any time, and for which nothing waits.
	Later []codec.Kind
	// RIDs names the encodings of the picture that may come; empty without simulcast.
	RIDs []string
	// Key says who publishes. Who comes with the key of the publisher that is there
	// takes the stream over with its first layer; "" is nobody's key, so that it neither takes over nor
	// is taken over. It is compared and nothing else.
	Key string
	// OwnClock says that sender reports tell the time of this machine's clock, as
	// those of a camera here do: captures then really were when they say.
	OwnClock bool
}

// Publisher is the one source of a stream, from Publish to Close.
type Publisher struct {
	life
	stream *stream
	cfg    PublisherConfig
	began  time.Time

	// Shared: the stream is stalled, and since when silence was last waited for.
	stalled    atomic.Bool
	quietSince atomic.Int64
	logged     atomic.Uint32 // warnings that were logged, as bits by WarningCode

	// Guarded by stream.b.mu.
	settled *time.Timer
	silence *time.Timer // set before the first layer, read-only afterwards
	layers  [codec.Kinds][]*Layer

	clockMu sync.Mutex
	offset  time.Duration // by how much the publisher's clock is behind ours, transport included
	synced  bool
}

func newPublisher(s *stream, cfg PublisherConfig) *Publisher {
	cfg.Kinds = slices.Compact(slices.Sorted(slices.Values(cfg.Kinds)))
	return &Publisher{life: newLife(), stream: s, cfg: cfg, began: time.Now()}
}

// AddLayer adds an encoding of a track: the only one of its kind, or one more of
// a simulcast, in any order. The first one takes the stream over from a publisher of
// the same key. Viewers of the last publisher's track move to the new one; of several,
// a viewer gets the best that it takes (Viewer.Choose). It returns ErrKindNotDeclared,
// or the reason when p has ended.
func (p *Publisher) AddLayer(cfg LayerConfig) (*Layer, error) {
	b := p.stream.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.ended() {
		return nil, p.Err()
	}
	kind := cfg.Codec.Kind()
	if !slices.Contains(p.cfg.Kinds, kind) && !slices.Contains(p.cfg.Later, kind) {
		return nil, fmt.Errorf("add %s layer to %q: %w", kind, p.stream.name, ErrKindNotDeclared)
	}
	p.stream.takeOverLocked(p)
	l := newLayer(p, cfg)
	layers := append(slices.Clone(p.layers[kind]), l)
	p.layers[kind] = layers
	if p.stream.lender == nil {
		p.stream.layers[kind].Store(&layers)
	}
	p.stream.changed()
	return l, nil
}

// Close ends the publisher; its viewers stay for the grace time. Writing to its
// layers fails from now on. The first call's reason counts, further calls do nothing.
func (p *Publisher) Close(reason error) {
	b := p.stream.b
	b.mu.Lock()
	defer b.mu.Unlock()
	p.end(reason)
	p.stream.detachLocked(p)
}

// clockSlack is by how much a publisher's clock may wander against ours before
// it is taken to have been set anew.
const clockSlack = 5 * time.Second

// clockSmoothing is how many reports it takes to follow a publisher's clock.
const clockSmoothing = 64

// localTime maps a time of the publisher's clock to ours. What counts is that
// all tracks of a publisher are mapped alike, so that they stay in step. The
// first report of a clock that is not ours is taken to have come at once.
func (p *Publisher) localTime(t time.Time) int64 {
	if p.cfg.OwnClock {
		return p.stream.b.clock.now() - int64(time.Since(t))
	}
	p.clockMu.Lock()
	defer p.clockMu.Unlock()
	// By a clock of ours that nobody sets: our own wall clock may jump, too.
	now := p.stream.b.clock.now()
	age := p.stream.b.clock.began.Add(time.Duration(now)).Round(0).Sub(t)
	if !p.synced || (age-p.offset).Abs() > clockSlack {
		p.offset, p.synced = age, true
	}
	late := age - p.offset
	p.offset += late / clockSmoothing // follow a clock that is fast or slow
	return now - int64(late)
}
