package peer

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/pion/ice/v4"
	"github.com/pion/transport/v5/stdnet"

	"porthole/internal/pionlog"
	"porthole/internal/reach"
	"porthole/internal/turnclient"
)

// environment is what an engine stands on: the machine's sockets and network, or those
// that tests make up.
type environment struct {
	udp        socket
	addr       netip.AddrPort // of both sockets
	tcp        net.Listener
	interfaces func() ([]reach.Interface, error)
	outgoing   func() []netip.Addr
	dialer     turnclient.Dialer // to TURN servers; nil for the machine's own
}

// newEngine takes over the sockets, unless there is an error.
func newEngine(cfg Config, set settings, on environment) (*Engine, error) {
	cert, err := newCertificate()
	if err != nil {
		return nil, err
	}
	view, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("read network interfaces: %w", err)
	}
	m, err := newMetrics(cfg.Registerer, on.udp.Stats)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		settings: set, metrics: m, cert: cert, sessions: make(map[*Connection]struct{}),
		addr: on.addr, media: newMediaConn(on.udp), net: view,
		network: reach.Network{Named: on.addr.Addr(), Choice: set.choice, Read: on.interfaces, Outgoing: on.outgoing},
	}
	e.listen(on)
	return e, nil
}

// listen starts what reads from the sockets.
func (e *Engine) listen(on environment) {
	log := pionlog.Log{Log: e.settings.log, Scope: "mux"}
	e.udp = ice.NewUDPMuxDefault(ice.UDPMuxParams{Logger: log, UDPConn: e.media})
	close(e.media.open)
	e.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{
		Listener: on.tcp, Logger: log,
		ReadBufferSize:               64, // packets; a publisher's burst while its agent is busy
		WriteBufferSize:              tcpSendBuffer,
		FirstStunBindTimeout:         e.settings.timeouts.Connect,
		AliveDurationForConnFromStun: e.settings.timeouts.Connect,
	})
	e.advertised = reach.StartAdvertiser(e.settings.advertise, e.settings.log, net.DefaultResolver.LookupNetIP)
	if e.settings.mdns {
		e.names = reach.NewNames(nil, e.settings.log)
	}
	e.relay = reach.StartRelay(e.settings.relays, on.dialer, e.settings.log, e.metrics.relay)
}
