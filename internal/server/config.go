package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"porthole/capture"
	"porthole/internal/broadcast"
	"porthole/internal/doctor"
	"porthole/internal/iceserver"
	"porthole/internal/overload"
	"porthole/internal/peer"
	"porthole/internal/secret"
	"porthole/internal/signaling"
	"porthole/internal/turnserver"
	"slices"
	"strings"
	"time"
)

// Config is everything that an operator can choose about the server. Faults are told by
// the names of the flags. DefaultConfig fills it, Validate judges it as a whole; after
// that nobody changes it.
type Config struct {
	HTTP           string              // HOST:PORT of pages, signalling and API
	Media          string              // HOST:PORT of ICE, UDP and TCP alike
	Sources        []Source            // what is captured here
	STUN           []iceserver.Server  // tell our own mapped address, and clients theirs
	TURN           []iceserver.Server  // relays that clients are told of
	Advertise      []string            // what clients are told instead of this machine's addresses
	Interfaces     []string            // whose addresses they are told, as patterns
	MDNS           bool                // whether names of clients are looked up
	ICEPolicy      peer.Policy         // by which paths clients may reach us
	Timeouts       peer.Timeouts       // of connections
	PublicIPs      []netip.Addr        // addresses that a NAT forwards to us
	PublishToken   secret.Text         // who may publish; empty: anybody
	ViewToken      secret.Text         // who may watch; empty: anybody
	MaxViewers     int                 // at a time, over all streams; 0: any number
	StreamViewers  int                 // at a time, of one stream; 0: any number
	Grace          time.Duration       // how long viewers wait for a lost publisher
	MaxLoad        int                 // percent of the processors, in use by us, from which viewers are refused; 0: any
	MaxLateness    time.Duration       // of pictures, from which viewers are refused; 0: any
	Drain          time.Duration       // how long sessions may go on when the server stops
	Keep           []Keep              // how far back streams reach, for clips
	Smooth         []string            // streams whose viewers keep pictures for a moment
	Fallbacks      []Fallback          // what is shown while a publisher is away
	RateLimit      int                 // signalling requests a second and client address; 0: any number
	MaxBody        int                 // bytes of a signalling request's body
	RateBurst      int                 // signalling requests at once and client address; 0: ten times RateLimit
	ClientConns    int                 // TCP connections at a time of one client address; 0: any number
	MaxSessions    int                 // of publishers and viewers together; 0: so many that MaxViewers comes first
	HeaderTimeout  time.Duration       // how long a client may take to send a request's head
	BodyTimeout    time.Duration       // and its body
	LenientPatch   bool                // whether an ICE restart may leave out If-Match
	RedirectTo     *url.URL            // another server, to which new clients are redirected while this one drains; nil: none
	TrustedProxies []netip.Prefix      // whose X-Forwarded-… headers we believe
	Hosts          []string            // names of this server, besides its own and addresses
	AllowOrigins   []string            // whose pages may use it where no token protects; "*": all
	FrameAncestors []string            // sites that may frame the embed page, as in a CSP; none: all
	Cert, Key      string              // PEM files; HTTPS when they are set
	PagesDir       string              // where pages are read from, for who changes them; empty: those in the program
	SecretFiles    []doctor.SecretFile // that tokens and credentials were read from
	Log            *slog.Logger        // of everything; nil: discard
	Version        string              // of the program, for the API
	LogLevel       slog.Level          // of Log; who made it heeds this, and LogFormat
	LogFormat      string              // "text" or "json"

	Profile        string      // what presets were chosen
	TURNListen     string      // HOST:PORT of the embedded TURN server, or off; empty: beside Media
	TURNHost       string      // by which clients reach it; empty: by which they reach us
	TURNSecret     secret.Text // shared with TURN servers; empty: one of the process's own
	TURNRelayPorts turnserver.PortRange
	TURNAllow      []netip.Prefix // what its relays may reach besides our media port
}

// The profiles: what is different about networks, as presets of settings. Presets are
// laid under a Config by who reads it; the server takes them into account in messages.
const (
	ProfileLAN      = "lan"      // clients are in the same network, or can reach it
	ProfileInternet = "internet" // clients come from anywhere, through NATs
	ProfileRelay    = "relay"    // only TURN servers are reachable, or may be
)

// Source is one local capture and the name of the stream that it feeds.
type Source struct {
	Name string
	URI  string // as the operator wrote it
	Spec capture.Spec
}

// String returns the source as the operator wrote it, without the arguments of a program.
func (s Source) String() string { return s.Name + "=" + capture.Shown(s.URI) }

// DefaultConfig is what a server does that is told nothing: it serves loopback.
func DefaultConfig() Config {
	return Config{
		HTTP:        "127.0.0.1:8080", // a camera is never shown to the network unasked
		Media:       ":8081",          // browsers refuse candidates on loopback only
		Grace:       broadcast.DefaultGrace,
		RateLimit:   signaling.DefaultRate,
		MaxBody:     signaling.DefaultMaxBody,
		ClientConns: overload.DefaultMaxOfClient,
		// A head comes in one packet from any client that means well.
		HeaderTimeout: 5 * time.Second, BodyTimeout: signaling.DefaultBodyTimeout,
		MaxLoad:     int(100 * overload.DefaultMaxCPU),
		MaxLateness: overload.DefaultMaxLateness,
		Timeouts:    peer.DefaultTimeouts(),
		MDNS:        !inContainer(),
		LogLevel:    slog.LevelInfo,
		LogFormat:   "text",

		Profile: ProfileLAN,
	}
}

// Validate returns every fault that shows only when the settings are seen
// together, joined; each setting by itself was judged when it was read.
func (c Config) Validate() error {
	var faults []error
	if (c.Cert == "") != (c.Key == "") {
		faults = append(faults, errors.New("--cert and --key: one does not work without the other; give both or none"))
	}
	seen := make(map[string]bool, len(c.Sources))
	for _, s := range c.Sources {
		if seen[s.Name] {
			faults = append(faults, fmt.Errorf("--source: the name %q is taken twice; a stream has one source", s.Name))
		}
		seen[s.Name] = true
	}
	if len(c.FrameAncestors) > 1 && slices.Contains(c.FrameAncestors, "'none'") {
		faults = append(faults, errors.New("--frame-ancestors: none stands alone; leave it out, or the other sites"))
	}
	if sharePort(c.HTTP, c.Media) {
		faults = append(faults, fmt.Errorf("--http and --media: both ask for TCP port %s; give them different ports", port(c.HTTP)))
	}
	return errors.Join(slices.Concat(faults, c.turnFaults(), c.checkFallbacks())...)
}

// sharePort says whether two listening addresses are bound to collide.
func sharePort(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	return portA == portB && portA != "0" && (hostA == hostB || hostA == "" || hostB == "")
}

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

// LogValue keeps tokens and credentials out of logs, whatever writes them.
func (c Config) LogValue() slog.Value {
	type plain Config // without this method
	return slog.StringValue(fmt.Sprintf("%+v", plain(c)))
}

// BeyondLoopback says whether other machines can reach the HTTP address. A
// name counts as reachable, since what it stands for may change.
func (c Config) BeyondLoopback() bool {
	host, _, _ := net.SplitHostPort(c.HTTP)
	if host == "localhost" {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err != nil || !addr.Unmap().IsLoopback()
}

// inContainer says whether this machine is a container, by the marks that Docker and
// Podman leave: its bridge passes on no multicast.
func inContainer() bool {
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}

// SplitInterfaces takes apart lists of interfaces with commas.
func SplitInterfaces(lists []string) (patterns []string) {
	for _, list := range lists {
		patterns = append(patterns, strings.Split(list, ",")...)
	}
	return patterns
}
