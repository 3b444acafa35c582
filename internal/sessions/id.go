package sessions

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// idBytes is 128 bits: RFC 9725 section 5 wants at least 122.
const idBytes = 16

// NewID makes an id that cannot be guessed, 22 characters of base64url.
func NewID() string {
	b := make([]byte, idBytes)
	rand.Read(b) // never fails: the runtime ends the process when there is no randomness
	return base64.RawURLEncoding.EncodeToString(b)
}

// RelayUser returns what TURN servers may know a session by. User names cross the
// network in the clear and are in the logs of servers of others, while the id alone
// ends the session; from this name nobody gets back to an id of 122 bits or more. The
// log's line "session started" has both.
func RelayUser(session string) string {
	mac := hmac.New(sha256.New, []byte(session))
	mac.Write([]byte("relay user")) // never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:idBytes])
}
