package turnserver

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
)

// realm of the long-term credentials; clients take it as it comes.
const realm = "porthole"

// Config is everything that Listen needs.
type Config struct {
	// Listen is HOST:PORT for UDP and TCP. An empty host means all interfaces, port
	// 0 one that is free for both.
	Listen string
	// AnyPort makes Listen take a free port when the one of Listen is in use.
	AnyPort bool
	// Secret signs user names (iceserver.Credential).
	Secret string
	// TLS serves turns: on the TCP port, beside plain TCP; nil: plain TCP only.
	TLS *tls.Config
	// RelayPorts are those that relays are given; zero: the system's choice.
	RelayPorts PortRange
	// Media returns where relays may always send: the addresses of the media socket
	// that clients are told, those of this machine first. It must not block.
	Media func() []netip.AddrPort
	// Allow are networks that relays may reach besides, on every port. A network
	// counts for addresses of its own kind only: 0.0.0.0/0 opens neither loopback nor
	// private networks, and this machine's own addresses have to be named one by one.
	Allow []netip.Prefix
	// Limits bound what clients may take up; a zero field takes its default.
	Limits Limits
	// Log receives what is worth a line; nil discards it.
	Log *slog.Logger
	// Registerer takes the metrics; nil keeps none.
	Registerer prometheus.Registerer
}

// Limits bound what clients may take up.
type Limits struct {
	// Allocations is how many relays there may be at a time. Default 500.
	Allocations int
	// SessionAllocations is how many of them one session may have: a browser makes
	// one for each of its interfaces and each URL. Default 20.
	SessionAllocations int
	// Requests is how many STUN and TURN requests a second one client address may
	// make in the long run, and four times as many at once; media is not counted.
	// What is more is dropped without an answer. Default 50.
	Requests int
	// Failures is how many wrong credentials a minute one client address may send;
	// after more, right ones are refused too, but for a relay that the client has.
	// Default 30.
	Failures int
	// Connections is how many TCP connections there may be at a time, ten of them
	// for each client address per a hundred in all, and 20 at least. Default 500.
	Connections int
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		field *int
		value int
	}{
		{&l.Allocations, 500},
		{&l.SessionAllocations, 20},
		{&l.Requests, 50},
		{&l.Failures, 30},
		{&l.Connections, 500},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return l
}

// clientConnections is how many TCP connections one client address may have.
func (l Limits) clientConnections() int { return max(20, l.Connections/10) }

// PortRange is a range of UDP ports, both ends included. The zero value is no range.
type PortRange struct{ Min, Max uint16 }

// IsZero says whether it is no range.
func (r PortRange) IsZero() bool { return r == PortRange{} }

// String returns MIN-MAX.
func (r PortRange) String() string {
	if r.IsZero() {
		return "any"
	}
	return fmt.Sprintf("%d-%d", r.Min, r.Max)
}
