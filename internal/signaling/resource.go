package signaling

import (
	"fmt"
	"net/http"

	"porthole/internal/negotiate"
	"porthole/internal/sessions"
)

// end answers a DELETE: the session is over, and its place in the stream is free,
// when the 200 goes out, because OBS posts its next offer right after it. If-Match
// is ignored (RFC 9725 section 4.2).
func (h *Handler) end(w http.ResponseWriter, r *http.Request) error {
	e, err := h.cfg.Table.Take(protocolOf(h.role), streamOf(r), sessionOf(r))
	if err != nil {
		return err
	}
	e.Session.Close(sessions.ErrDeleted)
	select {
	case <-e.Done():
	case <-r.Context().Done():
		return fmt.Errorf("end the session: %w", errGone)
	}
	empty(w)
	return nil
}

// describeEndpoint answers GET and HEAD on an endpoint, with nothing that depends
// on the stream: players find out by the type whether a URL is for them. A browser
// that was sent to a viewer's endpoint goes on to the page.
func (h *Handler) describeEndpoint(w http.ResponseWriter, r *http.Request) error {
	if h.role == negotiate.Watch {
		w.Header().Set("Vary", "Accept")
		if h.toWatchPage(w, r) {
			return nil
		}
	}
	w.Header().Set("Accept-Post", typeSDP)
	w.Header().Set("Content-Type", typeSDP)
	empty(w)
	return nil
}

// describeSession answers GET and HEAD on a session: it is there. The answer is
// not repeated, since there are credentials in it.
func (h *Handler) describeSession(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.find(r); err != nil {
		return err
	}
	w.Header().Set("Accept-Patch", typeFragment)
	w.Header().Set("Content-Type", typeSDP)
	empty(w)
	return nil
}

// endpointOptions answers a plain OPTIONS on an endpoint. Some clients take the
// PATCH in Access-Control-Allow-Methods for "sends candidates one by one", others
// look for ICE servers here; who has no token sees none and still gets 200,
// because there are clients that stop at anything else.
func (h *Handler) endpointOptions(w http.ResponseWriter, r *http.Request) error {
	header := w.Header()
	header.Set("Accept-Post", typeSDP)
	header.Set("Access-Control-Allow-Methods", corsMethods)
	if h.authorised(r) {
		h.addICEServers(header, r, sessions.NewID())
	}
	empty(w)
	return nil
}

// sessionOptions answers a plain OPTIONS on a session, whether it exists or not.
func (h *Handler) sessionOptions(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Accept-Patch", typeFragment)
	w.Header().Set("Accept-Post", typeSDP) // "any OPTIONS", says RFC 9725 section 4.2; a POST here is 405 all the same
	w.Header().Set("Access-Control-Allow-Methods", corsMethods)
	empty(w)
	return nil
}

// authorised tells whether the client has the right that a POST needs.
func (h *Handler) authorised(r *http.Request) bool {
	_, err := h.cfg.Auth.Check(r, h.action(), streamOf(r))
	return err == nil
}

// empty answers 200 without a body.
func empty(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}
