package peer

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/reach"
	"porthole/internal/sessioninfo"
)

// Config is everything that Listen needs. The zero value listens on a free port
// of all interfaces.
type Config struct {
	// Media is host:port of the UDP and the TCP socket. An empty host means all
	// interfaces; a named address is then the only one that clients are told, and
	// naming a loopback address is the only way to be reachable over loopback.
	// Port 0, or an empty Media, picks a port that is free for both.
	Media string
	// PublicIPs are addresses at which a NAT forwards the media port to us, under
	// the same port number. They are told to clients besides the local ones, so
	// that clients in the same network need no hairpin. With them, Mapped is unused.
	PublicIPs []netip.Addr
	// Advertise are what clients are told instead of the machine's own addresses: an
	// IP address or a name that is looked up in the background, with the port that is
	// forwarded to the media port when that has another number.
	Advertise []string
	// Interfaces are names, or patterns as in path.Match, of the network interfaces
	// whose addresses clients are told; with ! in front, of those they are not. Empty
	// chooses all but bridges to containers and tunnels, which have to be named.
	Interfaces []string
	// Mapped returns the addresses that the media socket is known by on the other
	// side of NATs, as far as anybody has found out (Engine.AskSTUN does). It is
	// called for each answer and must not block; nil: none.
	Mapped func() []netip.AddrPort
	// Relays returns TURN servers, best first, that may receive for us: one of them is
	// kept ready in the background, and its address is in every answer. It is called
	// now and then and must not block; nil: none.
	Relays func() []reach.RelayServer
	// Policy says by which paths clients may reach us.
	Policy Policy
	// MDNS looks up the .local names by which browsers hide their addresses, in the
	// background: a UDP socket on port 5353 for at most two seconds at a time.
	MDNS bool
	// Timeouts of sessions; a zero field takes its default.
	Timeouts Timeouts
	// Log receives what is worth a line; nil discards it.
	Log *slog.Logger
	// Registerer takes the package's metrics; nil keeps none.
	Registerer prometheus.Registerer
	// OnPanic is called for each panic that has ended a session; may be nil.
	OnPanic func()
	// OnState is called when the session with an ID is connected, or disconnected and
	// perhaps back later. Locks are held: it must not block. May be nil.
	OnState func(id string, state sessioninfo.State)
	// Connections bounds those that clients make over TCP; nil: no bound.
	Connections ConnectionLimit
}

// ConnectionLimit counts connections of clients. Take says whether there is room for
// one more; Give takes it off the count, also when there was none.
type ConnectionLimit interface {
	Take(client netip.Addr) bool
	Give(client netip.Addr)
}

// Timeouts bounds every stage of a session's life.
type Timeouts struct {
	// Gather is how long an answer waits for local candidates. They are known in
	// advance, so reaching it means trouble; the answer then goes out with what
	// there is. Default 1 s.
	Gather time.Duration
	// Connect is how long after the answer ICE and DTLS may take. Default 15 s.
	Connect time.Duration
	// FirstMedia is how long a connected publisher may take to send its first
	// packet, MediaIdle how long it may send neither packets nor reports (RTCP) later. That is
	// the only sign of a lost FFmpeg, which answers no connectivity checks. Default 15 s each.
	FirstMedia, MediaIdle time.Duration
	// ICEDisconnected is how long nothing may arrive before a session counts as
	// disconnected, ICEFailed how much longer before it ends: together the 30 s
	// of RFC 7675 5.1. Defaults 5 s and 25 s.
	ICEDisconnected, ICEFailed time.Duration
	// ICEKeepalive is how often a silent connection is checked. Default 2 s.
	ICEKeepalive time.Duration
	// Session is how long a session may take in all. Default 0: as long as it likes.
	Session time.Duration
}

// DefaultTimeouts returns what zero fields stand for.
func DefaultTimeouts() Timeouts { return Timeouts{}.withDefaults() }

func (t Timeouts) withDefaults() Timeouts {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Gather, time.Second},
		{&t.Connect, 15 * time.Second},
		{&t.FirstMedia, 15 * time.Second},
		{&t.MediaIdle, 15 * time.Second},
		{&t.ICEDisconnected, 5 * time.Second},
		{&t.ICEFailed, 25 * time.Second},
		{&t.ICEKeepalive, 2 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return t
}

// settings is a Config that was checked and completed.
type settings struct {
	media     *net.UDPAddr // unspecified IP: all interfaces
	publicIPs []netip.Addr
	advertise []reach.Advertisement
	choice    reach.InterfaceChoice
	relays    func() []reach.RelayServer
	policy    Policy
	mdns      bool
	mapped    func() []netip.AddrPort
	timeouts  Timeouts
	log       *slog.Logger
	onPanic   func()
	onState   func(id string, state sessioninfo.State) // never nil
}

// check reports all faults at once, each with the value at fault.
func (c Config) check() (settings, error) {
	s := settings{publicIPs: c.PublicIPs, timeouts: c.Timeouts.withDefaults(), log: c.Log, relays: c.Relays, policy: c.Policy, mdns: c.MDNS, onPanic: c.OnPanic, onState: c.OnState}
	if s.onState == nil {
		s.onState = func(string, sessioninfo.State) {}
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.mapped = c.Mapped; s.mapped == nil || len(c.PublicIPs) > 0 {
		s.mapped = func() []netip.AddrPort { return nil }
	}
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
	}
	media := c.Media
	if media == "" {
		media = ":0"
	}
	var err error
	if s.media, err = net.ResolveUDPAddr("udp", media); err != nil {
		fault("media address %q: %w", c.Media, err)
	}
	for _, ip := range c.PublicIPs {
		if !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() {
			fault("public address %v is not an address of one host", ip)
		}
	}
	for _, text := range c.Advertise {
		a, err := reach.ParseAdvertisement(text)
		if err != nil {
			fault("advertised address %w", err)
		}
		s.advertise = append(s.advertise, a)
	}
	if s.choice, err = reach.ParseInterfaceChoice(c.Interfaces); err != nil {
		fault("%w", err)
	}
	if c.Policy == PolicyRelay && c.Relays == nil {
		fault("the policy relay needs a TURN server")
	}
	return s, errors.Join(faults...)
}
