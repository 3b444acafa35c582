package sessioninfo

import "time"

// Transcript is the signalling of one session, as it was exchanged: what a client
// and the server told each other, without tokens, TURN credentials and ICE passwords,
// which are not kept at all.
type Transcript struct {
	Session   string     `json:"session"`
	Protocol  string     `json:"protocol"` // "whip" or "whep"
	Stream    string     `json:"stream"`
	Client    string     `json:"client"`    // address of who made the session
	Exchanges []Exchange `json:"exchanges"` // never null
	// Omitted is how many more there were, when it is not all of them.
	Omitted int `json:"omitted,omitempty"`
}

// Exchange is one request and its answer.
type Exchange struct {
	At       time.Time `json:"at"`     // when the request came
	Took     float64   `json:"tookMs"` // milliseconds until it was answered
	Method   string    `json:"method"`
	Path     string    `json:"path"` // without what stands behind "?"
	Request  Message   `json:"request"`
	Status   int       `json:"status"`
	Response Message   `json:"response"`
}

// Message is one half of an exchange.
type Message struct {
	Headers map[string][]string `json:"headers"` // those that matter, by name
	Body    string              `json:"body,omitempty"`
	Cut     bool                `json:"cut,omitempty"` // the body was longer
}
