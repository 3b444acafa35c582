package server

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/auth"
	"porthole/internal/iceserver"
	"porthole/internal/peer"
	"porthole/internal/signaling"
	"porthole/internal/turnserver"
)

const (
	// TURNOff is the value of --turn-listen that turns the embedded server off.
	TURNOff = "off"
	// turnPort is where clients and firewalls expect TURN (RFC 8656).
	turnPort = "3478"
)

// TURNAddress returns where the embedded server listens; empty: nowhere. Unless told
// otherwise that is beside the media port, at the usual port of TURN: what keeps
// media on loopback keeps it there, too.
func (c Config) TURNAddress() string {
	switch c.TURNListen {
	case TURNOff:
		return ""
	case "":
		host, port, _ := net.SplitHostPort(c.Media) // Config.Media was checked
		if port == "0" {
			return net.JoinHostPort(host, port)
		}
		return net.JoinHostPort(host, turnPort)
	}
	return c.TURNListen
}

// turnFaults returns what is wrong with the settings of TURN together.
func (c Config) turnFaults() (faults []error) {
	for _, s := range c.TURNServers() {
		if !s.HasCredentials() {
			faults = append(faults, fmt.Errorf("--turn: %s has no credentials: write turn:USER:PASSWORD@%s, or %s&secret=SECRET, or set --turn-secret", s, s.Address(), s))
		}
	}
	if c.TURNListen != "" && c.TURNListen != TURNOff {
		for flag, address := range map[string]string{"--http": c.HTTP, "--media": c.Media} {
			if sharePort(c.TURNListen, address) {
				faults = append(faults, fmt.Errorf("--turn-listen and %s: both ask for port %s; give them different ports", flag, port(address)))
			}
		}
	}
	if c.ICEPolicy == peer.PolicyRelay && len(c.TURN) == 0 {
		origin := "--ice-policy relay"
		if c.Profile == ProfileRelay {
			origin = "--profile relay"
		}
		faults = append(faults, errors.New(origin+": media goes through a TURN server only, and none is named; give one with --turn"))
	}
	return faults
}

// TURNServers returns the servers of --turn with the credentials that they have.
func (c Config) TURNServers() []iceserver.Server {
	servers := make([]iceserver.Server, len(c.TURN))
	for i, s := range c.TURN {
		if !s.HasCredentials() {
			s.Secret = string(c.TURNSecret)
		}
		servers[i] = s
	}
	return servers
}

// startTURN starts the embedded server. When nobody asked for it by name, Porthole
// does without rather than not start.
func (s *Server) startTURN(registry prometheus.Registerer) error {
	address := s.cfg.TURNAddress()
	if address == "" {
		return nil
	}
	asked := s.cfg.TURNListen != ""
	cfg := turnserver.Config{
		Listen: address, AnyPort: !asked, Secret: cmp.Or(string(s.cfg.TURNSecret), auth.Generate()),
		RelayPorts: s.cfg.TURNRelayPorts, Media: s.core.Engine.MediaAddrs, Allow: s.cfg.TURNAllow, Log: s.log, Registerer: registry,
		TLS: s.pair.config(),
	}
	turn, err := turnserver.Listen(cfg)
	switch {
	case err == nil:
		s.turn = turn
		s.log.Debug("TURN server is ready", "address", turn.Addr(), "tls", cfg.TLS != nil)
	case asked:
		return listenFault("--turn-listen", address, err)
	default:
		s.log.Warn("going on without a TURN server of our own", "address", address, "error", err)
	}
	return nil
}

// ownTURN is what the API tells about the embedded server; nil when it is off.
func (s *Server) ownTURN() *turnserver.Status {
	if s.turn == nil {
		return nil
	}
	status := s.turn.Status()
	return &status
}

// turnHost returns the name or the address by which a client reaches the embedded
// server: what brought it here, if that can be, and else an address that clients are
// told. It is empty when there is none.
func (s *Server) turnHost(r signaling.ICERequest) string {
	if host := s.config().TURNHost; host != "" {
		return host
	}
	bound := s.turn.Addr().Addr()
	if bound.IsLoopback() {
		return bound.String()
	}
	// usable says whether a client that came as r can mean this server by an address.
	usable := func(a netip.Addr) bool {
		a = a.Unmap()
		strange := !a.IsValid() || a.IsUnspecified() || a.Zone() != ""
		elsewhere := a.IsLoopback() && !r.Client.IsLoopback() // where its proxy is
		return !strange && !elsewhere && (bound.IsUnspecified() || a == bound)
	}
	if addr, err := netip.ParseAddr(r.Host); err == nil {
		if usable(addr) {
			return addr.Unmap().String()
		}
	} else if iceserver.ValidHost(r.Host) && !strings.EqualFold(r.Host, "localhost") {
		return r.Host
	}
	if usable(r.Local) {
		return r.Local.Unmap().String()
	}
	for _, addr := range s.cfg.PublicIPs {
		return addr.String()
	}
	for _, addr := range s.core.Engine.MediaAddrs() {
		if usable(addr.Addr()) {
			return addr.Addr().String()
		}
	}
	return ""
}
