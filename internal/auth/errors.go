package auth

import "errors"

// Reasons why an Authorizer refuses a request. None of them contains the token.
var (
	// ErrNoToken means that the request carries no bearer token. Status 401.
	ErrNoToken = errors.New("a bearer token is required")
	// ErrBadToken means that the token is none of the configured ones. Status 401.
	ErrBadToken = errors.New("the bearer token is not valid")
	// ErrForbidden means that the token is valid for viewing only. Status 403.
	ErrForbidden = errors.New("this token lets you view, not publish")
)
