// Package sessions is the table of WHIP and WHEP sessions: those that live, with the
// goroutines that serve them, and for a while those that have ended.
//
// It keeps what is to be told of a session afterwards: its signalling, without passwords
// and within budgets, the verdict on what was the matter with it, and a redacted form of
// both for strangers. It bounds what sessions can have: places, unanswered counter-offers,
// streams of events, descriptions that are read at a time.
//
// The package knows neither HTTP, which package signaling does, nor media: what a session
// is made of is behind the interface Session.
package sessions
