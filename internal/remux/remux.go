// Package remux makes files of packets, without transcoding: packets are put in order, pictures and sound are put
// together, given times on one clock, and handed to a muxer in parts of half a second.
//
//	broadcast.Packet ─► order ─► assembler ─► timeline ─► Remuxer ─► container.Muxer ─► Output
//	                    by time   pictures     one clock   files,
//	                                           for both    parts
//
// What is lost stays a gap: a picture that is not whole is left out, and those that follow up to the next keyframe with it, so that
// whoever plays the file decodes everything in it. Sound and picture are in step by what the publisher tells of its
// clocks, and by when packets come where it tells nothing.
//
// A new file begins with another publisher, other parameters of a codec, another size, a track that was not there,
// and when Config.Segment is over: at a keyframe, and without a gap.
package remux

import (
	"errors"
	"fmt"
	"time"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/container"
)

const (
	// DefaultPart is how much a part holds. What has not become a part yet is lost with the process.
	DefaultPart = 500 * time.Millisecond
	// settle is how long a file waits for the first picture, or the first sound, of a publisher before it begins with
	// what there is; what comes later is in a file that begins then.
	settle = 900 * time.Millisecond
	// cutSlack is how long after a keyframe the file before it is ended there: sound of the time before may still come.
	cutSlack = 200 * time.Millisecond
	// maxQueued bounds what waits for its part.
	maxQueued = 4096
)

// Config says how files are made. The zero value is useful.
type Config struct {
	Segment time.Duration // after which a new file begins; 0: never
	Part    time.Duration // 0: DefaultPart
	// Keyframe asks the publisher for one, because a picture is missing or a new file is due; nil: nobody is asked.
	Keyframe func()
}

// File says what a file begins with.
type File struct {
	Format string    // container.MP4, container.WebM
	Start  time.Time // when what is in it begins, by our wall clock
	Tracks []container.Track
	Head   []byte // belongs to the Output
}

// Output takes files, one after the other.
type Output interface {
	Begin(f File)
	// Part takes the next bytes of the file, which belong to it, and how long the file is with them.
	Part(data []byte, length time.Duration)
	End()
}

// Totals count what a Remuxer has come across.
type Totals struct {
	Pictures, Sounds uint64 // that are in files
	Lost             uint64 // packets that never came, or too late
	Incomplete       uint64 // pictures left out because packets are missing, of them or of those that they refer to
	Gaps             uint64 // times when that was so
}

// ErrCodec means that a stream's codec is none that files are made of.
var ErrCodec = errors.New("files are made of H.264, H.265, VP8, VP9, AV1 and Opus only")

// Remuxer makes files of one stream's packets. It is for one goroutine.
type Remuxer struct {
	cfg    Config
	out    Output
	tracks [codec.Kinds]track
	totals Totals

	publisher  time.Time // since when the one publishes whose packets come
	now        int64     // when the newest packet came
	wall       time.Time // the same by the wall clock
	first      int64     // when the first packet came that is in no file yet
	lastPart   int64
	asked      int64 // when a keyframe was asked for the next segment
	file       *file
	unplayable error // why the newest packets are in no file
}

// New makes a Remuxer.
func New(cfg Config, out Output) *Remuxer {
	if cfg.Part == 0 {
		cfg.Part = DefaultPart
	}
	if cfg.Keyframe == nil {
		cfg.Keyframe = func() {}
	}
	r := &Remuxer{cfg: cfg, out: out}
	for kind := range r.tracks {
		r.tracks[kind].r = r
	}
	return r
}

// Totals returns what was counted so far.
func (r *Remuxer) Totals() Totals { return r.totals }

// Err says why what comes is in no file, or not all of it; nil when it is.
func (r *Remuxer) Err() error { return r.unplayable }

// Push takes the next packet of a Reader.
func (r *Remuxer) Push(p broadcast.Packet) {
	r.now, r.wall = int64(p.Elapsed), p.Arrived
	if !p.Encoding.Since.Equal(r.publisher) {
		r.finish()
		r.publisher, r.unplayable = p.Encoding.Since, nil
	}
	if r.first == 0 {
		r.first = r.now
	}
	r.tracks[p.Kind].push(p)
	if r.now-r.lastPart >= int64(r.cfg.Part) {
		r.flush(false)
	}
}

// Tick says that nothing more has come up to a time since the Reader's clock began. It is to be called now and then while there
// are no packets, so that those that are there become parts.
func (r *Remuxer) Tick(elapsed time.Duration) {
	if int64(elapsed) <= r.now || r.now == 0 {
		return
	}
	r.wall = r.wall.Add(elapsed - time.Duration(r.now))
	r.now = int64(elapsed)
	for kind := range r.tracks {
		r.tracks[kind].overdue()
	}
	if r.now-r.lastPart >= int64(r.cfg.Part) {
		r.flush(false)
	}
}

// Close ends the file, with everything that came.
func (r *Remuxer) Close() { r.finish() }

// Cut ends the file; the next one begins with the next keyframe. It is for when what was written is lost.
func (r *Remuxer) Cut() {
	r.endFile()
	for kind := range r.tracks {
		r.tracks[kind].queue = nil
		r.tracks[kind].wantKey = true
	}
	r.first = 0
	r.cfg.Keyframe()
}

// finish ends the file, and everything that is known of the publisher.
func (r *Remuxer) finish() {
	for kind := range r.tracks {
		r.tracks[kind].drain()
	}
	r.flush(true)
	r.endFile()
	for kind := range r.tracks {
		r.tracks[kind] = track{r: r}
	}
	r.first = 0
}

// gap counts a loss, and asks for a keyframe.
func (r *Remuxer) gap() {
	r.totals.Gaps++
	r.cfg.Keyframe()
}

func (r *Remuxer) refuse(c codec.Codec) {
	r.unplayable = fmt.Errorf("%w, and this is %s", ErrCodec, c.Name())
}
