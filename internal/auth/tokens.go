package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
)

// Config holds the tokens in force. An empty token opens its action to everybody.
type Config struct {
	PublishToken string // needed to publish; grants viewing as well
	ViewToken    string // needed to view
}

// Tokens is an Authorizer of two shared secrets, the same for all streams. Either may be
// absent, which opens what it would protect.
type Tokens struct {
	publish, view secret
}

// NewTokens makes Tokens. NewTokens(Config{}) lets everybody do everything.
func NewTokens(cfg Config) *Tokens {
	return &Tokens{publish: newSecret(cfg.PublishToken), view: newSecret(cfg.ViewToken)}
}

// The principals. Where an action needs no token, nothing tells one client from another.
const (
	publishTokenHolder Principal = "holder of the publish token"
	viewTokenHolder    Principal = "holder of the view token"
)

// Authorize looks at the token alone. Where action is open, whatever the client sent is
// ignored: several players send "Bearer undefined" when they have not been given a token.
func (t *Tokens) Authorize(_ context.Context, token string, action Action, _ string) (Principal, error) {
	switch {
	case t.isOpen(action):
		return "", nil
	case token == "":
		return "", ErrNoToken
	}
	// Both are always compared, so that the time taken does not tell which exist.
	isPublish, isView := t.publish.matches(token), t.view.matches(token)
	switch {
	case isPublish && (action == View || action == Publish):
		return publishTokenHolder, nil
	case isView && action == View:
		return viewTokenHolder, nil
	case isPublish, isView:
		return "", ErrForbidden
	default:
		return "", ErrBadToken
	}
}

func (t *Tokens) isOpen(action Action) bool {
	switch action {
	case View:
		return !t.view.set
	case Publish:
		return !t.publish.set
	default:
		return false
	}
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
