package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"porthole/capture"
	"porthole/internal/broadcast"
	"porthole/internal/doctor"
	"porthole/internal/iceserver"
	"porthole/internal/overload"
	"porthole/internal/peer"
	"porthole/internal/signaling"
	"porthole/internal/turnserver"
)

// Config is everything that an operator can choose about the server.
// defaultConfig fills it, loadConfig lays file, environment and flags over it,
// Validate judges it as a whole. It never changes after that.
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
	PublishToken   string              // who may publish; empty: anybody
	ViewToken      string              // who may watch; empty: anybody
	MaxViewers     int                 // at a time, over all streams; 0: any number
	StreamViewers  int                 // at a time, of one stream; 0: any number
	Grace          time.Duration       // how long viewers wait for a lost publisher
	MaxLoad        int                 // percent of the processors, in use by us, from which viewers are refused; 0: any
	MaxLateness    time.Duration       // of pictures, from which viewers are refused; 0: any
	Drain          time.Duration       // how long sessions may go on when the server stops
	Fallbacks      []Fallback          // what is shown while a publisher is away
	RateLimit      int                 // signalling requests a second and client address; 0: any number
	MaxBody        int                 // bytes of a signalling request's body
	RateBurst      int                 // signalling requests at once and client address; 0: ten times RateLimit
	ClientConns    int                 // TCP connections at a time of one client address; 0: any number
	MaxSessions    int                 // of publishers and viewers together; 0: so many that MaxViewers comes first
	HeaderTimeout  time.Duration       // how long a client may take to send a request's head
	BodyTimeout    time.Duration       // and its body
	LenientPatch   bool                // whether an ICE restart may leave out If-Match
	RedirectTo     *url.URL            // another server, for who comes while this one drains; nil: none
	TrustedProxies []netip.Prefix      // whose X-Forwarded-… headers we believe
	Hosts          []string            // names of this server, besides its own and addresses
	AllowOrigins   []string            // whose pages may use it where no token protects; "*": all
	FrameAncestors []string            // sites that may frame the embed page, as in a CSP; none: all
	Cert, Key      string              // PEM files; HTTPS when they are set
	SecretFiles    []doctor.SecretFile // that tokens and credentials were read from
	LogLevel       slog.Level
	LogFormat      string // "text" or "json"

	Profile        string // what presets were chosen
	TURNListen     string // HOST:PORT of the embedded TURN server, or off; empty: beside Media
	TURNHost       string // by which clients reach it; empty: by which they reach us
	TURNSecret     string // shared with TURN servers; empty: one of the process's own
	TURNRelayPorts turnserver.PortRange
	TURNAllow      []netip.Prefix // what its relays may reach besides our media port
}

// Source is one local capture and the name of the stream that it feeds.
type Source struct {
	Name string
	URI  string // as the operator wrote it
	Spec capture.Spec
}

func defaultConfig() Config {
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

		Profile: profileLAN,
	}
}

// minBody is a limit for bodies, in bytes, that lets offers of browsers through.
const minBody = 16 << 10

// serveSettings is the table of the serve command's settings, in the order in
// which help shows them. --config is not among them: it says where to look.
func serveSettings() []setting[Config] {
	return withFiles(ownSettings(), func(c *Config, file doctor.SecretFile) {
		c.SecretFiles = append(c.SecretFiles, file)
	})
}

// ownSettings is serveSettings without the files that hold secrets.
func ownSettings() []setting[Config] {
	return []setting[Config]{
		{
			name: "http", arg: "HOST:PORT", shown: "127.0.0.1:8080",
			help: "Where pages, WHIP, WHEP and API are served. :8080 opens them to the network.",
			set:  one(func(c *Config) *string { return &c.HTTP }, parseListen),
		},
		{
			name: "media", arg: "HOST:PORT", shown: ":8081",
			help: "Where media flows: a UDP and a TCP port with the same number. HOST is an IP\naddress; without it, all interfaces.",
			set:  one(func(c *Config) *string { return &c.Media }, parseMediaListen),
		},
		{
			name: "source", arg: "NAME=URI", list: true,
			help: "A stream captured on this machine. camera: is the first camera, others are\n" +
				"camera:/dev/video2?size=1280x720&fps=30&bitrate=2500k (bits per second);\n" +
				"pattern:?size=640x360 draws a test picture, slate:?text=back+soon a text. With\n" +
				"ondemand=10s a camera is off while nobody watches. Default: webcam=camera:, or\n" +
				"webcam=pattern: when there is no camera.",
			set: many(func(c *Config) *[]Source { return &c.Sources }, parseSource),
		},
		{
			name: "stun", arg: "URL", list: true,
			help: "A STUN server, such as stun:stun.example.org:3478, asked in the background for\nthis machine's public address. Default: none, which is right for a LAN.",
			set:  many(func(c *Config) *[]iceserver.Server { return &c.STUN }, iceserver.ParseSTUN),
		},
		{
			name: "turn", arg: "URL", list: true, secret: true,
			help: "A TURN server besides our own that clients may relay through:\n" +
				"turn:USER:PASSWORD@HOST:PORT?transport=udp (write %3A for a colon in USER), or\n" +
				"turn:HOST:PORT?transport=tcp&secret=SECRET, or turns: for TLS.",
			set: many(func(c *Config) *[]iceserver.Server { return &c.TURN }, iceserver.ParseTURN),
		},
		{
			name: "profile", arg: "NAME", shown: profileLAN,
			help: "Presets of other settings, which overrule it: lan asks nobody outside; internet asks\n" +
				"public STUN servers for this machine's address unless --public-ip or --advertise\n" +
				"tell it; relay lets media go through the servers of --turn only.",
			set: one(func(c *Config) *string { return &c.Profile }, oneOf(profiles()...)),
		},
		{
			name: "turn-listen", arg: "HOST:PORT",
			help: "Where our own STUN and TURN server listens, UDP and TCP alike, and TLS when there is\n" +
				"a certificate; off turns it off. Default: port 3478 beside --media.",
			set: one(func(c *Config) *string { return &c.TURNListen }, parseTURNListen),
		},
		{
			name: "turn-host", arg: "HOST",
			help: "The name or address by which clients reach it. Default: that by which they reach the\npages, which is wrong behind a proxy on another machine.",
			set:  one(func(c *Config) *string { return &c.TURNHost }, parseTURNHost),
		},
		{
			name: "turn-secret", arg: "SECRET", secret: true,
			help: "What TURN credentials are signed with, for our own server and for those of --turn that\nhave none (use-auth-secret in coturn). Default: made up, for our own server only.",
			set:  one(func(c *Config) *string { return &c.TURNSecret }, parseToken),
		},
		{
			name: "turn-relay-ports", arg: "MIN-MAX",
			help: "The UDP ports of its relays, which only this machine sends to. Default: any.",
			set:  one(func(c *Config) *turnserver.PortRange { return &c.TURNRelayPorts }, parsePortRange),
		},
		{
			name: "turn-allow", arg: "CIDR", list: true,
			help: "A network that its relays may reach besides the media port, such as 203.0.113.0/24.\nPrivate networks and this machine's own addresses have to be named as such.",
			set:  many(func(c *Config) *[]netip.Prefix { return &c.TURNAllow }, parsePrefix),
		},
		{
			name: "public-ip", arg: "IP", list: true,
			help: "An address under which a NAT or a cloud makes this machine reachable.",
			set:  many(func(c *Config) *[]netip.Addr { return &c.PublicIPs }, parsePublicIP),
		},
		{
			name: "advertise", arg: "ADDR", list: true,
			help: "What clients are told instead of this machine's own addresses: an IP address or\na name, which is looked up in the background, and :PORT when a router forwards\nanother port than that of --media.",
			set:  many(func(c *Config) *[]string { return &c.Advertise }, checked(peer.CheckAdvertise)),
		},
		{
			name: "interfaces", arg: "NAME[,NAME]", list: true,
			help: "The network interfaces whose addresses clients are told, eth* for all that begin\nso; !NAME leaves one out. Default: all but bridges to containers and tunnels.",
			set:  many(func(c *Config) *[]string { return &c.Interfaces }, checked(checkInterfaces)),
		},
		{
			name: "mdns", arg: "on|off", shown: "on, but off in a container",
			help: "Look up the .local names by which browsers hide their addresses. Without it they\nare found by their own checks, which a firewall of this machine may keep out.",
			set:  one(func(c *Config) *bool { return &c.MDNS }, parseSwitch),
		},
		{
			name: "ice-policy", arg: "POLICY", shown: peer.PolicyAll.String(),
			help: "all, or relay: then clients reach this server through a server of --turn only.",
			set:  one(func(c *Config) *peer.Policy { return &c.ICEPolicy }, parsePolicy),
		},
		{
			name: "connect-timeout", arg: "DURATION", shown: peer.DefaultTimeouts().Connect.String(),
			help: "How long ICE and DTLS may take from the answer on, before a session is given up.",
			set:  one(func(c *Config) *time.Duration { return &c.Timeouts.Connect }, parseDuration(time.Second)),
		},
		{
			name: "ice-disconnected", arg: "DURATION", shown: peer.DefaultTimeouts().ICEDisconnected.String(),
			help: "How long nothing may come from a client before it counts as disconnected.",
			set:  one(func(c *Config) *time.Duration { return &c.Timeouts.ICEDisconnected }, parseDuration(time.Second)),
		},
		{
			name: "ice-failed", arg: "DURATION", shown: peer.DefaultTimeouts().ICEFailed.String(),
			help: "How long it may then stay away before its session ends: --ice-disconnected and\n--ice-failed together are the 30s of RFC 7675 by default.",
			set:  one(func(c *Config) *time.Duration { return &c.Timeouts.ICEFailed }, parseDuration(time.Second)),
		},
		{
			name: "publish-token", arg: "TOKEN", secret: true,
			help: "Publishers, and readers of session details, must send it as a bearer token.\nWithout it: anybody may on loopback; beyond it, one is made up and printed.",
			set:  one(func(c *Config) *string { return &c.PublishToken }, parseToken),
		},
		{
			name: "view-token", arg: "TOKEN", secret: true,
			help: "Viewers must send it as a bearer token. Without it, anybody may watch.",
			set:  one(func(c *Config) *string { return &c.ViewToken }, parseToken),
		},
		{
			name: "max-viewers", arg: "N", shown: "0, no limit",
			help: "Viewers at a time over all streams; one more is answered 503.",
			set:  one(func(c *Config) *int { return &c.MaxViewers }, parseCount(0)),
		},
		{
			name: "max-stream-viewers", arg: "N", shown: "0, no limit",
			help: "Viewers at a time of one stream; one more is answered 503.",
			set:  one(func(c *Config) *int { return &c.StreamViewers }, parseCount(0)),
		},
		{
			name: "grace", arg: "DURATION", shown: broadcast.DefaultGrace.String(),
			help: "How long viewers stay connected when a publisher is lost, waiting for the next.",
			set:  one(func(c *Config) *time.Duration { return &c.Grace }, parseDuration(time.Second)),
		},
		{
			name: "max-session", arg: "DURATION", shown: "0, no limit",
			help: "How long one WHIP or WHEP session may last; then it ends, and players come back.",
			set:  one(func(c *Config) *time.Duration { return &c.Timeouts.Session }, parseDuration(0)),
		},
		{
			name: "max-load", arg: "PERCENT", shown: strconv.Itoa(int(100 * overload.DefaultMaxCPU)),
			help: "Share of the processor time that the server may use for some seconds before new\nviewers are answered 503. 0 is no limit.",
			set:  one(func(c *Config) *int { return &c.MaxLoad }, parsePercent),
		},
		{
			name: "max-lateness", arg: "DURATION", shown: overload.DefaultMaxLateness.String(),
			help: "How late pictures may leave for some seconds, after they are complete, before new\nviewers are answered 503. 0 is no limit.",
			set:  one(func(c *Config) *time.Duration { return &c.MaxLateness }, parseDuration(0)),
		},
		{
			name: "drain", arg: "DURATION", shown: "0, stop at once",
			help: "How long sessions may go on after SIGTERM or SIGINT, while new ones are answered 503\nand players are told to connect again. A second signal ends the process at once.",
			set:  one(func(c *Config) *time.Duration { return &c.Drain }, parseDuration(0)),
		},
		{
			name: "fallback", arg: "[STREAM=]NAME", list: true,
			help: "What the viewers of STREAM, or of every other stream, see while nobody publishes\n" +
				"it: the stream NAME, or a source of its own such as slate:.",
			set: many(func(c *Config) *[]Fallback { return &c.Fallbacks }, parseFallback),
		},
		{
			name: "rate-limit", arg: "N", shown: strconv.Itoa(signaling.DefaultRate),
			help: "WHIP and WHEP requests a second that a client address may make in the long run, and\nten times as many at once; more are answered 429. 0 is no limit.",
			set:  one(func(c *Config) *int { return &c.RateLimit }, parseCount(0)),
		},
		{
			name: "max-body", arg: "BYTES", shown: strconv.Itoa(signaling.DefaultMaxBody),
			help: "How large the body of a WHIP or WHEP request may be; a larger one is answered 413.",
			set:  one(func(c *Config) *int { return &c.MaxBody }, parseCount(minBody)),
		},
		{
			name: "rate-burst", arg: "N", shown: "ten times --rate-limit",
			help: "WHIP and WHEP requests that one address may make at once before --rate-limit counts.",
			set:  one(func(c *Config) *int { return &c.RateBurst }, parseCount(0)),
		},
		{
			name: "max-sessions", arg: "N", shown: "4096, or twice --max-viewers",
			help: "Publishers and viewers at a time, together; one more is answered 503.",
			set:  one(func(c *Config) *int { return &c.MaxSessions }, parseCount(0)),
		},
		{
			name: "max-client-connections", arg: "N", shown: strconv.Itoa(overload.DefaultMaxOfClient),
			help: "TCP connections at a time from one address, and a quarter of what the others leave of\n`ulimit -n`; half of them may be event streams. One more gets 503 or 429.\n--trusted-proxy is exempt. 0 is no limit.",
			set:  one(func(c *Config) *int { return &c.ClientConns }, parseCount(0)),
		},
		{
			name: "header-timeout", arg: "DURATION", shown: defaultConfig().HeaderTimeout.String(),
			help: "How long a client may take to send a request up to its body, before its connection is closed.",
			set:  one(func(c *Config) *time.Duration { return &c.HeaderTimeout }, parseDuration(time.Second)),
		},
		{
			name: "body-timeout", arg: "DURATION", shown: defaultConfig().BodyTimeout.String(),
			help: "How long it may then take to send the body of a WHIP or WHEP request, before it is\nanswered 408.",
			set:  one(func(c *Config) *time.Duration { return &c.BodyTimeout }, parseDuration(time.Second)),
		},
		{
			name: "lenient-patch",
			help: "Accept an ICE restart (PATCH) without If-Match as if it said *. Without this it is\nanswered 428, as WHIP and WHEP demand. Candidates never need the header.",
			set:  one(func(c *Config) *bool { return &c.LenientPatch }, parseToggle),
		},
		{
			name: "redirect-to", arg: "URL",
			help: "Another server, https://HOST[:PORT][/PATH], where publishers and viewers are sent\n(307) who come while this one drains. Without it, they get 503.",
			set:  one(func(c *Config) **url.URL { return &c.RedirectTo }, parseServer),
		},
		{
			name: "trusted-proxy", arg: "CIDR", list: true,
			help: "A reverse proxy, as 10.0.0.1 or 10.0.0.0/8, whose X-Forwarded-For and\nX-Forwarded-Prefix headers are believed.",
			set:  many(func(c *Config) *[]netip.Prefix { return &c.TrustedProxies }, parsePrefix),
		},
		{
			name: "host", arg: "NAME", list: true,
			help: "A name by which browsers reach this server. On loopback, where no token protects, other\nnames than addresses, localhost, this machine's and the certificate's are answered 421.",
			set:  many(func(c *Config) *[]string { return &c.Hosts }, parseHost),
		},
		{
			name: "allow-origin", arg: "ORIGIN", list: true,
			help: "A web site, https://example.org or * for all, whose pages may publish, watch and read\nthe API where no token protects: on loopback they get 403 without this.",
			set:  many(func(c *Config) *[]string { return &c.AllowOrigins }, parseOrigin),
		},
		{
			name: "frame-ancestors", arg: "SITE", list: true, shown: "*, or as --allow-origin where no token protects",
			help: "A site that may show /embed/NAME in a frame: https://example.org, https://*.example.org,\nself, or none. Other pages can be framed by this server's own only.",
			set:  many(func(c *Config) *[]string { return &c.FrameAncestors }, parseAncestor),
		},
		{
			name: "cert", arg: "FILE",
			help: "A certificate chain in PEM: --http is then HTTPS. Needs --key.",
			set:  one(func(c *Config) *string { return &c.Cert }, parseText),
		},
		{
			name: "key", arg: "FILE",
			help: "The private key of --cert, in PEM.",
			set:  one(func(c *Config) *string { return &c.Key }, parseText),
		},
		{
			name: "log-level", arg: "LEVEL", shown: "info",
			help: "The least that is logged: debug, info, warn or error.",
			set:  one(func(c *Config) *slog.Level { return &c.LogLevel }, parseLevel),
		},
		{
			name: "log-format", arg: "FORMAT", shown: "text",
			help: "How it is logged, to standard error: text or json.",
			set:  one(func(c *Config) *string { return &c.LogFormat }, oneOf("text", "json")),
		},
	}
}

// configSetting is the one flag that is no setting of Config.
func configSetting() setting[Config] {
	return setting[Config]{
		name: "config", arg: "FILE",
		help: "A YAML file with any of the settings below, under the same names; lists for those\nthat are repeatable. Environment variables overrule it, flags overrule both.",
	}
}

func printServeFlags(w io.Writer) {
	fmt.Fprintf(w, "Flags of `porthole serve`. Each is also an environment variable: --max-viewers is\n"+
		"%sMAX_VIEWERS; values of a repeatable one are separated there by spaces.\n\n", envPrefix)
	printSettings(w, append([]setting[Config]{configSetting()}, serveSettings()...))
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

// LogValue shows the configuration without tokens and credentials.
func (c Config) LogValue() slog.Value {
	secret := func(s string) string {
		if s == "" {
			return "none"
		}
		return "set"
	}
	sources := make([]string, len(c.Sources))
	for i, s := range c.Sources {
		sources[i] = s.Name + "=" + s.URI
	}
	return slog.GroupValue(
		slog.String("http", c.HTTP),
		slog.String("media", c.Media),
		slog.String("source", strings.Join(sources, " ")),
		slog.String("stun", joinStrings(c.STUN)),
		slog.String("turn", joinStrings(c.TURN)),
		slog.String("profile", c.Profile),
		slog.String("turn_listen", cmp.Or(c.turnAddress(), turnOff)),
		slog.String("turn_host", c.TURNHost),
		slog.String("turn_secret", secret(c.TURNSecret)),
		slog.String("turn_relay_ports", c.TURNRelayPorts.String()),
		slog.String("turn_allow", joinStrings(c.TURNAllow)),
		slog.String("public_ip", joinStrings(c.PublicIPs)),
		slog.String("advertise", strings.Join(c.Advertise, " ")),
		slog.String("interfaces", strings.Join(c.Interfaces, " ")),
		slog.Bool("mdns", c.MDNS),
		slog.String("ice_policy", c.ICEPolicy.String()),
		slog.String("connect_timeout", c.Timeouts.Connect.String()),
		slog.String("ice_disconnected", c.Timeouts.ICEDisconnected.String()),
		slog.String("ice_failed", c.Timeouts.ICEFailed.String()),
		slog.String("publish_token", secret(c.PublishToken)),
		slog.String("view_token", secret(c.ViewToken)),
		slog.Int("max_viewers", c.MaxViewers),
		slog.Int("max_stream_viewers", c.StreamViewers),
		slog.String("grace", c.Grace.String()),
		slog.String("max_session", c.Timeouts.Session.String()),
		slog.Int("max_load", c.MaxLoad),
		slog.String("max_lateness", c.MaxLateness.String()),
		slog.String("drain", c.Drain.String()),
		slog.String("fallback", joinStrings(c.Fallbacks)),
		slog.Int("rate_limit", c.RateLimit),
		slog.Int("max_body", c.MaxBody),
		slog.Int("rate_burst", c.RateBurst),
		slog.Int("max_sessions", c.MaxSessions),
		slog.Int("max_client_connections", c.ClientConns),
		slog.String("header_timeout", c.HeaderTimeout.String()),
		slog.String("body_timeout", c.BodyTimeout.String()),
		slog.Bool("lenient_patch", c.LenientPatch),
		slog.String("redirect_to", serverText(c.RedirectTo)),
		slog.String("trusted_proxy", joinStrings(c.TrustedProxies)),
		slog.String("host", strings.Join(c.Hosts, " ")),
		slog.String("allow_origin", strings.Join(c.AllowOrigins, " ")),
		slog.String("frame_ancestors", strings.Join(c.FrameAncestors, " ")),
		slog.Bool("https", c.Cert != ""),
		slog.String("log_level", c.LogLevel.String()),
		slog.String("log_format", c.LogFormat),
	)
}

// String shows the configuration in one line, without tokens and credentials.
func (c Config) String() string { return c.LogValue().String() }

// GoString keeps %#v from showing what String hides.
func (c Config) GoString() string { return c.String() }

func joinStrings[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.String()
	}
	return strings.Join(texts, " ")
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
