// Package mjpeg shows streams as a row of JPEGs, for what has no WebRTC: printers' pages, home automation, an <img>.
//
//	source ─► show: one size of one stream, its pictures made once ─┬─► Watcher ─► multipart/x-mixed-replace
//	                                                                └─► Watcher ─► …
//
// A [Hub] has a show for each size that somebody watches. A picture is taken when one is due, made once, and is the newest one
// until the next: every [Watcher] takes the newest when it can, so one that is slow skips pictures, and nobody waits for it. What
// a camera sends as JPEG is passed on as it is to those who want it in its own size. Streams that come from elsewhere are shown
// picture by picture, as snapshots are made of them.
//
// The package knows streams, sources and viewers by the functions that it is given.
package mjpeg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/broadcast"
	"porthole/internal/refusal"
	"porthole/internal/snapshot"
)

const (
	// DefaultRate is how many pictures a second are shown to a client that asks for no rate.
	DefaultRate = 15
	// MaxRate is the most that a client gets, whatever it asks for.
	MaxRate  = 30
	maxSizes = 4  // of one stream
	maxShows = 16 // of all streams
)

// Why nothing is shown. The texts are for clients.
var (
	// ErrTooManySizes means that a stream, or all of them, are shown in as many sizes as may be.
	ErrTooManySizes = refusal.Full.New("pictures are being made in as many sizes as they can be")
	// ErrNoPictures means that the stream is one of which no pictures can be made.
	ErrNoPictures = errors.New("there are no pictures of this stream: its codec is decoded in browsers only; watch it at /watch/NAME")
	// ErrClosed is the end of all watchers when the Hub closes.
	ErrClosed = refusal.Stopping.New("the server is stopping")
)

// Raw is a picture of a source on this machine, which is not changed.
type Raw struct {
	Image *image.YCbCr // in 4:2:0 and limited range; nil where the JPEG was enough
	JPEG  []byte       // as the camera sent it; nil: it sends none
	At    time.Time    // when it was captured
}

// Config says where pictures come from. All but Log and Registerer are required.
type Config struct {
	// Stream tells what is known of a stream.
	Stream func(name string) (broadcast.StreamInfo, bool)
	// Snapshots makes pictures of streams that come from elsewhere, and says which do not.
	Snapshots interface {
		Local(broadcast.StreamInfo) (source string, ok bool)
		Possible(broadcast.StreamInfo) bool
		Take(ctx context.Context, stream string, width int) (snapshot.Picture, error)
	}
	// Look returns the next picture of a source on this machine. With raw false, its JPEG is enough.
	Look       func(ctx context.Context, source string, raw bool) (Raw, error)
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Hub has the shows. Its methods may be called by any goroutine.
type Hub struct {
	cfg      Config
	encoding chan struct{} // one slot for each picture that is made at a time
	pictures *prometheus.CounterVec
	running  sync.WaitGroup

	mu     sync.Mutex
	shows  map[key]*show
	closed bool
}

// key is what pictures are made of, once.
type key struct {
	stream string
	width  int // 0: the source's own
}

// New makes a Hub, in which nothing runs while nobody watches. It fails when the metrics cannot be registered.
func New(cfg Config) (*Hub, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hub{cfg: cfg, shows: make(map[key]*show)}
	// All pictures together take half of the processors: who watches by WebRTC has the rest.
	h.encoding = make(chan struct{}, max(runtime.GOMAXPROCS(0)/2, 1))
	h.pictures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "porthole_mjpeg_pictures_total",
		Help: "Pictures that were made for all who watch a stream as MJPEG in one size, by how: encoded here, or passed on as the camera sent them.",
	}, []string{"how"})
	h.pictures.WithLabelValues(encoded)
	h.pictures.WithLabelValues(passed)
	if cfg.Registerer == nil {
		return h, nil
	}
	if err := cfg.Registerer.Register(h.pictures); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return h, nil
}

// How a picture came to be, as labels.
const encoded, passed = "encoded", "passed"

// Watch begins to watch a stream: pictures of width pixels at most, 0 for its own size, at up to rate pictures a second. The
// caller closes what it gets. The error is ErrTooManySizes or ErrClosed.
func (h *Hub) Watch(stream string, width int, rate float64) (*Watcher, error) {
	if width != 0 {
		width = snapshot.Width(width)
	}
	rate = min(cmp.Or(max(rate, 0), DefaultRate), MaxRate)
	k := key{stream, width}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	if s := h.shows[k]; s != nil {
		return s.join(rate), nil
	}
	if err := h.roomLocked(stream); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s := newShow(h, k, stop)
	h.shows[k] = s
	w := s.join(rate) // first, or the show would begin at the pace of nobody
	h.running.Go(func() { s.run(ctx) })
	return w, nil
}

// roomLocked says whether one more size of a stream may be made.
func (h *Hub) roomLocked(stream string) error {
	var sizes []int
	for k := range h.shows {
		if k.stream == stream {
			sizes = append(sizes, k.width)
		}
	}
	if len(sizes) < maxSizes && len(h.shows) < maxShows {
		return nil
	}
	slices.Sort(sizes)
	var widths []string
	for _, width := range sizes {
		widths = append(widths, strconv.Itoa(width))
	}
	if len(widths) == 0 {
		return fmt.Errorf("%w: %d", ErrTooManySizes, maxShows)
	}
	return fmt.Errorf("%w; this stream can be had with width=%s", ErrTooManySizes, strings.Join(widths, " or width="))
}

// leave takes a watcher away, and ends its show with the last one.
func (h *Hub) leave(w *Watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.show.leave(w) == 0 {
		w.show.stop()
		h.forgetLocked(w.show)
	}
}

// forget takes a show that has failed away, so that whoever comes next begins another.
func (h *Hub) forget(s *show) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forgetLocked(s)
}

func (h *Hub) forgetLocked(s *show) {
	if h.shows[s.key] == s {
		delete(h.shows, s.key)
	}
}

// Shown returns the newest picture of a source, if somebody watches it in the size that a snapshot of this width has.
func (h *Hub) Shown(source string, width int) (snapshot.Picture, bool) {
	h.mu.Lock()
	exact, own := h.shows[key{source, width}], h.shows[key{source, 0}]
	h.mu.Unlock()
	for _, s := range []*show{exact, own} {
		if s == nil {
			continue
		}
		if p := s.last(); p != nil && p.local == source && p.Width <= width {
			return snapshot.Picture{JPEG: p.Data, Width: p.Width, Height: p.Height, At: p.At, Made: p.made}, true
		}
	}
	return snapshot.Picture{}, false
}

// Close ends all watchers with ErrClosed, and waits for what makes their pictures.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	for _, s := range h.shows {
		s.end(ErrClosed)
		s.stop()
	}
	h.mu.Unlock()
	h.running.Wait()
}
