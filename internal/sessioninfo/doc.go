// Package sessioninfo is what is told of WHIP and WHEP sessions, as types: by a connection
// (package peer) to the table of sessions, and by that as JSON to who asks the API. The
// shapes are part of the API: fields may be added, never renamed.
//
// It is a leaf. Who reads or fills these documents needs neither a connection nor a
// library of WebRTC; how the facts are found out is decided elsewhere.
package sessioninfo
