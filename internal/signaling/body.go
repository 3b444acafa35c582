package signaling

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
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
	})
}

// readBody reads the whole body within the limits of size and time.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > h.cfg.MaxBody {
		return nil, fmt.Errorf("%w: %d bytes are allowed", errBodyTooLarge, h.cfg.MaxBody)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.cfg.MaxBody))
	if err == nil {
		// From here on the server reads only to notice that the client has left, and
		// an expired deadline would look like that.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		return body, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fmt.Errorf("%w: %d bytes are allowed", errBodyTooLarge, h.cfg.MaxBody)
	}
	w.Header().Set("Connection", "close") // the rest of the body may still come
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fmt.Errorf("%w: %v are allowed", errBodyTooSlow, h.cfg.BodyTimeout)
	}
	return nil, fmt.Errorf("%w: %w", errBodyUnreadable, err)
}
