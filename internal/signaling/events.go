package signaling

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"porthole/internal/events"
	"porthole/internal/negotiate"
	"porthole/internal/sessions"
)

// The extension "server-sent events" of WHEP: below a session,
//
//	POST   /{stream}/{session}/events          a JSON array of event names, or nothing: all of
//	                                           them; 201 and Location
//	GET    /{stream}/{session}/events/{feed}   the events, as text/event-stream
//	DELETE /{stream}/{session}/events/{feed}   the end; so is that of the session
//
// A browser's EventSource cannot send a token, so the GET asks for none: the
// address of a feed is as hard to guess as one, and only who had the token gets it.

// Names of the events.
const (
	eventActive      = "active"      // the stream is live; no data
	eventInactive    = "inactive"    // it is not any more
	eventLayers      = "layers"      // Status.Layers
	eventViewerCount = "viewercount" // {"viewercount": n}
	eventReconnect   = "reconnect"   // this session is over, a new one may do better; no data
)

// relEvents is the Link relation of the extension.
const relEvents = "urn:ietf:params:whep:ext:core:server-sent-events"

// knownEvents returns all of them, in the order in which they are advertised.
func knownEvents() []string {
	return []string{eventActive, eventInactive, eventLayers, eventViewerCount, eventReconnect, eventNetwork}
}

// Observable may be implemented by a Session whose stream has something to tell.
// Both methods may be called by any goroutine, as long as the session is there.
type Observable interface {
	// Listen returns a listener that is ready when Status may have changed. The caller
	// closes it.
	Listen() *events.Listener
	// Status says how the stream is now.
	Status() Status
}

// Status is what the events of a session tell.
type Status struct {
	Active  bool // somebody publishes, and there is something to see or hear
	Viewers int  // of the stream
	// Layers are the encodings of each picture, by the place of its section in the
	// SDP, from "0". There is one without simulcast.
	Layers map[string][]Layer
}

// Layer is one encoding of a picture. One that nothing comes of at the moment has
// no bit rate. Either RID or SpatialLayer is there.
type Layer struct {
	RID          string `json:"rid,omitempty"`
	SpatialLayer *int   `json:"spatialLayerId,omitempty"`
	Bitrate      uint64 `json:"bitrate,omitempty"` // bits per second
	Width        int    `json:"width,omitempty"`   // pixels
	Height       int    `json:"height,omitempty"`
}

// addEventsLink advertises the extension, on the 201 of a session that has it.
func (h *Handler) addEventsLink(header http.Header, location string, s Session) {
	if _, ok := s.(Observable); ok && h.role == negotiate.Watch {
		header.Add("Link", fmt.Sprintf(`<%s/events>; rel="%s"; events="%s"`,
			location, relEvents, strings.Join(knownEvents(), ",")))
	}
}

// observable finds the session of the request, if it has events.
func (h *Handler) observable(r *http.Request) (*sessions.Entry, Observable, error) {
	s, err := h.find(r)
	if err != nil {
		return nil, nil, err
	}
	observed, ok := s.Session.(Observable)
	if !ok {
		return nil, nil, errNoRoute
	}
	return s.entry, observed, nil
}

// createFeed answers a POST with the names of the events that a player wants.
func (h *Handler) createFeed(w http.ResponseWriter, r *http.Request) error {
	e, _, err := h.observable(r)
	if err != nil {
		return err
	}
	if r.ContentLength != 0 && mediaType(r) != typeJSON {
		w.Header().Set("Accept-Post", typeJSON)
		return errNotJSON
	}
	body, err := h.readBody(w, r)
	if err != nil {
		return err
	}
	events, err := parseEvents(body)
	if err != nil {
		return err
	}
	feed, err := e.Feeds.Add(events)
	if err != nil {
		return err
	}
	w.Header().Set("Location", h.location(r, feed.ID()))
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

// parseEvents reads which events are wanted, each once. Without a word of it, all are.
func parseEvents(body []byte) ([]string, error) {
	if len(body) == 0 {
		return knownEvents(), nil
	}
	var names []string
	if err := json.Unmarshal(body, &names); err != nil {
		return nil, fmt.Errorf("%w: %w", errBadEvents, err)
	}
	known := knownEvents()
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%w: %.40q is none of %s", errBadEvents, name, strings.Join(known, ", "))
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: it is empty", errBadEvents)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// endFeed answers a DELETE on a feed.
func (h *Handler) endFeed(w http.ResponseWriter, r *http.Request) error {
	e, _, err := h.observable(r)
	if err == nil {
		err = e.Feeds.Remove(parameter(r, "feed"))
	}
	if err != nil {
		return err
	}
	empty(w)
	return nil
}

// describeFeed answers HEAD on a feed.
func (h *Handler) describeFeed(w http.ResponseWriter, r *http.Request) error {
	e, _, err := h.observable(r)
	if err == nil {
		_, err = e.Feeds.Find(parameter(r, "feed"))
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	return nil
}

// feedsOptions answers a plain OPTIONS on the place where feeds are made.
func (h *Handler) feedsOptions(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Accept-Post", typeJSON)
	w.Header().Set("Access-Control-Allow-Methods", corsMethods)
	empty(w)
	return nil
}

// feedOptions answers a plain OPTIONS on a feed, whether it exists or not.
func (h *Handler) feedOptions(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Access-Control-Allow-Methods", corsMethods)
	empty(w)
	return nil
}
