// Package auth decides who may publish and who may watch.
//
// An [Authorizer] decides; [Tokens] is the one that there is: two shared secrets, the
// publish token and the view token. [Verifier] is how HTTP asks one: tokens come as
// "Authorization: Bearer …" (RFC 6750); pages and event streams, which a browser opens
// without being able to set a header, may send them as ?token=… instead (see
// Verifier.Require).
//
// The package owns the comparison and the 401 and 403 answers. It does not know
// sessions or who publishes, keeps no state between requests, and never logs or
// returns a token.
package auth

import "context"

// Action is what a request wants to do.
type Action uint8

// The actions. The zero Action is none of them and is never allowed.
const (
	View    Action = iota + 1 // watch a stream, read pages and the API
	Publish                   // send a stream, and end one's own session
)

// String is the word for logs.
func (a Action) String() string {
	switch a {
	case View:
		return "view"
	case Publish:
		return "publish"
	default:
		return "unknown"
	}
}

// Principal is who somebody is: the same text for whoever holds the same credential, ""
// for nobody in particular. It is for comparing and for logs, and gives no credential away.
type Principal string

// Authorizer decides who may do what. It is safe for concurrent use.
type Authorizer interface {
	// Authorize says who may do action on a stream with a token, "" for none. Without a
	// stream, it is about all of them: their list, and the sessions. The error wraps
	// ErrNoToken, ErrBadToken or ErrForbidden; any other means that it could not be
	// decided, and refuses likewise.
	Authorize(ctx context.Context, token string, action Action, stream string) (Principal, error)
}
