// Package reach knows at which addresses clients can reach the media sockets, and writes
// them as ICE candidates (RFC 8445, RFC 8839): those of this machine's interfaces, those
// that an operator advertises, the one that STUN servers see, and one at a TURN server.
// What takes time is found out in the background, so that no answer waits for it.
//
// It knows no sessions and no offers. Sockets come from outside, except for the one by
// which clients' .local names are looked for.
package reach
