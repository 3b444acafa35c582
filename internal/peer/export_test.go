package peer

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/pion/srtp/v3"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/vnet"

	"porthole/internal/egress"
	"porthole/internal/negotiate"
	"porthole/internal/reach"
)

// WithInterfaces makes an engine believe that its machine has these interfaces.
func (e *Engine) WithInterfaces(interfaces ...reach.Interface) {
	e.network = reach.Network{
		Named: e.network.Named, Choice: e.network.Choice,
		Read: func() ([]reach.Interface, error) { return interfaces, nil }, Outgoing: func() []netip.Addr { return nil },
	}
}

// WithNames makes an engine that advertises names look them up here.
func (e *Engine) WithNames(lookup func(ctx context.Context, name string) ([]netip.Addr, error)) {
	e.advertised.Close()
	e.advertised = reach.StartAdvertiser(e.settings.advertise, e.settings.log,
		func(ctx context.Context, _, name string) ([]netip.Addr, error) { return lookup(ctx, name) })
}

// Plan returns the mids of the sections that are answered when codecs are chosen by mid,
// and which of them are inactive.
func Plan(offer *negotiate.Offer, codecs map[string]negotiate.Format) (mids []string, idle []bool, err error) {
	sections, err := planSections(offer, oneEach(codecs))
	for _, s := range sections {
		mids, idle = append(mids, s.mid), append(idle, s.idle)
	}
	return mids, idle, err
}

// AskRelay makes the TURN server's end known now: a request to a closed port comes
// back as an error.
func (e *Engine) AskRelay() {
	if r := e.relay.Current(); r != nil {
		r.Allocation.Permit(netip.MustParseAddr("127.0.0.99"))
	}
}

// ListenOn makes an engine in a network that is made up. Its TCP port is a real one,
// which nobody in there can reach.
func ListenOn(cfg Config, n *vnet.Net, addr netip.AddrPort) (*Engine, error) {
	set, err := cfg.check()
	if err != nil {
		return nil, err
	}
	udp, err := n.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, errors.Join(err, udp.Close())
	}
	return newEngine(cfg, set, environment{
		udp: madeUpSocket{udp}, addr: addr, tcp: newTCPListener(tcp, nil), dialer: madeUpDialer{n},
		interfaces: func() ([]reach.Interface, error) { return nil, nil }, outgoing: func() []netip.Addr { return nil },
	})
}

type madeUpSocket struct{ transport.UDPConn }

func (s madeUpSocket) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := s.ReadFrom(b)
	if err != nil {
		return n, netip.AddrPort{}, err
	}
	addr := from.(*net.UDPAddr).AddrPort()
	return n, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), nil
}

func (s madeUpSocket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return s.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

func (madeUpSocket) Open(netip.AddrPort) *egress.Destination { return nil }
func (madeUpSocket) Stats() egress.Stats                     { return egress.Stats{} }

type madeUpDialer struct{ net *vnet.Net }

func (d madeUpDialer) DialContext(_ context.Context, network, address string) (net.Conn, error) {
	return d.net.Dial(network, address)
}

// WithHosts makes an engine that uses mDNS find names here.
func (e *Engine) WithHosts(query func(ctx context.Context, name string) (netip.Addr, error)) {
	if e.names == nil {
		return
	}
	e.names.Close()
	e.names = reach.NewNames(query, e.settings.log)
}

// OneEach makes the choice of one codec for each section that of a list of one.
func OneEach(codecs map[string]negotiate.Format) map[string][]negotiate.Format {
	return oneEach(codecs)
}

// DiscardingViewer is a connected viewer's session whose packets go to a port
// where nobody listens: what it costs is what we add to encryption and socket.
func DiscardingViewer(udp *net.UDPConn, nobody netip.AddrPort, tracks ...SendTrack) (*Connection, error) {
	conn, err := egress.New(udp, egress.Segmented)
	if err != nil {
		return nil, err
	}
	profile := srtp.ProtectionProfileAeadAes128Gcm
	send, err := srtp.CreateContext(make([]byte, 16), make([]byte, 12), profile)
	if err != nil {
		return nil, err
	}
	s := &Connection{sink: &sink{transport: &mediaTransport{}, tracks: tracks}}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.sink.transport.crypt.Store(&crypt{send: send, tag: 16})
	s.sink.batch.Store(conn.Open(nobody))
	s.writable.Store(true)
	s.sink.started.Store(true) // there was no offer to count from
	return s, nil
}
