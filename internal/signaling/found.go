package signaling

import (
	"context"
	"net/http"
	"sync"

	"porthole/internal/negotiate"
	"porthole/internal/sessions"
)

// resource is a session of the table as clients see it over HTTP.
type resource struct {
	Session
	counter bool // it began with an offer of ours; read-only

	// patching is held during a PATCH, so that a restart and a trickle do not mix.
	// It guards the client's ICE credentials and the tag of the ICE session.
	patching   sync.Mutex
	ufrag, pwd string
	etag       string
	unanswered bool // our counter-offer was made and the answer has not come
}

var _ sessions.Examiner = (*resource)(nil)

// Examine has the session find out more about itself, if it can.
func (s *resource) Examine() {
	if examiner, ok := s.Session.(sessions.Examiner); ok {
		examiner.Examine()
	}
}

// tag returns the entity tag of the current ICE session.
func (s *resource) tag() string {
	s.patching.Lock()
	defer s.patching.Unlock()
	return s.etag
}

// found is the session that a request is about.
type found struct {
	entry *sessions.Entry
	*resource
}

// find returns it, or sessions.ErrNoSession.
func (h *Handler) find(r *http.Request) (found, error) {
	e, err := h.cfg.Table.Find(protocolOf(h.role), streamOf(r), sessionOf(r))
	if err != nil {
		return found{}, err
	}
	return found{e, e.Session.(*resource)}, nil // establish starts no others
}

// guard runs a request on a session. A panic ends that session, which may be in any
// state, and nothing else.
func (h *Handler) guard(s found, f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = h.cfg.Table.Recovered(value, s.entry.ID)
			s.Close(err)
		}
	}()
	return f()
}

// inTurn calls read, which must not block, when it is its turn: within ConnectTimeout.
func (h *Handler) inTurn(r *http.Request, read func() error) error {
	ctx, cancel := context.WithTimeout(r.Context(), h.cfg.ConnectTimeout)
	defer cancel()
	return h.cfg.Table.InTurn(ctx, read)
}

// newETag makes a strong entity tag, quotes included.
func newETag() string { return `"` + sessions.NewID() + `"` }

// protocolOf returns "whip" or "whep".
func protocolOf(role negotiate.Role) string {
	if role == negotiate.Publish {
		return sessions.WHIP
	}
	return sessions.WHEP
}
