package auth

import (
	"context"
	"errors"
	"net/http"

	"porthole/internal/problem"
)

// Verifier asks an Authorizer about HTTP requests. A nil Verifier refuses everything, so
// that a forgotten one does not open the door.
type Verifier struct{ authorizer Authorizer }

// For makes a Verifier that asks an Authorizer.
func For(a Authorizer) *Verifier { return &Verifier{authorizer: a} }

// New makes a Verifier of shared tokens. New(Config{}) lets everybody do everything.
func New(cfg Config) *Verifier { return For(NewTokens(cfg)) }

// Open says whether whoever comes may do action on a stream, "" for all of them.
func (v *Verifier) Open(ctx context.Context, action Action, stream string) bool {
	_, err := v.authorize(ctx, "", action, stream)
	return err == nil
}

func (v *Verifier) authorize(ctx context.Context, token string, action Action, stream string) (Principal, error) {
	switch {
	case v != nil:
		return v.authorizer.Authorize(ctx, token, action, stream)
	case token == "":
		return "", ErrNoToken
	default:
		return "", ErrBadToken
	}
}

// Check says who may do action on a stream by a request, "" for all streams. The error is
// the Authorizer's.
func (v *Verifier) Check(r *http.Request, action Action, stream string) (Principal, error) {
	return v.authorize(r.Context(), tokenOf(r), action, stream)
}

type principalKey struct{}

// Known returns a request that tells PrincipalOf who makes it.
func Known(r *http.Request, who Principal) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), principalKey{}, who))
}

// PrincipalOf returns who makes a request that Require let through, or that Known made.
func PrincipalOf(r *http.Request) Principal {
	who, _ := r.Context().Value(principalKey{}).(Principal)
	return who
}

// AllStreams is the stream of routes that are about all of them.
func AllStreams(*http.Request) string { return "" }

// Require is the middleware that lets only requests through that may do action on the
// stream that they name. The others get 401 with WWW-Authenticate (RFC 9110 section
// 11.6.1), or 403 when their token is good but not for this, before anything of the body
// is read.
//
// The token is taken from the Authorization header; for GET and HEAD, when there
// is no such header, also from the query parameter "token". Access logs must
// therefore leave out the query.
func (v *Verifier) Require(action Action, stream func(*http.Request) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who, err := v.Check(r, action, stream(r))
			if err != nil {
				Deny(w, err)
				return
			}
			next.ServeHTTP(w, Known(r, who))
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
