package server

import (
	"context"
	"net/netip"
	"time"

	"porthole/internal/iceserver"
	"porthole/internal/reach"
	"porthole/internal/signaling"
)

// credentialLife is how long the credentials of a relay hold that are made for one
// session. The client needs them when it allocates and, since each refresh is
// authenticated too, until it leaves.
const credentialLife = 12 * time.Hour

// relayCredentialLife is the same for our own address at a TURN server, which is made
// anew when they have expired. Sessions that go through it end then.
const relayCredentialLife = 30 * 24 * time.Hour

// relays are the TURN servers that may receive for us: the live ones among those of
// others, best first.
func (s *Server) relays() []reach.RelayServer {
	var relays []reach.RelayServer
	for _, server := range s.prober.Ranked() {
		if server.Relays() {
			a := server.Access("porthole", time.Now().Add(relayCredentialLife))
			relays = append(relays, reach.RelayServer{URL: a.URL, Username: a.Username, Password: a.Password})
		}
	}
	return relays
}

// askSTUN lets the prober ask from the media socket.
func (s *Server) askSTUN(ctx context.Context, server netip.AddrPort) (iceserver.Answer, error) {
	answer, err := s.core.Engine.AskSTUN(ctx, server)
	return iceserver.Answer(answer), err
}

// iceServers are the servers that a client is told of, best first: our own, which is
// as near as we are, and then the live ones among the others.
func (s *Server) iceServers(request signaling.ICERequest) []signaling.ICEServer {
	var servers []iceserver.Server
	if s.turn != nil {
		if host := s.turnHost(request); host != "" {
			servers = s.turn.Servers(host)
		}
	}
	expiry := time.Now().Add(credentialLife)
	var told []signaling.ICEServer
	for _, server := range append(servers, s.prober.Ranked()...) {
		a := server.Access(request.User, expiry)
		told = append(told, signaling.ICEServer{URL: a.URL, Username: a.Username, Credential: a.Password})
	}
	return told
}
