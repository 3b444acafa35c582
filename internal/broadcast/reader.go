package broadcast

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"porthole/internal/broadcast/ring"
	"porthole/internal/codec"
)

// ErrReaderClosed is what Next returns after Close.
var ErrReaderClosed = errors.New("the reader was closed")

// ErrTooManyReaders is returned by Read when Config.MaxReaders read already.
var ErrTooManyReaders = errors.New("too many readers of streams")

// ReaderConfig says what a Reader reads. The zero value reads all tracks, from the newest keyframe on.
type ReaderConfig struct {
	// Kinds are the tracks that are read; empty: all.
	Kinds []codec.Kind
	// Choice is which of several encodings of the picture is read, as of a viewer; the zero Choice is
	// the one of the highest bit rate.
	Choice Choice
	// Back is how far back reading begins: at the newest keyframe that is at least as old, or the oldest one
	// that is still kept. Sound begins where the picture does, as far as it is kept: 5 s.
	Back time.Duration
	// Stays says that the reader waits for publishers however long they are away, or have not
	// come yet. Otherwise it ends as viewers do: with ErrPublisherGone after the grace time.
	Stays bool
	// Fallback says that it is read what viewers see: another stream's layers, while that is the fallback.
	// Otherwise nothing comes while the stream's own publisher is away.
	Fallback bool
	// Passive says that nothing is done for the reader: the publisher is never asked for a keyframe, and
	// neither a source nor an encoding that works on demand works because of it.
	Passive bool
}

// Break says why a packet does not follow from the one before it of its track.
type Break uint8

// The breaks. The first packet after one begins a keyframe, if it is of a picture.
const (
	NoBreak         Break = iota
	BreakStart            // it is the first one
	BreakOverrun          // the reader was so late that the ring had gone round
	BreakRenumbered       // numbers and timestamps began anew: another encoder, or a restart
	BreakEncoding         // it is of another encoding of the same publisher
	BreakPublisher        // it is of another publisher
)

// String returns the break in a word, for logs.
func (b Break) String() string {
	return [...]string{"none", "start", "overrun", "renumbered", "encoding", "publisher"}[b]
}

// Encoding is what packets are packets of. Those with the same pointer are of the same one.
type Encoding struct {
	Codec  codec.Codec // with what parameter sets really say
	RID    string      // of a simulcast, else ""
	Source string      // PublisherConfig.Source
	Since  time.Time   // when the publisher came
}

// Packet is one RTP packet as it came from the publisher, without what belongs to the publisher's
// connection.
type Packet struct {
	Kind     codec.Kind
	Encoding *Encoding
	// Payload belongs to the ring and must not be changed. It stays valid for as long as it is kept, and
	// keeps 64 KiB of its neighbours.
	Payload []byte
	// Number is the publisher's sequence number without wrap-around, and without holes for padding. Of one encoding
	// it never comes twice.
	Number    uint64
	Timestamp uint32    // the publisher's, in units of the codec's clock rate
	Arrived   time.Time // by our clock
	// Elapsed is Arrived by a clock that nobody sets, and that all tracks share.
	Elapsed  time.Duration
	Captured time.Time // by our clock, as the publisher tells; zero when that is not known
	Marker   bool      // last packet of a picture
	Start    bool      // first packet of a picture
	Keyframe bool      // of a Start: the picture is a keyframe
	// Lost is how many packets are missing right before this one. They may come yet: each that does is Late, with
	// its own lower Number, so that what is really lost is the sum of Lost less the number of Late ones.
	Lost uint64
	Late bool
	// Break says that the packet does not follow from the one before.
	Break Break
	// Skipped is how many packets of the encoding were passed over because of that: overwritten before they
	// were read, or in front of the next keyframe.
	Skipped uint64
}

// Reader reads a stream's packets as they came: for recorders, clips, other servers and
// statistics. It is a cursor into the same rings as viewers are, at its own pace: whoever reads too slowly
// is overrun, and nobody waits for it. Readers hold no viewers' places.
//
// Next, Poll and RequestKeyframe are for one goroutine; Close, Done and Err for any. Whoever has
// one closes it, also when it has ended: until then it counts.
type Reader struct {
	life
	stream *stream
	cfg    ReaderConfig
	// work has capacity one: it says that there is something to look at, not how often. Never closed.
	work   chan struct{}
	closed atomic.Bool

	// Guarded by stream.b.mu.
	detached bool

	// Owned by who reads.
	tracks []readerTrack
	since  int64 // when the first picture that is read came; 0: none yet
}

// Read begins to read a stream. It returns ErrNoPublisher when nothing is there to read and the reader is
// not one that stays, ErrTooManyReaders, or ErrClosed.
func (b *Broadcaster) Read(name string, cfg ReaderConfig) (*Reader, error) {
	r, err := b.addReader(name, cfg)
	if err == nil {
		r.follow() // from now on, however late the first packet is read
	}
	return r, err
}

func (b *Broadcaster) addReader(name string, cfg ReaderConfig) (*Reader, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	s := b.streams[name]
	if s == nil {
		s = newStream(b, name)
	}
	if !cfg.Stays && s.publisher == nil && len(s.codecsLocked()) == 0 {
		return nil, fmt.Errorf("read %q: %w", name, s.absentLocked())
	}
	if b.cfg.MaxReaders > 0 && b.readers >= b.cfg.MaxReaders {
		return nil, fmt.Errorf("read %q: %w", name, ErrTooManyReaders)
	}
	r := newReader(s, cfg)
	b.streams[name] = s
	s.addReaderLocked(r)
	return r, nil
}

func newReader(s *stream, cfg ReaderConfig) *Reader {
	r := &Reader{life: newLife(), stream: s, cfg: cfg, work: make(chan struct{}, 1)}
	kinds := cfg.Kinds
	if len(kinds) == 0 {
		kinds = []codec.Kind{codec.Video, codec.Audio}
	}
	for _, kind := range []codec.Kind{codec.Video, codec.Audio} { // sound begins where the picture does
		if slices.Contains(kinds, kind) {
			r.tracks = append(r.tracks, newReaderTrack(kind, cfg.Choice))
		}
	}
	return r
}

// Next returns the next packet, of whichever track it came for first. It waits until there is one, ctx ends, or the
// reader does. The error is then that of ctx, or why the reader ended. It allocates nothing.
func (r *Reader) Next(ctx context.Context) (Packet, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Packet{}, err
		}
		if p, ok := r.Poll(); ok {
			return p, nil
		}
		if r.ended() {
			return Packet{}, r.Err()
		}
		select {
		case <-r.work:
		case <-r.Done():
		case <-ctx.Done():
		}
	}
}

// Poll is Next without waiting: ok is false when there is nothing now.
func (r *Reader) Poll() (p Packet, ok bool) {
	if r.closed.Load() {
		return Packet{}, false
	}
	if p, ok = r.take(); ok {
		return p, true
	}
	now := r.follow()
	if p, ok = r.take(); ok || r.cfg.Passive {
		return p, ok
	}
	for i := range r.tracks {
		r.tracks[i].awaits(now)
	}
	return Packet{}, false
}

// follow keeps the tracks on the right layers, and returns the time.
func (r *Reader) follow() (now int64) {
	now = r.stream.b.clock.now()
	for i := range r.tracks {
		r.tracks[i].follow(r, now)
	}
	return now
}

// take returns the packet that came first of those that are there.
func (r *Reader) take() (Packet, bool) {
	var of *readerTrack
	var first *ring.Packet
	for i := range r.tracks {
		if p := r.tracks[i].peek(); p != nil && (first == nil || p.Arrived < first.Arrived) {
			of, first = &r.tracks[i], p
		}
	}
	if first == nil {
		return Packet{}, false
	}
	return of.take(first), true
}

// RequestKeyframe has the publisher asked for one, within the bounds that hold for viewers. It is for the goroutine that reads.
func (r *Reader) RequestKeyframe() {
	for i := range r.tracks {
		if t := &r.tracks[i]; t.layer != nil && t.layer.video {
			t.asks.ask(t.layer, r.stream.b.clock.now())
		}
	}
}

// Close ends the reader; Next returns ErrReaderClosed from now on. Further calls do nothing.
func (r *Reader) Close() {
	r.closed.Store(true)
	r.end(ErrReaderClosed)
	b := r.stream.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if !r.detached {
		r.detached = true
		r.stream.removeReaderLocked(r)
	}
}

// poke wakes who waits in Next. It never blocks.
func (r *Reader) poke() {
	select {
	case r.work <- struct{}{}:
	default:
	}
}
