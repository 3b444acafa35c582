// Package clip serves the last seconds of a stream as a file:
//
//	GET /clip/{stream}.mp4?last=30s
//
// It is cut from what the heart keeps anyway, from a keyframe on, so nothing is waited for and nothing is transcoded. How
// far back that reaches is up to --keep. Streams of VP8 are WebM files: who asks for MP4 is redirected.
package clip

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/container"
	"porthole/internal/problem"
	"porthole/internal/remux"
)

const (
	// DefaultLast is how much is cut when nobody says.
	DefaultLast = 30 * time.Second
	maxLast     = 10 * time.Minute
	maxBytes    = 256 << 20 // of a clip: more is not kept of any stream
	atOnce      = 2         // clips that are made at a time: each is in memory until it is sent
	sendWithin  = 30 * time.Second
	slowest     = 128 << 10 // bytes a second: who takes longer is cut off
)

// Faults of a clip. Their texts are shown to the client.
var (
	ErrEmpty = errors.New("nothing of this stream is kept that a clip could begin with")
	errBusy  = errors.New("other clips are being made; try again in a moment")
)

// Reads is what a clip is cut from: a broadcast.Broadcaster.
type Reads interface {
	Read(name string, cfg broadcast.ReaderConfig) (*broadcast.Reader, error)
}

// Clip is a file.
type Clip struct {
	Format string
	Start  time.Time
	Length time.Duration
	Data   []byte
}

// Take cuts the last seconds of a stream, from the keyframe before, or from the oldest one that is kept.
func Take(from Reads, stream string, last time.Duration) (Clip, error) {
	r, err := from.Read(stream, broadcast.ReaderConfig{Back: last, Passive: true, Fallback: true})
	if err != nil {
		return Clip{}, fmt.Errorf("cut a clip: %w", err)
	}
	defer r.Close()
	var made Clip
	m := remux.New(remux.Config{Part: 2 * time.Second}, &made)
	until := time.Now()
	for p, ok := r.Poll(); ok && !p.Arrived.After(until) && len(made.Data) < maxBytes; p, ok = r.Poll() {
		m.Push(p)
	}
	m.Close()
	if len(made.Data) == 0 {
		return Clip{}, errors.Join(ErrEmpty, m.Err())
	}
	if err := container.Finish(memory(made.Data), made.Format, made.Length); err != nil {
		return Clip{}, fmt.Errorf("cut a clip: %w", err)
	}
	return made, nil
}

// Begin implements remux.Output. What came before another publisher or another size is left out: a clip is one file.
func (c *Clip) Begin(f remux.File) { *c = Clip{Format: f.Format, Start: f.Start, Data: f.Head} }

// Part implements remux.Output.
func (c *Clip) Part(data []byte, length time.Duration) {
	c.Data, c.Length = append(c.Data, data...), length
}

// End implements remux.Output.
func (*Clip) End() {}

// memory is a file in memory that does not grow.
type memory []byte

func (m memory) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(m).ReadAt(p, at) //nolint:wrapcheck // io.EOF is for who reads
}

func (m memory) WriteAt(p []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(p)) > int64(len(m)) {
		return 0, io.ErrShortWrite
	}
	return copy(m[at:], p), nil
}

// HandlerConfig says from where clips are cut, and who may have them.
type HandlerConfig struct {
	From Reads
	Auth *auth.Verifier
	// Limited bounds the requests of each client; nil: no bound.
	Limited func(http.Handler) http.Handler
}

// Routes adds GET /clip/{stream}.mp4 and .webm to a router. ?last= says how much is wanted, such as 30s. It needs the
// publish token. Errors are problem documents: 404 for a stream that is not there, or of which nothing is kept, 400 for a time
// that makes no sense, 503 while other clips are being made.
func Routes(r chi.Router, cfg HandlerConfig) {
	making := make(chan struct{}, atOnce)
	r.Route("/clip", func(r chi.Router) {
		if cfg.Limited != nil {
			r.Use(cfg.Limited)
		}
		r.Use(cfg.Auth.Require(auth.Publish, func(r *http.Request) string {
			stream, _ := wanted(r)
			return stream
		}))
		r.Get("/{file}", func(w http.ResponseWriter, r *http.Request) { cfg.serve(w, r, making) })
	})
}

// wanted takes the name of the file apart.
func wanted(r *http.Request) (stream, format string) {
	file := chi.URLParam(r, "file")
	for _, format := range []string{container.MP4, container.WebM} {
		if stream, ok := strings.CutSuffix(file, "."+format); ok {
			return stream, format
		}
	}
	return "", ""
}

func (cfg HandlerConfig) serve(w http.ResponseWriter, r *http.Request, making chan struct{}) {
	stream, format := wanted(r)
	if stream == "" {
		problem.Write(w, http.StatusNotFound, "clips are at /clip/NAME.mp4")
		return
	}
	last := DefaultLast
	if text := r.URL.Query().Get("last"); text != "" {
		var err error
		if last, err = time.ParseDuration(text); err != nil || last <= 0 || last > maxLast {
			problem.Write(w, http.StatusBadRequest, "last must be a time of at most 10m, such as 30s")
			return
		}
	}
	select {
	case making <- struct{}{}:
		defer func() { <-making }()
	default:
		w.Header().Set("Retry-After", "2")
		problem.Write(w, http.StatusServiceUnavailable, errBusy.Error())
		return
	}
	made, err := Take(cfg.From, stream, last)
	if err != nil {
		problem.Write(w, http.StatusNotFound, err.Error())
		return
	}
	if made.Format != format {
		to := *r.URL
		to.Path = "/clip/" + stream + "." + made.Format
		http.Redirect(w, r, to.RequestURI(), http.StatusTemporaryRedirect)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "video/"+made.Format)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", `attachment; filename="`+stream+"-"+made.Start.UTC().Format("2006-01-02T15-04-05Z")+"."+made.Format+`"`)
	// It replaces the server's WriteTimeout, which is too short for large clips on slow networks.
	deadline := time.Now().Add(sendWithin + time.Duration(len(made.Data)/slowest)*time.Second)
	_ = http.NewResponseController(w).SetWriteDeadline(deadline) // in tests without a connection there is none
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(made.Data))
}
