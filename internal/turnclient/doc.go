// Package turnclient is an address at a TURN server (RFC 8656) that a whole program
// receives at: one allocation for any number of peers, for as long as the program runs.
//
//	WriteToAddrPort ─► permission there? channel there? ─► queue ─► writer ─► server ─► peer
//	                        └─ no: asked for in the background
//	ReadFromAddrPort ◄─ Data indications, ChannelData ◄─ server ◄─ peer
//	        └─ responses ─► the transaction that waits
//
// Allocating and repeating requests is pion's work. Its relayed connection is not
// used for data, because it is made for one peer: it blocks the first write to each
// for a round trip, never forgets one, refreshes all permissions in a single message
// that outgrows a packet at about a hundred, and does not notice a server that has
// gone. Here permissions and channels are asked for by a few goroutines, live as long
// as they are used, and writing never waits: a queue that is full loses packets.
package turnclient
