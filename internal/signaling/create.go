package signaling

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"porthole/internal/negotiate"
)

// create answers a POST on an endpoint: an offer becomes a session.
func (h *Handler) create(w http.ResponseWriter, r *http.Request) error {
	if mediaType(r) != typeSDP {
		w.Header().Set("Accept-Post", typeSDP)
		return errNotSDP
	}
	body, err := h.readBody(w, r)
	if err != nil {
		return err
	}
	offer, err := negotiate.ParseOffer(h.role, body)
	if err != nil {
		return fmt.Errorf("read the offer: %w", err)
	}
	e, answer, err := h.establish(r, offer)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", typeSDP)
	header.Set("Content-Length", strconv.Itoa(len(answer)))
	location := h.location(r, e.id)
	header.Set("Location", location)
	header.Set("ETag", e.etag)
	h.addICEServers(header)
	h.addEventsLink(header, location, e.session)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) // a client that is gone by now is noticed by the session
	return nil
}

// establish makes a session of an offer and starts to serve it. It takes, in this
// order, a place in the stream and a place in the table, and only then builds the
// connection; whatever fails, or panics, gives everything back.
func (h *Handler) establish(r *http.Request, offer *negotiate.Offer) (e *entry, answer string, err error) {
	request := Request{Stream: streamOf(r), Offer: offer}
	if h.role == negotiate.Publish {
		request.Publisher = h.cfg.Auth.Publisher(r)
	}
	session, err := h.open(request)
	if err != nil {
		return nil, "", err
	}
	kept := false
	defer func() {
		if !kept {
			session.Close(err)
		}
	}()
	if err = h.cfg.Table.reserve(); err != nil {
		return nil, "", err
	}
	defer func() {
		if !kept {
			h.cfg.Table.release()
		}
	}()
	ctx, cancel := context.WithTimeout(r.Context(), h.cfg.ConnectTimeout)
	defer cancel()
	if answer, err = session.Connect(ctx); err != nil {
		return nil, "", fmt.Errorf("answer the offer: %w", err)
	}
	if r.Context().Err() != nil {
		return nil, "", errGone
	}
	e = &entry{
		id: newID(), etag: newETag(), role: h.role, stream: request.Stream,
		client: h.clientAddr(r).String(), since: time.Now(), session: session,
		done: make(chan struct{}), ufrag: offer.Ufrag, pwd: offer.Pwd,
	}
	if err = h.cfg.Table.start(e); err != nil {
		return nil, "", err
	}
	kept = true
	return e, answer, nil
}
