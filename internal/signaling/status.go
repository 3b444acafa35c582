package signaling

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"porthole/internal/negotiate"
	"porthole/internal/problem"
	"porthole/internal/refusal"
	"porthole/internal/sessions"
	"porthole/internal/sse"
)

// Times after which it makes sense to try again.
const (
	retryNoPublisher = 2 * time.Second // somebody may start any moment, and the page waits for it
	retryBusy        = 2 * time.Second // a publisher that reconnects waits for its own old session
	retryFull        = 10 * time.Second
	retryStopping    = time.Second // that is how soon a server that starts again is there
)

// statusOf is the one table that turns errors into statuses. retry is what
// Retry-After says, 0 for none. Everything that is not listed is our own fault.
func statusOf(err error) (status int, retry time.Duration) {
	is := func(targets ...error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
	class := refusal.Of(err)
	if limited, ok := errors.AsType[*rateError](err); ok {
		return http.StatusTooManyRequests, limited.retry
	}
	switch {
	case is(sessions.ErrTooManyOffers, sse.ErrClientFull):
		return http.StatusTooManyRequests, retryFull
	case is(errNoRoute, errNoStream, sessions.ErrNoSession, sessions.ErrNoFeed), class == refusal.Gone:
		return http.StatusNotFound, 0
	case is(errMethod):
		return http.StatusMethodNotAllowed, 0
	case is(errNotSDP, errNotFragment, errNotJSON):
		return http.StatusUnsupportedMediaType, 0
	case is(errPreconditionNeeded):
		return http.StatusPreconditionRequired, 0
	case is(errPreconditionFailed):
		return http.StatusPreconditionFailed, 0
	case is(errBodyTooLarge):
		return http.StatusRequestEntityTooLarge, 0
	case is(errBodyTooSlow):
		return http.StatusRequestTimeout, 0
	case is(errBodyUnreadable, errBadEvents, errBadLayer, negotiate.ErrMalformed):
		return http.StatusBadRequest, 0
	case is(negotiate.ErrUnusable, negotiate.ErrNoCommonCodec, ErrNoLayer),
		is(errNoRenegotiation, errNoRestart, errUnanswered, errOtherICESession), class == refusal.Untimely:
		return http.StatusUnprocessableEntity, 0
	case class == refusal.Absent:
		return http.StatusConflict, retryNoPublisher
	case class == refusal.Busy:
		return http.StatusConflict, retryBusy
	case is(sessions.ErrTooManySessions, ErrOverloaded, sessions.ErrTooManyFeeds, sse.ErrFull),
		is(errGone, context.Canceled, context.DeadlineExceeded), class == refusal.Full:
		return http.StatusServiceUnavailable, retryFull
	case is(sessions.ErrStopping), class == refusal.Stopping:
		return http.StatusServiceUnavailable, retryStopping
	default:
		return http.StatusInternalServerError, 0
	}
}

// fail answers a request with err. The client is told what it can do something
// about; what went wrong inside stays in the log.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, retry := statusOf(err)
	detail := err.Error()
	if status == http.StatusInternalServerError {
		h.log.ErrorContext(r.Context(), "request failed",
			"protocol", protocolOf(h.role), "method", r.Method, "stream", streamOf(r), "error", err)
		detail = "the server failed to do this; its log says why"
	} else {
		h.log.DebugContext(r.Context(), "request refused",
			"protocol", protocolOf(h.role), "method", r.Method, "stream", streamOf(r), "status", status, "error", err)
	}
	if retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds(retry)))
	}
	problem.Write(w, status, detail)
}

// seconds rounds up to whole seconds, as Retry-After has them.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
