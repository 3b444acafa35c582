package signaling

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"porthole/internal/auth"
	"porthole/internal/negotiate"
	"porthole/internal/sessions"
)

// create answers a POST on an endpoint: an offer becomes a session.
func (h *Handler) create(w http.ResponseWriter, r *http.Request) error {
	if h.redirects() {
		h.redirect(w, r)
		return nil
	}
	counter := h.role == negotiate.Watch && wantsCounterOffer(r)
	if mediaType(r) != typeSDP && !(counter && r.ContentLength == 0) {
		w.Header().Set("Accept-Post", typeSDP)
		return errNotSDP
	}
	body, err := h.readBody(w, r)
	if err != nil {
		return err
	}
	if err = h.admit(); err != nil {
		return err
	}
	placed := false
	defer func() {
		if !placed {
			h.cfg.Table.Release()
		}
	}()
	request := Request{Stream: strings.Clone(streamOf(r)), CounterOffer: counter, Client: h.clientAddr(r)}
	if !counter || len(body) > 0 {
		err = h.inTurn(r, func() (err error) {
			request.Offer, err = negotiate.ParseOffer(h.role, body)
			return err
		})
		if err != nil {
			return fmt.Errorf("read the offer: %w", err)
		}
	}
	if h.role == negotiate.Publish {
		request.Publisher = string(auth.PrincipalOf(r))
	}
	e, answer, err := h.establish(r, request)
	if err != nil {
		return err
	}
	placed = true
	h.respond(w, r, e, answer)
	return nil
}

// admit takes a place in the table, before anything is made of the offer's text.
func (h *Handler) admit() error {
	if h.role == negotiate.Watch && h.cfg.Admit != nil {
		if err := h.cfg.Admit(); err != nil {
			return fmt.Errorf("%w: %w", ErrOverloaded, err)
		}
	}
	return h.cfg.Table.Reserve()
}

// respond tells the client of its session: 201 with the answer, or 406 with the
// counter-offer.
func (h *Handler) respond(w http.ResponseWriter, r *http.Request, e found, text string) {
	header := w.Header()
	location := h.location(r, e.entry.ID)
	header.Set("Location", location)
	header.Set("ETag", e.etag)
	h.addICEServers(header, r, e.entry.ID)
	status := http.StatusCreated
	contentType := typeSDP
	if e.counter {
		status = http.StatusNotAcceptable
		contentType = counterOfferType(e.entry.Since)
		header.Set("Accept-Patch", typeSDP+", "+typeFragment)
	} else {
		h.addEventsLink(header, location, e.Session) // on a 201 only
		h.addLayerLink(header, location, e.Session)  // likewise
	}
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // a client that is gone by now is noticed by the session
}

// establish makes a session of an offer and starts to serve it. The caller has
// a place in the table, and takes it back if this fails. It takes a place in the stream,
// and only then builds the connection; whatever fails, or panics, gives that back.
func (h *Handler) establish(r *http.Request, request Request) (e found, answer string, err error) {
	kept := false
	var waiting *sessions.OpenOffer
	if request.CounterOffer {
		if waiting, err = h.cfg.Table.OpenOffer(request.Client); err != nil {
			return found{}, "", err
		}
		defer func() {
			if !kept {
				waiting.Close()
			}
		}()
	}
	request.ID = sessions.NewID()
	session, err := h.open(request)
	if err != nil {
		return found{}, "", err
	}
	defer func() {
		if !kept {
			session.Close(err)
		}
	}()
	ctx, cancel := context.WithTimeout(r.Context(), h.cfg.ConnectTimeout)
	defer cancel()
	if answer, err = session.Connect(ctx); err != nil {
		return found{}, "", fmt.Errorf("answer the offer: %w", err)
	}
	if r.Context().Err() != nil {
		return found{}, "", errGone
	}
	made := &resource{Session: session, etag: newETag(), counter: request.CounterOffer, unanswered: request.CounterOffer}
	if !request.CounterOffer {
		made.ufrag, made.pwd = request.Offer.Ufrag, request.Offer.Pwd
	}
	entry, err := h.cfg.Table.Start(sessions.Opened{
		ID: request.ID, Protocol: protocolOf(h.role), Stream: request.Stream,
		Client: h.clientAddr(r).String(), Session: made, Offer: waiting,
	})
	if err != nil {
		return found{}, "", err
	}
	kept = true
	return found{entry, made}, answer, nil
}
