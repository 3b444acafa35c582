package turnserver

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"porthole/internal/iceserver"
	"porthole/internal/sockets"
)

// Server is a running STUN and TURN server.
type Server struct {
	// Set by Listen, read-only afterwards.
	cfg     Config
	log     *slog.Logger
	addr    netip.AddrPort
	metrics *metrics
	udp     *clientConn
	tcp     *listener // nil in tests that feed packets
	relays  *relays
	holders *holders
	turn    *turn.Server

	closing  sync.Once
	closeErr error // set by closing
}

// Listen binds the sockets and starts to serve. The caller ends it with Close.
// Errors come from the sockets or the metrics registry.
func Listen(cfg Config) (*Server, error) {
	cfg.Limits = cfg.Limits.withDefaults()
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	udp, tcp, err := listen(cfg.Listen, cfg.AnyPort, log)
	if err != nil {
		return nil, err
	}
	s, err := newServer(cfg, log, udp)
	if err != nil {
		return nil, errors.Join(err, udp.Close(), tcp.Close())
	}
	s.tcp = newListener(tcp, cfg, s.metrics)
	if err := s.serve(); err != nil {
		return nil, errors.Join(err, udp.Close(), tcp.Close())
	}
	return s, nil
}

// newServer makes a server that serve starts. cfg is complete.
func newServer(cfg Config, log *slog.Logger, udp net.PacketConn) (*Server, error) {
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	relays := newRelays(cfg, newPolicy(cfg.Media, cfg.Allow), m)
	requests := newLimiter(float64(cfg.Limits.Requests), 4*cfg.Limits.Requests)
	return &Server{
		cfg: cfg, log: log, addr: sockets.LocalAddr(udp), metrics: m, relays: relays, holders: newHolders(),
		udp: &clientConn{PacketConn: udp, requests: requests, metrics: m},
	}, nil
}

// serve starts pion's server on the sockets.
func (s *Server) serve() (err error) {
	auth := newAuthority(s.cfg.Secret, s.cfg.Limits.Failures, s.holders, s.metrics)
	cfg := turn.ServerConfig{
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn: s.udp, RelayAddressGenerator: s.relays, PermissionHandler: s.relays.permit,
		}},
		Realm: realm, AuthHandler: auth.check, QuotaHandler: s.relays.quota,
		EventHandler: turn.EventHandler{
			OnAuth: auth.outcome, OnAllocationCreated: s.holders.created, OnAllocationDeleted: s.holders.deleted,
		},
		// A client that does not say which family it wants, and most do not, gets IPv4
		// (RFC 8656 7.2) where media has it, and else the one that it came by.
		StrictAddressFamily: slices.ContainsFunc(s.cfg.Media(), func(a netip.AddrPort) bool { return a.Addr().Is4() }),
		// pion warns of whatever a stranger sends; what matters is in the metrics.
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
	}
	if s.tcp != nil {
		cfg.ListenerConfigs = []turn.ListenerConfig{{
			Listener: s.tcp, RelayAddressGenerator: s.relays, PermissionHandler: s.relays.permit,
		}}
	}
	if s.turn, err = turn.NewServer(cfg); err != nil {
		return fmt.Errorf("start the TURN server: %w", err)
	}
	return nil
}

// listen binds a UDP and a TCP socket with the same port number.
func listen(address string, anyPort bool, log *slog.Logger) (*net.UDPConn, *net.TCPListener, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("TURN address %q: %w", address, err)
	}
	udp, tcp, err := sockets.ListenPair(addr, "TURN")
	if errors.Is(err, syscall.EADDRINUSE) && anyPort && addr.Port != 0 {
		free := *addr
		free.Port = 0
		if udp, tcp, err = sockets.ListenPair(&free, "TURN"); err == nil {
			log.Warn("the usual port of TURN is taken by another program; listening on a free one",
				"wanted", address, "address", sockets.LocalAddr(udp))
		}
	}
	if err == nil {
		enlarge(udp, clientBuffer)
	}
	return udp, tcp, err
}

const (
	// clientBuffer is asked for in both directions of the socket that all clients
	// share, relayBuffer in those of one relay: room for a keyframe.
	clientBuffer = 4 << 20
	relayBuffer  = 512 << 10
)

// enlarge asks for socket buffers. What the kernel gives is what there is.
func enlarge(conn *net.UDPConn, bytes int) {
	_ = conn.SetReadBuffer(bytes)
	_ = conn.SetWriteBuffer(bytes)
}

// Addr returns where the server listens, with the port that was picked. The IP is
// unspecified when it listens on all interfaces.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Status is what there is to tell about the server, for people and for the API.
type Status struct {
	Address     netip.AddrPort `json:"address"`     // where it listens, UDP and TCP
	TLS         bool           `json:"tls"`         // whether TCP may be TLS
	Allocations int            `json:"allocations"` // relays that are open
	Connections int            `json:"connections"` // over TCP
}

// Status returns how things are now.
func (s *Server) Status() Status {
	return Status{Address: s.addr, TLS: s.cfg.TLS != nil, Allocations: s.relays.count(), Connections: s.tcp.count()}
}

// Servers returns how clients that reach this machine as host (a name or an IP
// address) use the server, in the order of preference. TLS is among it only when
// the certificate is valid for that host, because browsers insist.
func (s *Server) Servers(host string) []iceserver.Server {
	server := func(scheme, transport string) iceserver.Server {
		return iceserver.Server{Scheme: scheme, Host: host, Port: s.addr.Port(), Transport: transport, Secret: s.cfg.Secret}
	}
	stun := server(iceserver.SchemeSTUN, iceserver.TransportUDP)
	stun.Secret = ""
	servers := []iceserver.Server{
		stun, server(iceserver.SchemeTURN, iceserver.TransportUDP), server(iceserver.SchemeTURN, iceserver.TransportTCP),
	}
	if s.certified(host) {
		servers = append(servers, server(iceserver.SchemeTURNS, iceserver.TransportTCP))
	}
	return servers
}

func (s *Server) certified(host string) bool {
	if s.cfg.TLS == nil || len(s.cfg.TLS.Certificates) == 0 {
		return false
	}
	leaf := s.cfg.TLS.Certificates[0].Leaf // tls.LoadX509KeyPair fills it in
	return leaf != nil && leaf.VerifyHostname(host) == nil
}

// Close ends all allocations and connections, closes the sockets, and waits until
// nobody reads from them any more. Closing twice is harmless.
func (s *Server) Close() error {
	s.closing.Do(func() {
		if err := s.turn.Close(); err != nil {
			s.closeErr = fmt.Errorf("close the TURN server: %w", err)
		}
		if s.tcp != nil {
			s.tcp.readers.wait()
		}
		s.udp.readers.shut()
		s.udp.readers.wait()
		// Last: pion ends an allocation when its relay ends, and reads then, without a
		// lock, what a request of its client has written.
		s.relays.close()
		s.relays.readers.wait()
	})
	return s.closeErr
}
