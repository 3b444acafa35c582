package sessions

import "errors"

// Ends of a session, as they are logged.
var (
	// ErrDeleted ends a session whose client sent DELETE.
	ErrDeleted = errors.New("ended by the client")
	// ErrStopping ends all sessions when the Table closes, and refuses new ones.
	ErrStopping = errors.New("the server is stopping")
	// ErrPanic ends a session whose code panicked: only that one.
	ErrPanic = errors.New("panic while serving the session")
)

// Refusals. Their texts are shown to the client.
var (
	// ErrTooManySessions refuses an offer when the Table is full.
	ErrTooManySessions = errors.New("the server is full: every session is in use")
	// ErrTooManyOffers refuses a client that leaves counter-offers unanswered.
	ErrTooManyOffers = errors.New("too many counter-offers to your address wait for their answers: answer them, or end their sessions with DELETE")
	// ErrNoSession: no such session lives.
	ErrNoSession = errors.New("there is no such session, or it has ended")
	// ErrNoFeed and ErrTooManyFeeds are about the streams of events of a session.
	ErrNoFeed       = errors.New("there is no such stream of events, or it has ended")
	ErrTooManyFeeds = errors.New("this session has as many streams of events as it can have")
)
