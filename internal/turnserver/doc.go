// Package turnserver is Porthole's own STUN and TURN server (RFC 8489, RFC 8656), for
// clients whose UDP packets, or whose packets to the media port, never arrive. It
// needs no internet.
//
//	client ─ UDP, TCP or TLS ─► one port ─► pion/turn ─► relay socket ─ guard ─► media port of this machine
//
// It owns its sockets, who may allocate (credentials that Porthole makes for each
// session, quotas, rates) and where relays may send. A TURN server is a tunnel into
// the network that it stands in, so the rule is the narrowest that is of use: a
// relay reaches the media port under the addresses that clients are told, and
// beyond that what the operator allowed. pion/turn asks for permission by IP
// address only; the guard on each relay's socket looks at the port too.
//
// It does not know sessions: a session is the part behind the colon of a user name
// that was signed with the server's secret (iceserver.Credential).
package turnserver
