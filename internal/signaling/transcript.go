package signaling

import (
	"net/http"
	"strings"
	"time"

	"porthole/internal/sessioninfo"
	"porthole/internal/sessions"
)

// recorded notes what f exchanges with the client in the transcript of the session,
// errors included. The session is the one of the path or, for a POST that makes one,
// of Location.
func (h *Handler) recorded(f func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		begin := time.Now()
		body := &tap{body: r.Body}
		r.Body = body
		answer := &recorder{ResponseWriter: w, status: http.StatusOK}
		if err := f(answer, r); err != nil {
			h.fail(answer, r, err)
		}
		id := sessionOf(r)
		if location := answer.Header().Get("Location"); id == "" && location != "" {
			id = location[strings.LastIndexByte(location, '/')+1:]
		}
		if h.cfg.Table.Knows(id) {
			request := sessions.NewMessage(r.Header, body.kept, body.cut)
			request.Headers["Host"] = []string{sessions.Clipped(r.Host)} // which net/http keeps elsewhere
			h.cfg.Table.Note(id, sessioninfo.Exchange{
				At: begin.UTC(), Took: float64(time.Since(begin).Microseconds()) / 1000,
				Method: r.Method, Path: sessions.Clipped(r.URL.Path), // not with what stands behind "?"
				Status:   answer.status,
				Request:  request,
				Response: sessions.NewMessage(answer.Header(), answer.kept, answer.cut),
			})
		}
		return nil
	}
}

// tap keeps the beginning of what is read from a request's body.
type tap struct {
	body interface {
		Read(p []byte) (int, error)
		Close() error
	}
	kept []byte
	cut  bool
}

// Read implements io.Reader.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	t.kept, t.cut = keep(t.kept, t.cut, p[:n])
	return n, err // transparent
}

// Close implements io.Closer.
func (t *tap) Close() error { return t.body.Close() } // transparent

// recorder keeps the beginning of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	kept   []byte
	cut    bool
}

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Write notes what is written.
func (r *recorder) Write(p []byte) (int, error) {
	r.kept, r.cut = keep(r.kept, r.cut, p)
	return r.ResponseWriter.Write(p) // transparent
}

// Unwrap lets http.ResponseController set deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// keep appends within the limit.
func keep(kept []byte, cut bool, p []byte) ([]byte, bool) {
	room := sessions.MaxMessage - len(kept)
	return append(kept, p[:min(len(p), room)]...), cut || len(p) > room
}
