package auth

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
)

// tokenBytes is 128 bits: beyond guessing at any request rate.
const tokenBytes = 16

// Generate makes a random token of 128 bits, 22 characters of base64url.
func Generate() string {
	b := make([]byte, tokenBytes)
	rand.Read(b) // never fails: the runtime ends the process when there is no randomness
	return base64.RawURLEncoding.EncodeToString(b)
}

// tokenOf returns the token that a request carries, "" when there is none.
//
// A query parameter counts only for GET and HEAD. The address of a POST is what
// people paste into OBS, keep in logs and share; it must not be a credential.
func tokenOf(r *http.Request) string {
	if header := r.Header.Get("Authorization"); header != "" {
		return bearer(header)
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return r.URL.Query().Get("token")
	}
	return ""
}

// bearer takes the token out of an Authorization header, "" when the scheme is
// another one. The scheme's case does not matter (RFC 9110 section 11.1).
func bearer(header string) string {
	scheme, token, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
