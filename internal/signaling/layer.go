package signaling

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"porthole/internal/negotiate"
)

// The extension "layer" of WHEP: below a session,
//
//	POST   /{stream}/{session}/layer   {"mediaId": "0", "rid": "hd"}: 200, and that encoding
//	                                   is sent as soon as it has a keyframe
//	DELETE /{stream}/{session}/layer   200, and the server chooses again
//
// mediaId is the place of the picture's section in the SDP, or its mid; the first
// picture when it is left out. rid, for which older players say encodingId, names an
// encoding of those that the event "layers" tells; without it the server chooses,
// within maxWidth and maxHeight, pixels, if they are given. Encodings of one stream
// (SVC) are relayed whole and cannot be chosen among.

// relLayer is the Link relation of the extension.
const relLayer = "urn:ietf:params:whep:ext:core:layer"

// Chooser is an Observable whose viewer can choose among encodings of the picture.
type Chooser interface {
	Observable
	// Choose takes the viewer's wish, or returns what wraps ErrNoLayer. Any
	// goroutine may call it as long as the session is there.
	Choose(c Choice) error
}

// Choice is which encoding a viewer wants to be sent. The zero value leaves it to the
// server.
type Choice struct {
	Media               string // the section; "": the first picture
	RID                 string // the encoding; "": the best that there is
	MaxWidth, MaxHeight int    // pixels; 0: any
}

// choiceBody is a Choice as JSON. Unknown members are ignored.
type choiceBody struct {
	MediaID    mediaID `json:"mediaId"`
	RID        string  `json:"rid"`
	EncodingID string  `json:"encodingId"`
	MaxWidth   uint16  `json:"maxWidth"`
	MaxHeight  uint16  `json:"maxHeight"`

	SpatialLayer     *int `json:"spatialLayerId"`
	TemporalLayer    *int `json:"temporalLayerId"`
	MaxSpatialLayer  *int `json:"maxSpatialLayerId"`
	MaxTemporalLayer *int `json:"maxTemporalLayerId"`
}

// mediaID is a string by the draft and a number with some players.
type mediaID string

// UnmarshalJSON takes either.
func (m *mediaID) UnmarshalJSON(b []byte) error {
	var place uint16
	if b[0] != 'n' && json.Unmarshal(b, &place) == nil { // null is as good as nothing
		*m = mediaID(strconv.Itoa(int(place)))
		return nil
	}
	return json.Unmarshal(b, (*string)(m))
}

// parseChoice reads the body of a POST.
func parseChoice(body []byte) (Choice, error) {
	var wish *choiceBody
	if err := json.Unmarshal(body, &wish); err != nil {
		return Choice{}, fmt.Errorf("%w: %w", errBadLayer, err)
	}
	if wish == nil {
		return Choice{}, errBadLayer
	}
	for _, id := range []*int{wish.SpatialLayer, wish.TemporalLayer, wish.MaxSpatialLayer, wish.MaxTemporalLayer} {
		if id != nil {
			return Choice{}, fmt.Errorf("%w: spatial and temporal layers of one encoding cannot be chosen, only a rid", ErrNoLayer)
		}
	}
	c := Choice{Media: string(wish.MediaID), RID: wish.RID, MaxWidth: int(wish.MaxWidth), MaxHeight: int(wish.MaxHeight)}
	if c.RID == "" {
		c.RID = wish.EncodingID
	}
	return c, nil
}

// addLayerLink advertises the extension, on the 201 of a session that has more than
// one encoding to choose from, together with the events that tell them; also where
// nothing is known yet, as of a source that the session wakes.
func (h *Handler) addLayerLink(header http.Header, location string, s Session) {
	chooser, ok := s.(Chooser)
	if !ok || h.role != negotiate.Watch {
		return
	}
	known, several := false, false
	for _, layers := range chooser.Status().Layers {
		known, several = known || len(layers) > 0, several || len(layers) > 1
	}
	if several || !known {
		header.Add("Link", fmt.Sprintf(`<%s/layer>; rel="%s"`, location, relLayer))
	}
}

// chooser finds the session of the request, if it can choose.
func (h *Handler) chooser(r *http.Request) (Chooser, error) {
	s, err := h.find(r)
	if err != nil {
		return nil, err
	}
	chooser, ok := s.Session.(Chooser)
	if !ok {
		return nil, errNoRoute
	}
	return chooser, nil
}

// chooseLayer answers a POST: what the viewer wants.
func (h *Handler) chooseLayer(w http.ResponseWriter, r *http.Request) error {
	session, err := h.chooser(r)
	if err != nil {
		return err
	}
	if mediaType(r) != typeJSON {
		w.Header().Set("Accept-Post", typeJSON)
		return errNotJSON
	}
	body, err := h.readBody(w, r)
	if err != nil {
		return err
	}
	choice, err := parseChoice(body)
	if err == nil {
		err = session.Choose(choice)
	}
	if err != nil {
		return err
	}
	empty(w)
	return nil
}

// unchooseLayer answers a DELETE: the server chooses again.
func (h *Handler) unchooseLayer(w http.ResponseWriter, r *http.Request) error {
	session, err := h.chooser(r)
	if err == nil {
		err = session.Choose(Choice{})
	}
	if err != nil {
		return err
	}
	empty(w)
	return nil
}
