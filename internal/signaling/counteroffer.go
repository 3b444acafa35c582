package signaling

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A counter-offer swaps the roles (WHEP, "counter-offer"): the answer to the POST is
// 406 with an offer of the server's, and the client answers that by a PATCH with
// application/sdp. It helps where an ordinary session does not connect, since the
// other side then controls ICE and begins DTLS. The draft lets a server do so at any
// time; players that do not know it fail at 406, so here a client asks for it:
//
//	Prefer: counter-offer        a header of the POST (RFC 7240), or
//	?counter-offer               in the endpoint's URL, where headers cannot be set
//
// The POST may then have no body at all. With an offer in it, the kinds and codecs of
// that are regarded.

// CounterOfferWithin is how long a counter-offer is good for.
const CounterOfferWithin = 30 * time.Second

// wantsCounterOffer tells whether the client asks for one.
func wantsCounterOffer(r *http.Request) bool {
	for _, value := range r.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(value, ",") {
			token, _, _ := strings.Cut(preference, ";")
			if strings.EqualFold(strings.TrimSpace(token), "counter-offer") {
				return true
			}
		}
	}
	return r.URL.Query().Has("counter-offer")
}

// counterOfferType is the Content-Type of a counter-offer made at that moment.
func counterOfferType(made time.Time) string {
	until := made.Add(CounterOfferWithin).UTC().Format(http.TimeFormat)
	return fmt.Sprintf("%s; valid-until=%q", typeSDP, until)
}

// answer takes the client's answer to a counter-offer: 204. No If-Match is asked
// for, since there is nothing yet that it could miss; one that is there counts.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, e found) error {
	session, ok := e.Session.(Answerable)
	if !ok {
		return errNoRenegotiation
	}
	if condition := parseIfMatch(r.Header); condition.present && !condition.matches(e.tag()) {
		return errPreconditionFailed
	}
	body, err := h.readBody(w, r)
	if err != nil {
		return err
	}
	e.patching.Lock()
	defer e.patching.Unlock()
	if !e.unanswered {
		return errNoRenegotiation
	}
	var ufrag, pwd string
	err = h.inTurn(r, func() (err error) {
		ufrag, pwd, err = session.Answer(body)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	e.ufrag, e.pwd, e.unanswered = ufrag, pwd, false
	e.entry.Offer.Close()
	w.WriteHeader(http.StatusNoContent)
	return nil
}
