// Package events is the one bus that news of streams and sessions travels by, from who makes
// it to who has to act on it: event streams of the API and of WHEP, sources that work on
// demand, and whoever tells other systems.
//
//	broadcast ─┐                 ┌─► Listener ─► read the state anew
//	sessions ──┼─► Bus.Publish ──┤
//	peer ──────┘                 └─► Listener ─► Take: what happened, one after the other
//
// Publishing never waits: each listener has a queue of its own, with a bound. One that is too
// slow loses the oldest events and is told how many; it then reads the state anew, from where
// it is kept. A listener that only wants to know that something has changed has no queue.
//
// The package is a leaf. The names of events and the fields of their data are for other
// programs: they may be added to, never renamed.
package events

import "time"

// Event is something that has happened.
type Event struct {
	At   time.Time `json:"at"`
	Name string    `json:"event"` // of its Data: "stream.live"
	Data Data      `json:"data"`
}

// Data is what an event is about: one of the types below.
type Data interface{ name() string }

// StreamChanged says that something that is told of a stream is another now, whatever that is: its
// state, viewers, tracks, warnings. The state is read from where streams are kept.
type StreamChanged struct {
	Stream string `json:"stream"`
}

// StreamLive says that a viewer who joins now sees or hears something.
type StreamLive struct {
	Stream   string `json:"stream"`
	State    string `json:"state"`              // "live" or "fallback"
	Source   string `json:"source"`             // "camera", "pattern", "whip"
	Fallback string `json:"fallback,omitempty"` // the stream that is shown in place of it
}

// StreamAway says that the stream was live and is not any more.
type StreamAway struct {
	Stream string `json:"stream"`
	State  string `json:"state"` // "waiting", "standby" or "stalled"
}

// StreamWarning says that something in what is published begins to hurt viewers. It is told once for
// each code and publisher.
type StreamWarning struct {
	Stream string `json:"stream"`
	Code   string `json:"code"`          // of broadcast.WarningCode: "no_keyframes"
	RID    string `json:"rid,omitempty"` // which layer, with simulcast
}

// SessionOpened says that a client has its answer, or our offer.
type SessionOpened struct {
	Session  string `json:"session"`  // its id, which is a credential
	Protocol string `json:"protocol"` // "whip" or "whep"
	Stream   string `json:"stream"`
	Client   string `json:"client"` // address
}

// SessionState says that a session is connected, or disconnected and perhaps back later. It comes
// between SessionOpened and SessionEnded.
type SessionState struct {
	Session string `json:"session"`
	State   string `json:"state"` // "connected" or "disconnected"
}

// SessionEnded says that a session is over. It can be asked about for some minutes more.
type SessionEnded struct {
	Session  string `json:"session"`
	Protocol string `json:"protocol"`
	Stream   string `json:"stream"`
	Reason   string `json:"reason"` // for people
	Code     string `json:"code"`   // what was the matter with it, of package diagnosis
}

func (StreamChanged) name() string { return "stream.changed" }
func (StreamLive) name() string    { return "stream.live" }
func (StreamAway) name() string    { return "stream.away" }
func (StreamWarning) name() string { return "stream.warning" }
func (SessionOpened) name() string { return "session.opened" }
func (SessionState) name() string  { return "session.state" }
func (SessionEnded) name() string  { return "session.ended" }

// Changes wants StreamChanged only, which comes with every change of any stream.
func Changes(d Data) bool {
	_, ok := d.(StreamChanged)
	return ok
}
