package signaling

import (
	"errors"
	"fmt"
	"time"

	"porthole/internal/streamname"
)

// ErrNoLayer refuses the choice of an encoding that the stream does not have.
var ErrNoLayer = errors.New("this cannot be chosen")

// ErrOverloaded refuses a viewer whom Config.Admit refused.
var ErrOverloaded = errors.New("no viewer can be taken now")

// Faults of a request. Their texts are shown to the client.
var (
	errNoRoute            = errors.New("there is nothing here; WHIP and WHEP endpoints look like /whip/NAME and /whep/NAME, and NAME has no slash")
	errNoStream           = errors.New("this cannot be a stream's name: use " + streamname.Rule)
	errMethod             = errors.New("this method is not supported here")
	errNestedName         = fmt.Errorf("%w: an offer goes to /whip/NAME or /whep/NAME, and NAME has no slash", errMethod)
	errNotSDP             = errors.New("the body must be " + typeSDP)
	errNotFragment        = errors.New("the body must be " + typeFragment)
	errNoRenegotiation    = errors.New("a session cannot be renegotiated: only ICE can be changed, with " + typeFragment)
	errBodyTooLarge       = errors.New("the body is too large")
	errBodyTooSlow        = errors.New("the body did not arrive in time")
	errBodyUnreadable     = errors.New("the body could not be read")
	errPreconditionNeeded = errors.New("an ICE restart needs If-Match: * or the session's ETag")
	errPreconditionFailed = errors.New("If-Match names another ICE session than the current one")
	errNoRestart          = errors.New("ICE restart is not supported; the session goes on as it was")
	errUnanswered         = errors.New("the session waits for the answer to its offer, as " + typeSDP)
	errOtherICESession    = errors.New("the fragment's ice-ufrag is not the one of this session")
	errNotJSON            = errors.New("the body must be " + typeJSON)
	errBadEvents          = errors.New("the body must be a JSON array of event names")
	errBadLayer           = errors.New("the body must be a JSON object with mediaId and rid")
	errGone               = errors.New("the client did not wait for the answer")
)

// rateError refuses a client that makes too many requests.
type rateError struct {
	retry time.Duration // until the next one may be made
}

func (e *rateError) Error() string {
	return fmt.Sprintf("too many requests, try again in %d s", seconds(e.retry))
}
