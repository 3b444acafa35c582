package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"

	"porthole/internal/broadcast"
	"porthole/internal/doctor"
	"porthole/internal/iceserver"
	"porthole/internal/overload"
	"porthole/internal/peer"
	"porthole/internal/reach"
	"porthole/internal/secret"
	"porthole/internal/server"
	"porthole/internal/settings"
	"porthole/internal/signaling"
	"porthole/internal/turnserver"
	"porthole/static"
)

// minBody is a limit for bodies, in bytes, that lets offers of browsers through.
const minBody = 16 << 10

// serveSettings is the table of the serve command's settings, in the order in
// which help shows them. --config is not among them: it says where to look.
func serveSettings() settings.Table[server.Config] {
	table := ownSettings().WithFiles(func(c *server.Config, flag, path string) {
		c.SecretFiles = append(c.SecretFiles, doctor.SecretFile{Flag: flag, Path: path})
	})
	slices.SortStableFunc(table, func(a, b settings.Setting[server.Config]) int {
		return slices.Index(groups(), a.Group) - slices.Index(groups(), b.Group)
	})
	return table
}

// The headings of help, in whose order the settings stand.
const (
	groupStart   = "Start"
	groupStreams = "Streams"
	groupAccess  = "Who may do what"
	groupNetwork = "Network"
	groupTURN    = "Our own STUN and TURN server"
	groupLimits  = "Limits"
	groupLogs    = "Logs"
)

// groups lists the headings in their order.
func groups() []string {
	return []string{groupStart, groupStreams, groupAccess, groupNetwork, groupTURN, groupLimits, groupLogs}
}

// ownSettings is serveSettings without the files that hold secrets.
func ownSettings() settings.Table[server.Config] {
	return settings.Table[server.Config]{
		{
			Name: "http", Arg: "HOST:PORT", Default: "127.0.0.1:8080", Group: groupStart,
			Help:  "The address for pages, WHIP, WHEP and the API. :8080 opens them to the network.",
			Value: settings.One(func(c *server.Config) *string { return &c.HTTP }, parseListen),
		},
		{
			Name: "media", Arg: "HOST:PORT", Default: ":8081", Group: groupStart,
			Help:  "The address for media: a UDP and a TCP port with the same number. HOST is an IP\naddress; leave it out for all interfaces.",
			Value: settings.One(func(c *server.Config) *string { return &c.Media }, parseMediaListen),
		},
		{
			Name: "source", Arg: "NAME=URI", List: true, Group: groupStreams,
			Help: "A stream captured on this machine. camera: is the first camera, others are\n" +
				"camera:/dev/video2?size=1280x720&fps=30&bitrate=2500k (bits per second);\n" +
				"pattern:?size=640x360 draws a test picture, slate:?text=back+soon a text. All are\n" +
				"off while nobody watches; ondemand=off keeps one on. Default: webcam=camera:, or\n" +
				"webcam=pattern: when there is no camera.",
			More:  "[All sources](#sources).",
			Value: settings.Many(func(c *server.Config) *[]server.Source { return &c.Sources }, parseSource),
		},
		{
			Name: "stun", Arg: "URL", List: true, Group: groupNetwork,
			Help:  "A STUN server, such as stun:stun.example.org:3478, asked in the background for\nthis machine's public address. Default: none, which is right for a LAN.",
			Value: settings.Many(func(c *server.Config) *[]iceserver.Server { return &c.STUN }, iceserver.ParseSTUN),
		},
		{
			Name: "turn", Arg: "URL", List: true, Secret: true, Group: groupNetwork,
			Help: "A TURN server besides our own that clients may relay through:\n" +
				"turn:USER:PASSWORD@HOST:PORT?transport=udp (write %3A for a colon in USER), or\n" +
				"turn:HOST:PORT?transport=tcp&secret=SECRET, or turns: for TLS.",
			Value: settings.Many(func(c *server.Config) *[]iceserver.Server { return &c.TURN }, iceserver.ParseTURN),
		},
		{
			Name: "profile", Arg: "NAME", Default: server.ProfileLAN, Group: groupStart, Choices: profiles(),
			Help: "Presets of other settings, which override it: lan asks nobody outside; internet asks\n" +
				"public STUN servers for this machine's address unless --public-ip or --advertise\n" +
				"tell it; relay lets media go through the servers of --turn only.",
			More:  "See [NETWORK.md](NETWORK.md).",
			Value: settings.One(func(c *server.Config) *string { return &c.Profile }, settings.OneOf(profiles()...)),
		},
		{
			Name: "turn-listen", Arg: "HOST:PORT", Group: groupTURN,
			Help: "Where our own STUN and TURN server listens, UDP and TCP alike, and TLS when there is\n" +
				"a certificate; off turns it off. Default: port 3478 beside --media.",
			Value: settings.One(func(c *server.Config) *string { return &c.TURNListen }, parseTURNListen),
		},
		{
			Name: "turn-host", Arg: "HOST", Group: groupTURN, Reload: true,
			Help:  "The name or address by which clients reach it. Default: the one by which they reach\nthe pages. Set it behind a proxy on another machine.",
			Value: settings.One(func(c *server.Config) *string { return &c.TURNHost }, parseTURNHost),
		},
		{
			Name: "turn-secret", Arg: "SECRET", Secret: true, Group: groupTURN,
			Help:  "The secret that signs TURN credentials, for our own server and for those of --turn that\nhave none (use-auth-secret in coturn). Default: made up, for our own server only.",
			Value: settings.One(func(c *server.Config) *secret.Text { return &c.TURNSecret }, settings.Token),
		},
		{
			Name: "turn-relay-ports", Arg: "MIN-MAX", Group: groupTURN,
			Help:  "The UDP ports of its relays, which only this machine sends to. Default: any.",
			Value: settings.OneText(func(c *server.Config) *turnserver.PortRange { return &c.TURNRelayPorts }, parsePortRange, portRangeText),
		},
		{
			Name: "turn-allow", Arg: "CIDR", List: true, Group: groupTURN,
			Help:  "A network that its relays may reach besides the media port, such as 203.0.113.0/24.\nPrivate networks and this machine's own addresses have to be named as such.",
			Value: settings.Many(func(c *server.Config) *[]netip.Prefix { return &c.TURNAllow }, parsePrefix),
		},
		{
			Name: "public-ip", Arg: "IP", List: true, Group: groupNetwork,
			Help:  "An address under which a NAT or a cloud makes this machine reachable.",
			Value: settings.Many(func(c *server.Config) *[]netip.Addr { return &c.PublicIPs }, parsePublicIP),
		},
		{
			Name: "advertise", Arg: "ADDR", List: true, Group: groupNetwork,
			Help:  "What Porthole tells clients instead of this machine's own addresses: an IP address or\na name, which is looked up in the background, and :PORT when a router forwards\nanother port than that of --media.",
			Value: settings.Many(func(c *server.Config) *[]string { return &c.Advertise }, settings.Checked(reach.CheckAdvertise)),
		},
		{
			Name: "interfaces", Arg: "NAME[,NAME]", List: true, Group: groupNetwork,
			Help:  "The network interfaces whose addresses Porthole tells clients: eth* for all that begin\nso; !NAME leaves one out. Default: all but bridges to containers and tunnels.",
			Value: settings.Many(func(c *server.Config) *[]string { return &c.Interfaces }, settings.Checked(checkInterfaces)),
		},
		{
			Name: "mdns", Arg: "on|off", Default: "on, but off in a container", Group: groupNetwork, Choices: []string{"on", "off"},
			Help:  "Look up the .local names by which browsers hide their addresses. Without it, their own\nchecks find them, unless a firewall of this machine keeps those out.",
			Value: settings.Switch(func(c *server.Config) *bool { return &c.MDNS }),
		},
		{
			Name: "ice-policy", Arg: "POLICY", Default: peer.PolicyAll.String(), Group: groupNetwork, Choices: []string{"all", "relay"},
			Help:  "all, or relay: then clients reach this server through a server of --turn only.",
			Value: settings.One(func(c *server.Config) *peer.Policy { return &c.ICEPolicy }, parsePolicy),
		},
		{
			Name: "connect-timeout", Arg: "DURATION", Default: peer.DefaultTimeouts().Connect.String(), Group: groupNetwork,
			Help:  "How long ICE and DTLS may take after the answer, before the session ends.",
			Value: settings.One(func(c *server.Config) *time.Duration { return &c.Timeouts.Connect }, settings.Duration(time.Second)),
		},
		{
			Name: "ice-disconnected", Arg: "DURATION", Default: peer.DefaultTimeouts().ICEDisconnected.String(), Group: groupNetwork,
			Help:  "How long a client may be silent before it counts as disconnected.",
			Value: settings.One(func(c *server.Config) *time.Duration { return &c.Timeouts.ICEDisconnected }, settings.Duration(time.Second)),
		},
		{
			Name: "ice-failed", Arg: "DURATION", Default: peer.DefaultTimeouts().ICEFailed.String(), Group: groupNetwork,
			Help:  "How long it may then stay away before its session ends: --ice-disconnected and\n--ice-failed together are the 30s of RFC 7675 by default.",
			Value: settings.One(func(c *server.Config) *time.Duration { return &c.Timeouts.ICEFailed }, settings.Duration(time.Second)),
		},
		{
			Name: "publish-token", Arg: "TOKEN", Secret: true, Group: groupAccess, Reload: true,
			Help:  "Publishers, and readers of session details, must send it as a bearer token.\nDefault: none on loopback; beyond it, Porthole makes one up and prints it.",
			Value: settings.One(func(c *server.Config) *secret.Text { return &c.PublishToken }, settings.Token),
		},
		{
			Name: "view-token", Arg: "TOKEN", Secret: true, Group: groupAccess, Reload: true,
			Help:  "Viewers must send it as a bearer token. Without it, anybody may watch.",
			Value: settings.One(func(c *server.Config) *secret.Text { return &c.ViewToken }, settings.Token),
		},
		{
			Name: "max-viewers", Arg: "N", Default: "0, no limit", Group: groupLimits, Reload: true,
			Help:  "How many viewers all streams may have together. Others get 503.",
			Value: settings.One(func(c *server.Config) *int { return &c.MaxViewers }, settings.Count(0)),
		},
		{
			Name: "max-stream-viewers", Arg: "N", Default: "0, no limit", Group: groupLimits, Reload: true,
			Help:  "How many viewers one stream may have. Others get 503.",
			Value: settings.One(func(c *server.Config) *int { return &c.StreamViewers }, settings.Count(0)),
		},
		{
			Name: "grace", Arg: "DURATION", Default: broadcast.DefaultGrace.String(), Group: groupStreams,
			Help:  "How long viewers stay connected after a publisher is lost, waiting for the next one.",
			Value: settings.One(func(c *server.Config) *time.Duration { return &c.Grace }, settings.Duration(time.Second)),
		},
		{
			Name: "max-session", Arg: "DURATION", Default: "0, no limit", Group: groupStreams,
			Help:  "How long one WHIP or WHEP session may last. Then it ends, and players reconnect.",
			Value: settings.One(func(c *server.Config) *time.Duration { return &c.Timeouts.Session }, settings.Duration(0)),
		},
		{
			Name: "max-load", Arg: "PERCENT", Default: strconv.Itoa(int(100 * overload.DefaultMaxCPU)), Group: groupLimits, Reload: true,
			Help:  "The share of the processor time that the server may use for some seconds, before new\nviewers get 503. 0 is no limit.",
			Value: settings.One(func(c *server.Config) *int { return &c.MaxLoad }, settings.Percent),
		},
		{
			Name: "max-lateness", Arg: "DURATION", Default: overload.DefaultMaxLateness.String(), Group: groupLimits, Reload: true,
			Help:  "How late pictures may leave for some seconds, after they are complete, before new\nviewers get 503. 0 is no limit.",
			Value: settings.One(func(c *server.Config) *time.Duration { return &c.MaxLateness }, settings.Duration(0)),
		},
		{
			Name: "drain", Arg: "DURATION", Default: "0, stop at once", Group: groupStart, Reload: true,
			Help:  "How long sessions may go on after SIGTERM or SIGINT, while new ones get 503 and\nplayers are told to reconnect. A second signal ends the process at once.",
			Value: settings.One(func(c *server.Config) *time.Duration { return &c.Drain }, settings.Duration(0)),
		},
		{
			Name: "fallback", Arg: "[STREAM=]NAME", List: true, Group: groupStreams,
			Help: "What the viewers of STREAM, or of every other stream, see while nobody publishes\n" +
				"it: the stream NAME, or a source of its own such as slate:.",
			Value: settings.Many(func(c *server.Config) *[]server.Fallback { return &c.Fallbacks }, parseFallback),
		},
		{
			Name: "keep", Arg: "[STREAM=]DURATION", List: true, Group: groupStreams,
			Help: "How far back clips of STREAM, or of every other stream, may reach: 10m at most, and\n" +
				"64 MiB for each encoding. Without it a few seconds are kept.",
			More:  "[Clips](RECORDING.md#clips).",
			Value: settings.Many(func(c *server.Config) *[]server.Keep { return &c.Keep }, parseKeep),
		},
		{
			Name: "smooth", Arg: "NAME", List: true, Group: groupStreams,
			Help: "A stream whose viewers keep each picture for 0.1 to 0.4 s, so that a network that\n" +
				"delivers unevenly does not show. Those of others show it as soon as they can.",
			More:  "[What that does](DELAY.md#as-soon-as-possible-or-smooth).",
			Value: settings.Many(func(c *server.Config) *[]string { return &c.Smooth }, parseStreamName),
		},
		{
			Name: "rate-limit", Arg: "N", Default: strconv.Itoa(signaling.DefaultRate), Group: groupLimits, Reload: true,
			Help:  "How many WHIP and WHEP requests a second one address may make in the long run, and ten\ntimes as many at once. Further ones get 429. 0 is no limit.",
			More:  "It also limits how fast requests are read: [SECURITY.md](SECURITY.md#connections).",
			Value: settings.One(func(c *server.Config) *int { return &c.RateLimit }, settings.Count(0)),
		},
		{
			Name: "max-body", Arg: "BYTES", Default: strconv.Itoa(signaling.DefaultMaxBody), Group: groupLimits, Reload: true,
			Help:  "How large the body of a WHIP or WHEP request may be. Larger ones get 413.",
			Value: settings.One(func(c *server.Config) *int { return &c.MaxBody }, settings.Count(minBody)),
		},
		{
			Name: "rate-burst", Arg: "N", Default: "ten times --rate-limit", Group: groupLimits, Reload: true,
			Help:  "How many WHIP and WHEP requests one address may make at once before --rate-limit counts.",
			Value: settings.One(func(c *server.Config) *int { return &c.RateBurst }, settings.Count(0)),
		},
		{
			Name: "max-sessions", Arg: "N", Default: "4096, or twice --max-viewers", Group: groupLimits, Reload: true,
			Help:  "How many publishers and viewers there may be together. Others get 503.",
			Value: settings.One(func(c *server.Config) *int { return &c.MaxSessions }, settings.Count(0)),
		},
		{
			Name: "max-client-connections", Arg: "N", Default: strconv.Itoa(overload.DefaultMaxOfClient), Group: groupLimits,
			Help:  "How many TCP connections one address (a /64 of IPv6) may have, and at most a quarter of\nwhat the others leave of `ulimit -n`; half of them may be event streams. Others get 503\nor 429. --trusted-proxy is exempt. 0 is no limit.",
			Value: settings.One(func(c *server.Config) *int { return &c.ClientConns }, settings.Count(0)),
		},
		{
			Name: "header-timeout", Arg: "DURATION", Default: server.DefaultConfig().HeaderTimeout.String(), Group: groupLimits,
			Help:  "How long a client may take to send the head of a request, before its connection is closed.",
			Value: settings.One(func(c *server.Config) *time.Duration { return &c.HeaderTimeout }, settings.Duration(time.Second)),
		},
		{
			Name: "body-timeout", Arg: "DURATION", Default: server.DefaultConfig().BodyTimeout.String(), Group: groupLimits, Reload: true,
			Help:  "How long it may then take for the body of a WHIP or WHEP request, before it gets 408.",
			Value: settings.One(func(c *server.Config) *time.Duration { return &c.BodyTimeout }, settings.Duration(time.Second)),
		},
		{
			Name: "lenient-patch", Group: groupLimits, Reload: true,
			Help:  "Accept an ICE restart (PATCH) without If-Match as if it said *. Otherwise it gets 428,\nas WHIP and WHEP demand. Candidates never need the header.",
			Value: settings.One(func(c *server.Config) *bool { return &c.LenientPatch }, settings.Toggle),
		},
		{
			Name: "redirect-to", Arg: "URL", Group: groupStart, Reload: true,
			Help:  "Another server, https://HOST[:PORT][/PATH], to which this one redirects (307) new\npublishers and viewers while it drains. Without it, they get 503.",
			Value: settings.One(func(c *server.Config) **url.URL { return &c.RedirectTo }, parseServer),
		},
		{
			Name: "trusted-proxy", Arg: "CIDR", List: true, Group: groupAccess,
			Help:  "A reverse proxy, as 10.0.0.1 or 10.0.0.0/8, whose X-Forwarded-… headers Porthole\nbelieves.",
			More:  "[How to](NETWORK.md#behind-a-reverse-proxy).",
			Value: settings.Many(func(c *server.Config) *[]netip.Prefix { return &c.TrustedProxies }, parsePrefix),
		},
		{
			Name: "host", Arg: "NAME", List: true, Group: groupAccess, Reload: true,
			Help:  "A name by which browsers reach this server. On loopback, where no token protects, other\nnames than addresses, localhost, this machine's and the certificate's get 421.",
			More:  "[Why](SECURITY.md#visited-web-sites).",
			Value: settings.Many(func(c *server.Config) *[]string { return &c.Hosts }, parseHost),
		},
		{
			Name: "allow-origin", Arg: "ORIGIN", List: true, Group: groupAccess, Reload: true,
			Help:  "A web site, https://example.org or * for all, whose pages may publish, watch and read\nthe API where no token protects: on loopback they get 403 without this.",
			Value: settings.Many(func(c *server.Config) *[]string { return &c.AllowOrigins }, parseOrigin),
		},
		{
			Name: "frame-ancestors", Arg: "SITE", List: true, Default: "*, or as --allow-origin where no token protects", Group: groupAccess, Reload: true,
			Help:  "A site that may show /embed/NAME in a frame: https://example.org, https://*.example.org,\nself, or none. Only this server's own pages may frame others.",
			Value: settings.Many(func(c *server.Config) *[]string { return &c.FrameAncestors }, parseAncestor),
		},
		{
			Name: "cert", Arg: "FILE", Group: groupStart,
			Help:  "A certificate chain in PEM: --http is then HTTPS. Needs --key.",
			Value: settings.One(func(c *server.Config) *string { return &c.Cert }, settings.Text),
		},
		{
			Name: "key", Arg: "FILE", Group: groupStart,
			Help:  "The private key of --cert, in PEM.",
			Value: settings.One(func(c *server.Config) *string { return &c.Key }, settings.Text),
		},
		{
			Name: "pages", Arg: "DIR", Group: groupStart,
			Help:  "Serve the pages from this directory, static of the sources, unbundled and read anew for\neach request: for who changes them. Default: those in the program.",
			Value: settings.One(func(c *server.Config) *string { return &c.PagesDir }, settings.Checked(static.CheckDir)),
		},
		{
			Name: "log-level", Arg: "LEVEL", Default: "info", Group: groupLogs, Reload: true, Choices: []string{"debug", "info", "warn", "error"},
			Help:  "Log records of this level and above: debug, info, warn or error.",
			Value: settings.OneText(func(c *server.Config) *slog.Level { return &c.LogLevel }, parseLevel, levelText),
		},
		{
			Name: "log-format", Arg: "FORMAT", Default: "text", Group: groupLogs, Choices: []string{"text", "json"},
			Help:  "The format of the log on standard error: text or json.",
			Value: settings.One(func(c *server.Config) *string { return &c.LogFormat }, settings.OneOf("text", "json")),
		},
	}
}

// configSetting is the one flag that is no setting of Config.
func configSetting() settings.Setting[server.Config] {
	return settings.Setting[server.Config]{
		Name: "config", Arg: "FILE", Group: groupStart,
		Help: "A YAML file with any of the settings below, under the same names; lists for those\nthat are repeatable. Environment variables override it, flags override both.",
	}
}

// printConfigSetting is a flag of the serve command only.
func printConfigSetting(print *bool) settings.Setting[server.Config] {
	return settings.Setting[server.Config]{
		Name: "print-config", Group: groupStart,
		Help: "Print the configuration in force as a file for --config, with where each value comes\nfrom, and end. Secrets are named by their files, or left out.",
		Value: settings.Do[server.Config](func(text string) (err error) {
			*print, err = settings.Toggle(text)
			return err
		}),
	}
}

func printServeFlags(w io.Writer) {
	fmt.Fprintf(w, "Flags of `porthole serve`. Each is also an environment variable: --max-viewers is\n"+
		"%sMAX_VIEWERS; values of a repeatable one are separated there by spaces. Those that\n"+
		"are marked (reloads) are read again at SIGHUP; the others need a restart.\n\n", envPrefix)
	append(settings.Table[server.Config]{configSetting(), printConfigSetting(new(bool))}, serveSettings()...).PrintHelp(w)
}
