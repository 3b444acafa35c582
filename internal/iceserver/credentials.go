package iceserver

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what TURN servers compute
	"encoding/base64"
	"strconv"
	"time"
)

// Access is a server as a client is told of it.
type Access struct {
	URL                string
	Username, Password string // empty for STUN
}

// Access returns what a client needs to use the server until expiry. A server with
// a shared secret gets credentials of its own for each session; fixed ones are
// passed on as they are.
func (s Server) Access(session string, expiry time.Time) Access {
	a := Access{URL: s.URL(), Username: s.Username, Password: s.Password}
	if s.Secret != "" {
		a.Username, a.Password = Credential(s.Secret, session, expiry)
	}
	return a
}

// Credential makes the time-limited credentials that coturn and others accept who
// know the same secret (draft-uberti-behave-turn-rest-00 2.2): the user name is
// EXPIRY:SESSION, in seconds since 1970, and the password its HMAC-SHA1 in base64.
func Credential(secret, session string, expiry time.Time) (username, password string) {
	username = strconv.FormatInt(expiry.Unix(), 10) + ":" + session
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(username)) // never fails
	return username, base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
