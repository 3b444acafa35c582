// Package snapshot serves the newest picture of a stream as a JPEG:
//
//	GET /snapshot/{stream}.jpg?width=640
//
// Pictures come from where they are cheapest to have: raw from a source on this
// machine, otherwise from the newest keyframe of what a publisher sends. Only VP8
// is decoded, by golang.org/x/image, in Go: a decoder in C would hand whoever may
// publish a piece of the process's memory to write into. Who wants a picture of
// another codec has to play the stream.
//
// A picture is made when it is asked for, and then good for a second, however many
// ask ([Maker]). The package knows neither streams nor sockets beyond the functions
// that it is given.
package snapshot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/still"
)

// Faults of a picture. Their texts are shown to the client.
var (
	// ErrNoStream means that there is no stream of that name.
	ErrNoStream = errors.New("there is no such stream now")
	// ErrNoPicture means that the stream shows nothing yet, or nothing any more. It passes.
	ErrNoPicture = errors.New("this stream has no picture yet")
	// ErrNoDecoder means that the stream's codec is none of which pictures can be made.
	ErrNoDecoder = errors.New("there are no snapshots of this codec; only of VP8, and of sources on this machine")
)

const (
	fresh      = time.Second      // how long a picture is the newest
	stale      = 15 * time.Second // how long it stands in for one that cannot be made just now
	rawWithin  = time.Second      // how long a source may take for a picture
	maxCached  = 128              // pictures that are kept, of
	maxBytes   = 16 << 20         // bytes together, but for a single one that is larger
	maxWidth   = 1920             // pixels of a JPEG
	minWidth   = 16
	widthSteps = 16 // widths are multiples of it, so that few are made
)

// Config says where pictures come from.
type Config struct {
	// Stream tells what is known of a stream.
	Stream func(name string) (broadcast.StreamInfo, bool)
	// Keyframe returns a stream's newest keyframe.
	Keyframe func(name string) (broadcast.Keyframe, error)
	// Raw returns the next raw picture of the source that is called name, in 4:2:0
	// and limited range, until ctx ends. Sources says whether there is one.
	Raw     func(ctx context.Context, name string) (*image.YCbCr, time.Time, error)
	Sources func(name string) bool
	// Last returns what that source showed last, in the same form, and when; ok is false
	// when it has shown nothing yet. nil: that is not known.
	Last func(name string) (img *image.YCbCr, at time.Time, ok bool)
	// Wake has the source of a stream that is off while nobody watches work until release is
	// called, and returns when there is something to see: nil for a stream that needs no
	// waking. nil: nobody is woken.
	Wake func(ctx context.Context, name string) (release func(), err error)
	// Shown returns a JPEG of a local source that is made anyway, of the width that is
	// asked for, which Take then returns if it is fresh. It may be nil.
	Shown func(source string, width int) (Picture, bool)
}

// Maker makes pictures. It is safe for concurrent use and starts no goroutines that
// outlive a call by more than the making of one picture.
type Maker struct {
	cfg    Config
	flight singleflight.Group
	turns  turns
	pool   sync.Pool // of *still.Encoder

	mu    sync.Mutex
	made  map[string]Picture // guarded by mu, as is bytes; by stream and width
	bytes int                // of those
}

// Picture is a JPEG of a stream.
type Picture struct {
	JPEG          []byte
	Width, Height int
	At            time.Time // when it was captured, or, of a keyframe, when it came
	Made          time.Time
}

// New makes a Maker.
func New(cfg Config) *Maker {
	return &Maker{cfg: cfg, turns: newTurns(), made: make(map[string]Picture), pool: sync.Pool{New: func() any { return new(still.Encoder) }}}
}

// Possible says whether there are pictures of a stream, now that it is live, or once it has been woken.
func (m *Maker) Possible(info broadcast.StreamInfo) bool {
	if asleep(info) {
		return m.cfg.Sources(info.Name)
	}
	if !info.Live {
		return false
	}
	if _, local := m.Local(info); local {
		return true
	}
	for _, t := range info.Tracks {
		if t.Codec.Kind() == codec.Video {
			return decodable(t.Codec)
		}
	}
	return false
}

// Local returns the source on this machine whose pictures are seen, if it is one, and
// not somebody who has its name.
func (m *Maker) Local(info broadcast.StreamInfo) (source string, ok bool) {
	source = shown(info)
	return source, info.Source != "whip" && m.cfg.Sources(source)
}

// shown is the stream whose pictures are seen: another one while the publisher is away
// and a fallback is shown.
func shown(info broadcast.StreamInfo) string { return cmp.Or(info.Fallback, info.Name) }

// Take returns a picture of the stream that is at most width pixels wide; 0 means
// as wide as it is, within 1920. It is not older than a second, unless none could
// be made since. A source that is off while nobody watches is woken for it. The errors
// are ErrNoStream, ErrNoPicture, ErrNoDecoder, that of ctx, and whatever a decoder says.
func (m *Maker) Take(ctx context.Context, stream string, width int) (Picture, error) {
	return m.take(ctx, stream, width, true)
}

// Peek is Take, but wakes nobody: of a source that is off it returns what that showed last.
func (m *Maker) Peek(ctx context.Context, stream string, width int) (Picture, error) {
	return m.take(ctx, stream, width, false)
}

func (m *Maker) take(ctx context.Context, stream string, width int, wake bool) (Picture, error) {
	info, ok := m.cfg.Stream(stream)
	switch {
	case !ok:
		return Picture{}, ErrNoStream
	case asleep(info): // there are none yet
	case !info.Live:
		return Picture{}, ErrNoPicture
	case !m.Possible(info):
		return Picture{}, ErrNoDecoder
	}
	width = Width(width)
	if p, ok := m.shown(info, width); ok {
		return p, nil
	}
	key := strconv.Itoa(width) + " " + stream
	if asleep(info) && !wake {
		key = "last " + key
	}
	last, ok := m.cached(key)
	if ok && time.Since(last.Made) < fresh {
		return last, nil
	}
	// One makes it for all who ask, so that it must not end with the one who came first.
	making := m.flight.DoChan(key, func() (any, error) {
		p, err := m.takeAwake(context.WithoutCancel(ctx), info, width, wake)
		if err == nil {
			m.keep(key, p)
		}
		return p, err
	})
	select {
	case result := <-making:
		p, made := result.Val.(Picture)
		if result.Err == nil && made {
			return p, nil
		}
		if ok && time.Since(last.Made) < stale {
			return last, nil
		}
		return Picture{}, result.Err
	case <-ctx.Done():
		return Picture{}, fmt.Errorf("snapshot of %q: %w", stream, ctx.Err())
	}
}

// Width is the width of pictures that are made for who asks for width; 0 asks for the
// source's own, within 1920.
func Width(width int) int {
	if width == 0 {
		return maxWidth
	}
	return min(max(width, minWidth), maxWidth) / widthSteps * widthSteps
}

// shown returns a picture that is made anyway, for those who watch pictures.
func (m *Maker) shown(info broadcast.StreamInfo, width int) (Picture, bool) {
	source, local := m.Local(info)
	if !local || m.cfg.Shown == nil {
		return Picture{}, false
	}
	p, ok := m.cfg.Shown(source, width)
	return p, ok && time.Since(p.Made) < fresh
}

// make makes a picture, when it is its turn.
func (m *Maker) make(ctx context.Context, info broadcast.StreamInfo, width int) (p Picture, err error) {
	if err = m.turns.take(); err != nil {
		return Picture{}, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	var work time.Duration
	defer func() { m.turns.give(work) }()
	defer func() {
		// What is decoded comes from outside; a fault in a decoder costs one picture.
		if fault := recover(); fault != nil {
			err = fmt.Errorf("snapshot of %q: the decoder panicked: %v", info.Name, fault)
		}
	}()
	began := time.Now()
	defer func() { work = time.Since(began) }()
	raw, at, err := m.picture(ctx, info)
	if _, local := m.Local(info); local && !asleep(info) {
		began = time.Now() // waiting for a camera is no work
	}
	if err != nil {
		return Picture{}, err
	}
	encoder := m.pool.Get().(*still.Encoder)
	file, err := encoder.Encode(raw, width)
	if err != nil {
		return Picture{}, fmt.Errorf("snapshot of %q: %w", info.Name, err)
	}
	m.pool.Put(encoder)
	p = Picture{JPEG: file.Data, Width: file.Width, Height: file.Height, At: at}
	p.Made = time.Now()
	return p, nil
}

// picture is the newest picture of a stream, raw, and when it was taken.
func (m *Maker) picture(ctx context.Context, info broadcast.StreamInfo) (*image.YCbCr, time.Time, error) {
	if asleep(info) {
		return m.last(info.Name)
	}
	if source, local := m.Local(info); local {
		return m.raw(ctx, source)
	}
	return m.decode(shown(info))
}

func (m *Maker) raw(ctx context.Context, name string) (*image.YCbCr, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, rawWithin)
	defer cancel()
	raw, at, err := m.cfg.Raw(ctx, name)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	return raw, at, nil
}

func (m *Maker) decode(name string) (*image.YCbCr, time.Time, error) {
	k, err := m.cfg.Keyframe(name)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	raw, err := decodeVP8(k.Payloads)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("snapshot of %q: %w", name, err)
	}
	return raw, k.At, nil
}

func (m *Maker) cached(key string) (Picture, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.made[key]
	return p, ok
}

// keep remembers a picture, and forgets the oldest ones that are too many with it.
func (m *Maker) keep(key string, p Picture) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetLocked(key)
	for len(m.made) > 0 && (len(m.made) >= maxCached || m.bytes+len(p.JPEG) > maxBytes) {
		oldest := ""
		for k, other := range m.made {
			if oldest == "" || other.Made.Before(m.made[oldest].Made) {
				oldest = k
			}
		}
		m.forgetLocked(oldest)
	}
	m.made[key] = p
	m.bytes += len(p.JPEG)
}

func (m *Maker) forgetLocked(key string) {
	m.bytes -= len(m.made[key].JPEG)
	delete(m.made, key)
}
