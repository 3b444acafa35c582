package signaling

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"
)

// mediaType returns the type of the body in lower case without parameters, ""
// when there is none or it cannot be read.
func mediaType(r *http.Request) string {
	// A malformed parameter does not change what the body is.
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return ""
	}
	return t
}

// bounded gives the client BodyTimeout to send its body, whatever becomes of the
// request: net/http reads what a handler left unread before it answers, so that a
// client without a token, too, could hold a goroutine with a byte now and then.
// A writer that cannot set deadlines (a test's recorder, an exotic middleware)
// leaves it to the server's ReadTimeout.
func (h *Handler) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.cfg.BodyTimeout))
		}
		next.ServeHTTP(w, r)
		h.discard(r)
	})
}

// discard reads what a refusal left unread, within limits, before the refusal is
// sent: most clients look for an answer only when they have sent everything, and one
// who asked for the connection to be closed would see it reset in place of a 401 or
// 415. A client that waits for "100 Continue" has sent nothing.
func (h *Handler) discard(r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		_, _ = io.CopyN(io.Discard, r.Body, drained*h.cfg.MaxBody)
	}
}

// readBody reads the whole body within the limits of size and time.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > h.cfg.MaxBody {
		return nil, h.tooLarge(w, r)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, h.cfg.MaxBody+1))
	switch {
	case err == nil && int64(len(body)) <= h.cfg.MaxBody:
		// From here on the server reads only to notice that the client has left, and
		// an expired deadline would look like that.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		return body, nil
	case err == nil:
		return nil, h.tooLarge(w, r)
	}
	w.Header().Set("Connection", "close") // the rest of the body may still come
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fmt.Errorf("%w: %v are allowed", errBodyTooSlow, h.cfg.BodyTimeout)
	}
	return nil, fmt.Errorf("%w: %w", errBodyUnreadable, err)
}

// drained is how much of a body that is too large is read and thrown away, in
// multiples of the limit.
const drained = 16

// tooLarge refuses a body. Most clients look for an answer only when they have
// sent everything, and would see a reset connection in place of the 413 if the
// rest were left unread; so it is read, within limits. A client that waits for
// "100 Continue" is told without.
func (h *Handler) tooLarge(w http.ResponseWriter, r *http.Request) error {
	err := fmt.Errorf("%w: %d bytes are allowed", errBodyTooLarge, h.cfg.MaxBody)
	if strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		return err
	}
	if _, rest := io.CopyN(io.Discard, r.Body, drained*h.cfg.MaxBody); !errors.Is(rest, io.EOF) {
		w.Header().Set("Connection", "close")
	}
	return err
}
