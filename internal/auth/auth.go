// Package auth decides who may publish and who may watch.
//
// There are two shared secrets, the publish token and the view token; either may
// be absent, which opens what it would protect. The publish token also lets its
// holder watch. Tokens come as "Authorization: Bearer …" (RFC 6750); pages and
// event streams, which a browser opens without being able to set a header, may
// send them as ?token=… instead (see Verifier.Require).
//
// The package owns the comparison and the 401 and 403 answers. It does not know
// streams or sessions, keeps no state between requests, and never logs or returns
// a token.
package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"

	"porthole/internal/problem"
)

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

// Config holds the tokens in force. An empty token opens its action to everybody.
type Config struct {
	PublishToken string // needed to publish; grants viewing as well
	ViewToken    string // needed to view
}

// Verifier checks requests against the configured tokens. It is read-only after
// New and safe for concurrent use. A nil Verifier refuses everything, so that a
// forgotten one does not open the door.
type Verifier struct {
	publish, view secret
}

// New makes a Verifier. New(Config{}) lets everybody do everything.
func New(cfg Config) *Verifier {
	return &Verifier{publish: newSecret(cfg.PublishToken), view: newSecret(cfg.ViewToken)}
}

// Open reports whether action needs no token at all.
func (v *Verifier) Open(action Action) bool {
	switch {
	case v == nil:
		return false
	case action == View:
		return !v.view.set
	case action == Publish:
		return !v.publish.set
	default:
		return false
	}
}

// Check decides about one request. It returns nil when the request may do action,
// else ErrNoToken, ErrBadToken or ErrForbidden.
//
// Where action is open, whatever the client sent is ignored: several players send
// "Bearer undefined" when they have not been given a token.
func (v *Verifier) Check(r *http.Request, action Action) error {
	if v.Open(action) {
		return nil
	}
	token := tokenOf(r)
	if token == "" {
		return ErrNoToken
	}
	if v == nil {
		return ErrBadToken
	}
	// Both are always compared, so that the time taken does not tell which exist.
	isPublish, isView := v.publish.matches(token), v.view.matches(token)
	switch {
	case action == View && (isPublish || isView), action == Publish && isPublish:
		return nil
	case isPublish, isView:
		return ErrForbidden
	default:
		return ErrBadToken
	}
}

// Publisher returns who the request publishes as: the same text for whoever holds
// the same token, "" for nobody in particular. That is also the answer where
// publishing needs no token, because nothing tells one client from another there.
// The text is of use for comparing only and does not give the token away.
func (v *Verifier) Publisher(r *http.Request) string {
	if v.Open(Publish) || v.Check(r, Publish) != nil {
		return ""
	}
	return "holder of the publish token"
}

// Require is the middleware that lets only requests through that may do action.
// The others get 401 with WWW-Authenticate (RFC 9110 section 11.6.1), or 403 when
// their token is good but not for this, before anything of the body is read.
//
// The token is taken from the Authorization header; for GET and HEAD, when there
// is no such header, also from the query parameter "token". Access logs must
// therefore leave out the query.
func (v *Verifier) Require(action Action) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := v.Check(r, action); err != nil {
				Deny(w, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Deny answers a request that Check refused with err, as Require does.
func Deny(w http.ResponseWriter, err error) {
	status, challenge := http.StatusUnauthorized, `Bearer realm="porthole"`
	switch {
	case errors.Is(err, ErrBadToken):
		challenge += `, error="invalid_token"`
	case errors.Is(err, ErrForbidden):
		status = http.StatusForbidden
		challenge += `, error="insufficient_scope"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	problem.Write(w, status, err.Error())
}

// secret is a token in a form that compares in constant time: equal lengths, and
// no copy of the token to leak.
type secret struct {
	sum [sha256.Size]byte
	set bool
}

func newSecret(token string) secret {
	return secret{sum: sha256.Sum256([]byte(token)), set: token != ""}
}

func (s secret) matches(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], s.sum[:]) == 1 && s.set
}
