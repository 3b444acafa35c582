// Package broadcast is the heart of Porthole: it takes packets from one
// publisher per stream and hands them to any number of viewers, each at its own
// pace. It knows no sockets, no HTTP and no WebRTC.
//
//	camera → encoder → packetizer ─┐                       ┌─ cursor ─ gate ─ pacer ─ rewriter ─ Sink (viewer A)
//	WHIP publisher ─ ingest ───────┴─► Layer ring (append) ┼─ cursor ─ …                         (viewer B)
//	                                   one writer, no locks└─ cursor ─ …                         (viewer C)
//
// A [Broadcaster] holds the streams. A stream has one [Publisher] at most, whose
// tracks have a [Layer] each: a ring of packets that one goroutine appends to
// without ever waiting. The ring is also the store for retransmissions and for
// the pictures since the last keyframe, so history is kept once per stream and
// not once per viewer.
//
// A [Viewer] is a cursor into the rings and a little rewriting state. A few
// senders, goroutines that each serve a share of all viewers, wake when a
// picture is complete, and give every viewer what its pacer allows: its own
// SSRC, payload type, sequence numbers and timestamps, written to its [Sink]. A
// viewer that cannot keep up falls behind with its own cursor only, and jumps to
// the newest keyframe when it is too late: never half a picture, never anybody
// else's problem.
//
// A [Reader] is a cursor, too, for whoever wants the packets as they came: recorders, clips, other
// servers. It reads at its own pace, with the publisher's numbers and times, and is told what was
// lost and what it was too late for.
//
// When a publisher leaves, its viewers stay for a grace time; the next publisher
// continues on the same viewers, as one gapless stream.
package broadcast

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"porthole/internal/events"
)

// Defaults for the zero values of Config.
const (
	DefaultGrace     = 30 * time.Second
	DefaultLagBudget = 400 * time.Millisecond
)

// settle is how long a stream waits for the rest of its publisher's tracks, or
// for a first keyframe, before it goes live with what there is.
const settle = 2 * time.Second

// Config holds what a Broadcaster can be told. The zero value is useful.
type Config struct {
	MaxViewers int // of all streams together; 0: no limit
	// MaxStreamViewers is the limit of each stream; 0: none.
	MaxStreamViewers int
	MaxReaders       int // of all streams together, who hold no viewer's place; 0: no limit
	// Fallbacks says which stream is shown, by name, to the viewers of another one
	// whose publisher is away; that of EveryOther to those of all streams without
	// an entry. CheckFallbacks finds what makes no sense.
	Fallbacks map[string]string
	// Keep is how far back the streams reach, by name, for clips; that of EveryOther is of all streams without an entry. It is
	// bounded by 64 MiB for each layer, and 10 minutes. Without it they keep what viewers need.
	Keep map[string]time.Duration
	// Smooth names the streams whose viewers keep pictures for a moment, so that uneven networks do
	// not show; those of others show each one as soon as they can.
	Smooth    []string
	Grace     time.Duration // how long viewers wait for a publisher to come back; 0: DefaultGrace
	LagBudget time.Duration // how late a viewer's picture may be before it jumps to a keyframe; 0: DefaultLagBudget
	Senders   int           // goroutines that serve viewers, at most 64; 0: GOMAXPROCS
	Log       *slog.Logger  // nil: discard
	// OnWarning is called when something in what a publisher of a stream sends begins to
	// hurt viewers, once for each code and publisher, by whoever writes packets: it must
	// not block. May be nil.
	OnWarning func(stream string, w Warning)
	// OnPanic is called for each panic that has ended a viewer; may be nil.
	OnPanic func()
	// Events is where news of streams is published; nil: on a bus of the broadcaster's own.
	Events *events.Bus
}

// keepFor is how far back a stream reaches; 0: as far as viewers need.
func (c Config) keepFor(stream string) time.Duration {
	if keep, ok := c.Keep[stream]; ok {
		return keep
	}
	return c.Keep[EveryOther]
}

// Broadcaster holds all live streams of the process. All methods may be called
// by any goroutine.
type Broadcaster struct {
	// Set by New, read-only afterwards.
	cfg     Config
	log     *slog.Logger
	clock   clock
	senders []*sender
	stop    context.CancelFunc
	running sync.WaitGroup // the senders, and follow

	mu sync.Mutex // guards what follows, and what stream.go and viewer.go say; never held on the media path
	// streams that have a publisher, an announcement or viewers.
	streams  map[string]*stream
	viewers  int
	readers  int
	departed Counters // of viewers that have left
	closed   bool
}

// New starts the senders. Close ends them.
func New(cfg Config) *Broadcaster {
	cfg.Grace = cmp.Or(cfg.Grace, DefaultGrace)
	cfg.LagBudget = cmp.Or(cfg.LagBudget, DefaultLagBudget)
	cfg.Senders = min(cmp.Or(cfg.Senders, runtime.GOMAXPROCS(0)), maxSenders)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Events == nil {
		cfg.Events = events.NewBus()
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &Broadcaster{
		cfg: cfg, log: cfg.Log, clock: newClock(), stop: stop,
		streams: make(map[string]*stream),
	}
	for i := range cfg.Senders {
		s := newSender(i, b)
		b.senders = append(b.senders, s)
		b.running.Go(func() { s.run(ctx) })
	}
	changes := cfg.Events.Listen(0, events.Changes)
	b.running.Go(func() { b.follow(ctx, changes) })
	return b
}

// Publish makes the caller the publisher of a stream, which comes into being if
// need be. Viewers who stayed from the last publisher continue with this one. A
// publisher with the same Key that is still there goes on until this one has its
// first layer, and ends with ErrReplaced then. It
// returns ErrStreamBusy when somebody else publishes and ErrClosed after Close.
func (b *Broadcaster) Publish(name string, cfg PublisherConfig) (*Publisher, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	s := b.streams[name]
	if s == nil {
		s = newStream(b, name)
		b.streams[name] = s
	}
	p := newPublisher(s, cfg)
	if !s.admitLocked(p) {
		return nil, fmt.Errorf("publish %q: %w", name, ErrStreamBusy)
	}
	return p, nil
}

// Join takes a place for a viewer of a stream; no media flows before Start. The
// place is given back by Viewer.Close. A source that is off (see Announcement) is
// told that it is wanted, and has the grace time to come. It returns ErrNoPublisher when there is
// nothing to see yet, ErrTooManyViewers, or ErrClosed.
func (b *Broadcaster) Join(name string) (*Viewer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	s := b.streams[name]
	if s == nil {
		s = newStream(b, name)
	}
	codecs := s.codecsLocked()
	if len(codecs) == 0 {
		return nil, fmt.Errorf("join %q: %w", name, s.absentLocked())
	}
	if b.cfg.MaxViewers > 0 && b.viewers >= b.cfg.MaxViewers {
		return nil, fmt.Errorf("join %q: %w", name, ErrTooManyViewers)
	}
	if b.cfg.MaxStreamViewers > 0 && len(s.viewers) >= b.cfg.MaxStreamViewers {
		return nil, fmt.Errorf("join %q: %w", name, ErrTooManyViewers)
	}
	v := newViewer(s, codecs)
	b.streams[name] = s
	s.viewers[v] = struct{}{}
	b.viewers++
	if s.publisher == nil {
		s.beginGraceLocked()
	}
	s.arrangeLocked()
	s.changed()
	return v, nil
}

// Events returns the bus on which the broadcaster tells that a stream, publishers, tracks or
// numbers of viewers have changed, and which streams go live and away. Listen before reading Streams.
func (b *Broadcaster) Events() *events.Bus { return b.cfg.Events }

// Close ends every publisher and viewer with ErrClosed, stops the senders and
// waits for them. No Sink is used after it returns. A second call does nothing.
func (b *Broadcaster) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	var publishers []*Publisher
	var viewers []*Viewer
	for _, s := range b.streams {
		publishers = append(publishers, s.waiting...) // before the one that they wait for
		if s.publisher != nil {
			publishers = append(publishers, s.publisher)
		}
		if s.announced != nil {
			s.announced.end(ErrClosed)
		}
		for v := range s.viewers {
			viewers = append(viewers, v)
		}
		for r := range s.readers {
			r.end(ErrClosed)
		}
	}
	b.mu.Unlock()
	for _, v := range viewers {
		v.Close(ErrClosed)
	}
	for _, p := range publishers {
		p.Close(ErrClosed)
	}
	b.stop()
	b.running.Wait()
	return nil
}

// leastLoadedLocked returns the sender with the fewest viewers.
func (b *Broadcaster) leastLoadedLocked() *sender {
	return slices.MinFunc(b.senders, func(x, y *sender) int {
		return cmp.Compare(x.assigned, y.assigned)
	})
}

// life is an end that comes once, with a reason.
type life struct {
	once   sync.Once
	done   chan struct{}
	reason atomic.Pointer[error]
}

func newLife() life { return life{done: make(chan struct{})} }

// end closes done and keeps the reason; only the first call counts.
func (l *life) end(reason error) {
	l.once.Do(func() {
		if reason == nil {
			reason = errEnded
		}
		l.reason.Store(&reason)
		close(l.done)
	})
}

var errEnded = errors.New("ended")

func (l *life) ended() bool { return l.reason.Load() != nil }

// Done is closed when it is over; Err then says why.
func (l *life) Done() <-chan struct{} { return l.done }

// Err returns why it ended, nil while it has not.
func (l *life) Err() error {
	if r := l.reason.Load(); r != nil {
		return *r
	}
	return nil
}
