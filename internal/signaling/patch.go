package signaling

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"porthole/internal/negotiate"
	"porthole/internal/refusal"
	"porthole/internal/sessions"
)

// patch answers a PATCH on a session: candidates, an ICE restart, or the answer to a
// counter-offer.
func (h *Handler) patch(w http.ResponseWriter, r *http.Request) error {
	e, err := h.find(r)
	if err != nil {
		return err
	}
	switch mediaType(r) {
	case typeFragment:
	case typeSDP:
		if e.counter {
			return h.guard(e, func() error { return h.answer(w, r, e) })
		}
		w.Header().Set("Accept-Patch", typeFragment)
		return errNoRenegotiation
	default:
		w.Header().Set("Accept-Patch", typeFragment)
		return errNotFragment
	}
	condition := parseIfMatch(r.Header)
	if !condition.matches(e.tag()) { // before the body: it may be large, or never come
		return errPreconditionFailed
	}
	body, err := h.readBody(w, r)
	if err != nil {
		return err
	}
	var fragment *negotiate.Fragment
	err = h.inTurn(r, func() (err error) {
		fragment, err = negotiate.ParseFragment(body)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the fragment: %w", err)
	}
	return h.guard(e, func() error { return h.apply(w, r, e, condition, fragment) })
}

// apply decides between a trickle and a restart by the client's credentials (RFC
// 9725 section 4.3.1) and does it. Candidates need no If-Match: the ICE session that
// they belong to is named by their ice-ufrag, and there are clients that never send
// the header. A restart does, because it ends what another request may have begun.
func (h *Handler) apply(
	w http.ResponseWriter, r *http.Request, e found, condition precondition, f *negotiate.Fragment,
) error {
	e.patching.Lock()
	defer e.patching.Unlock()
	if !condition.matches(e.etag) { // another PATCH came first
		return errPreconditionFailed
	}
	switch {
	case e.unanswered:
		return errUnanswered
	case f.Ufrag == e.ufrag:
		return trickle(w, e, f)
	case f.Pwd == "" || f.Pwd == e.pwd:
		// Half of the credentials are new: candidates of an ICE session that is over.
		return errOtherICESession
	case !condition.present && !h.cfg.LenientRestart:
		return errPreconditionNeeded
	default:
		return h.restart(w, r, e, f)
	}
}

// trickle hands candidates to the session: 204 without an ETag (section 4.3.2).
func trickle(w http.ResponseWriter, e found, f *negotiate.Fragment) error {
	switch err := e.Trickle(f); {
	case refusal.Of(err) == refusal.Untimely: // the session goes on
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", sessions.ErrNoSession, err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// restart gives the session new credentials: 200 with a fragment and a new ETag
// (section 4.3.3). If it cannot, the session goes on as it was.
func (h *Handler) restart(w http.ResponseWriter, r *http.Request, e found, f *negotiate.Fragment) error {
	restarter, ok := e.Session.(Restarter)
	if !ok {
		return errNoRestart
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.cfg.ConnectTimeout)
	defer cancel()
	answer, err := restarter.Restart(ctx, f)
	if err != nil {
		return fmt.Errorf("restart ICE: %w", err)
	}
	e.ufrag, e.pwd, e.etag = f.Ufrag, f.Pwd, newETag()
	body := negotiate.FormatFragment(answer)
	header := w.Header()
	header.Set("Content-Type", typeFragment)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("ETag", e.etag)
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, body)
	return nil
}
