package negotiate

import "errors"

// The errors of this package wrap one of these and carry a text that names the
// section, what is wrong with it and, where there is one, the cure. It is meant
// to be shown to whoever configured the client.
var (
	// ErrMalformed means that the body is not a session description or fragment,
	// or that it lacks what every WebRTC description has.
	ErrMalformed = errors.New("malformed SDP")

	// ErrUnusable means that the offer is well-formed and asks for something that
	// its role does not allow or that Porthole does not do.
	ErrUnusable = errors.New("unusable offer")

	// ErrNoCommonCodec means that the offer is fine except for its codecs.
	ErrNoCommonCodec = errors.New("no common codec")
)
