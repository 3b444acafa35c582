// Package peer is the network side of Porthole: it turns an SDP offer into a
// running WebRTC session. It is the only package that knows pion/webrtc and ICE.
//
//	offer ──► Engine.Receive ──► Session ──► OnTrack ──► PacketWriter   (a publisher, WHIP)
//	offer ──► Engine.Send ─────► Session ◄── WriteRTP, feedback ──►     (a viewer, WHEP)
//	                 │
//	                 └── one UDP and one TCP port for all sessions
//
// It owns the media sockets and their muxes, the process's DTLS certificate, the
// choice of ICE candidates (package reach), the transactions with STUN servers from the media
// socket (when to ask whom, package iceserver knows), and the life of every
// session: each stage has a deadline, each end has a typed reason, and closing
// leaves no goroutine behind.
//
// It does not parse or judge offers (package negotiate does), does not choose
// codecs (the caller does), and knows nothing of streams and fan-out: incoming
// packets go to a one-method interface, and a viewer's session is one.
//
// # Latency of an answer
//
// All candidates are known before an offer arrives, so an answer waits for
// nobody: STUN servers are asked in the background by whoever provides
// Config.Mapped, and answers use what was found last. Gathering is awaited all the same, with a bound.
//
// # The three places that know how packets are carried
//
// mediaConn (sockets.go) is the net.PacketConn below the ICE mux, crypt
// (crypt.go) is the last step of a viewer's packet, and transport (transport.go) is the
// connection of a session: ICE, DTLS and SRTP.
package peer
