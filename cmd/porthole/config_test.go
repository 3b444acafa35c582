package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"porthole/internal/iceserver"
	"porthole/internal/peer"
	"porthole/internal/server"
	"porthole/internal/turnserver"
)

// environment makes a getenv of a map.
func environment(values map[string]string) []string {
	var environ []string
	for name, value := range values {
		environ = append(environ, name+"="+value)
	}
	return environ
}

// What Kubernetes and Docker put into the environment of a container beside one that is called porthole is no setting.
func TestVariablesOfServicesAreNoSettings(t *testing.T) {
	_, err := loadConfig(nil, environment(map[string]string{
		"PORTHOLE_SERVICE_HOST": "10.0.0.1", "PORTHOLE_SERVICE_PORT_HTTP": "8080", "PORTHOLE_PORT": "tcp://10.0.0.1:8080",
		"PORTHOLE_PORT_8080_TCP_ADDR": "10.0.0.1", "PORTHOLE_NAME": "/web/porthole", "PORTHOLE_ENV_PATH": "/bin", "PORT": "1", "porthole_x": "y",
	}))
	if err != nil {
		t.Error(err)
	}
}

// file writes a configuration file and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "porthole.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAreSafe(t *testing.T) {
	c, err := loadConfig(nil, environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, server.DefaultConfig()) {
		t.Errorf("got %v, want the defaults", c)
	}
	if c.BeyondLoopback() {
		t.Error("a camera is shown to the network without being asked")
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func stunServers(t *testing.T, urls ...string) (servers []iceserver.Server) {
	t.Helper()
	for _, u := range urls {
		s, err := iceserver.ParseSTUN(u)
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, s)
	}
	return servers
}

// everyFlag sets all but files with secrets, to what are no defaults.
func everyFlag() []string {
	return []string{
		"--http", "0.0.0.0:80", "--media=192.0.2.1:9000",
		"--stun", "stun:a.example", "--stun", "stun:b.example:3479",
		"--turn", "turn:17%3Au:p@ss@t.example:3478?transport=tcp",
		"--profile", "internet", "--turn-listen", "192.0.2.1:3479", "--turn-host", "turn.example", "--turn-secret", "hush",
		"--turn-relay-ports", "50000-50100", "--turn-allow", "203.0.113.0/24", "--turn-allow", "10.0.0.9",
		"--public-ip", "203.0.113.7", "--public-ip", "2001:db8::1",
		"--publish-token", "pub", "--view-token", "view",
		"--max-viewers", "7", "--rate-limit", "3", "--grace", "90s",
		"--trusted-proxy", "10.1.2.3/8", "--trusted-proxy", "::1",
		"--log-level", "warn", "--log-format", "json", "--cert", "c.pem", "--key", "k.pem",
		"--max-stream-viewers", "5", "--max-body", "20000", "--lenient-patch",
		"--rate-burst", "9", "--max-client-connections", "33", "--max-sessions", "77", "--header-timeout", "4s", "--body-timeout", "8s",
		"--max-session", "1h", "--max-load", "80%", "--max-lateness", "1s", "--drain", "5s",
		"--fallback", "door=hall", "--fallback", "slate",
		"--redirect-to", "https://cam2.example:8443/live",
		"--advertise", "198.51.100.1:4000", "--advertise", "cam.example", "--interfaces", "eth*,wlan0", "--interfaces", "!docker0",
		"--mdns", "off", "--ice-policy", "relay", "--connect-timeout", "20s", "--ice-disconnected", "6s", "--ice-failed", "24s",
		"--frame-ancestors", "self", "--frame-ancestors", "https://*.a.example:8443",
		"--host", "cam.example", "--host", "cam", "--allow-origin", "https://a.example:8443", "--allow-origin", "*",
	}
}

func TestEveryPlaceIsRead(t *testing.T) {
	want := server.DefaultConfig()
	want.HTTP, want.Media = "0.0.0.0:80", "192.0.2.1:9000"
	want.STUN = stunServers(t, "stun:a.example", "stun:b.example:3479")
	want.TURN = []iceserver.Server{{
		Scheme: "turn", Host: "t.example", Port: 3478, Transport: "tcp", Username: "17:u", Password: "p@ss",
	}}
	want.Profile, want.TURNListen, want.TURNHost, want.TURNSecret = "internet", "192.0.2.1:3479", "turn.example", "hush"
	want.TURNRelayPorts = turnserver.PortRange{Min: 50000, Max: 50100}
	want.TURNAllow = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("10.0.0.9/32")}
	want.PublicIPs = []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::1")}
	want.PublishToken, want.ViewToken = "pub", "view"
	want.MaxViewers, want.RateLimit, want.Grace = 7, 3, 90*time.Second
	want.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	want.LogLevel, want.LogFormat = slog.LevelWarn, "json"
	want.Cert, want.Key = "c.pem", "k.pem"
	want.Timeouts.Session, want.MaxLoad, want.MaxLateness, want.Drain = time.Hour, 80, time.Second, 5*time.Second
	want.Fallbacks = []server.Fallback{{Stream: "door", Name: "hall"}, {Name: "slate"}}
	want.StreamViewers, want.MaxBody, want.LenientPatch = 5, 20_000, true
	want.RateBurst, want.MaxSessions, want.HeaderTimeout, want.BodyTimeout = 9, 77, 4*time.Second, 8*time.Second
	want.RedirectTo = &url.URL{Scheme: "https", Host: "cam2.example:8443", Path: "/live"}
	want.Advertise, want.Interfaces = []string{"198.51.100.1:4000", "cam.example"}, []string{"eth*,wlan0", "!docker0"}
	want.MDNS = false
	want.ICEPolicy = peer.PolicyRelay
	want.Timeouts.Connect, want.Timeouts.ICEDisconnected, want.Timeouts.ICEFailed = 20*time.Second, 6*time.Second, 24*time.Second
	want.ClientConns = 33
	want.Hosts = []string{"cam.example", "cam"}
	want.AllowOrigins = []string{"https://a.example:8443", "*"}
	want.FrameAncestors = []string{"'self'", "https://*.a.example:8443"}

	places := map[string]func() (server.Config, error){
		"flags": func() (server.Config, error) {
			return loadConfig(everyFlag(), environment(nil))
		},
		"environment": func() (server.Config, error) {
			return loadConfig(nil, environment(map[string]string{
				"PORTHOLE_HTTP": "0.0.0.0:80", "PORTHOLE_MEDIA": "192.0.2.1:9000",
				"PORTHOLE_STUN":    "stun:a.example stun:b.example:3479",
				"PORTHOLE_TURN":    "turn:17%3Au:p@ss@t.example:3478?transport=tcp",
				"PORTHOLE_PROFILE": "internet", "PORTHOLE_TURN_LISTEN": "192.0.2.1:3479", "PORTHOLE_TURN_HOST": "turn.example",
				"PORTHOLE_TURN_SECRET": "hush", "PORTHOLE_TURN_RELAY_PORTS": "50000-50100",
				"PORTHOLE_TURN_ALLOW":    "203.0.113.0/24 10.0.0.9",
				"PORTHOLE_PUBLIC_IP":     "203.0.113.7\n2001:db8::1",
				"PORTHOLE_PUBLISH_TOKEN": "pub", "PORTHOLE_VIEW_TOKEN": "view",
				"PORTHOLE_MAX_VIEWERS": "7", "PORTHOLE_RATE_LIMIT": "3", "PORTHOLE_GRACE": "90s",
				"PORTHOLE_TRUSTED_PROXY": "10.1.2.3/8 ::1",
				"PORTHOLE_LOG_LEVEL":     "WARN", "PORTHOLE_LOG_FORMAT": "json",
				"PORTHOLE_CERT": "c.pem", "PORTHOLE_KEY": "k.pem",
				"PORTHOLE_MAX_STREAM_VIEWERS": "5", "PORTHOLE_MAX_BODY": "20000", "PORTHOLE_LENIENT_PATCH": "true",
				"PORTHOLE_RATE_BURST": "9", "PORTHOLE_MAX_CLIENT_CONNECTIONS": "33", "PORTHOLE_MAX_SESSIONS": "77", "PORTHOLE_HEADER_TIMEOUT": "4s", "PORTHOLE_BODY_TIMEOUT": "8s",
				"PORTHOLE_MAX_SESSION": "60m", "PORTHOLE_MAX_LOAD": "80", "PORTHOLE_MAX_LATENESS": "1000ms", "PORTHOLE_DRAIN": "5s",
				"PORTHOLE_FALLBACK":  "door=hall slate",
				"PORTHOLE_ADVERTISE": "198.51.100.1:4000 cam.example", "PORTHOLE_INTERFACES": "eth*,wlan0 !docker0",
				"PORTHOLE_REDIRECT_TO": "https://cam2.example:8443/live",
				"PORTHOLE_MDNS":        "off", "PORTHOLE_ICE_POLICY": "relay", "PORTHOLE_CONNECT_TIMEOUT": "20s", "PORTHOLE_ICE_DISCONNECTED": "6s", "PORTHOLE_ICE_FAILED": "24s",
				"PORTHOLE_FRAME_ANCESTORS": "'self' https://*.a.example:8443",
				"PORTHOLE_HOST":            "cam.example cam", "PORTHOLE_ALLOW_ORIGIN": "https://a.example:8443 *",
			}))
		},
		"file": func() (server.Config, error) {
			return loadConfig([]string{"--config", file(t, `
http: 0.0.0.0:80
media: 192.0.2.1:9000 # a comment
stun: [stun:a.example, "stun:b.example:3479"]
turn: turn:17%3Au:p@ss@t.example:3478?transport=tcp
profile: internet
turn-listen: 192.0.2.1:3479
turn-host: turn.example
turn-secret: hush
turn-relay-ports: 50000-50100
turn-allow: [203.0.113.0/24, 10.0.0.9]
public-ip:
  - 203.0.113.7
  - 2001:db8::1
publish-token: pub
view-token: view
max-viewers: 7
rate-limit: 3
grace: 90s
trusted-proxy: [10.1.2.3/8, "::1"]
log-level: warn
log-format: json
cert: c.pem
key: k.pem
max-stream-viewers: 5
max-body: 20000
rate-burst: 9
max-client-connections: 33
max-sessions: 77
header-timeout: 4s
body-timeout: 8s
lenient-patch: true
max-session: 1h
max-load: 80
max-lateness: 1s
drain: 5s
fallback: [door=hall, slate]
redirect-to: https://cam2.example:8443/live
advertise: ["198.51.100.1:4000", cam.example]
interfaces: ["eth*,wlan0", "!docker0"]
mdns: "off"
ice-policy: relay
connect-timeout: 20s
ice-disconnected: 6s
ice-failed: 24s
frame-ancestors: [self, "https://*.a.example:8443"]
host: [cam.example, cam]
allow-origin: ["https://a.example:8443", "*"]
`)}, environment(nil))
		},
	}
	for name, read := range places {
		t.Run(name, func(t *testing.T) {
			got, err := read()
			if err != nil {
				t.Fatal(err)
			}
			got.SecretFiles = nil // the file holds secrets; the other places are none
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestFlagsOverruleEnvironmentOverrulesFile(t *testing.T) {
	path := file(t, "http: 127.0.0.1:1\nmax-viewers: 1\ngrace: 1s\nstun: [stun:file]\n")
	got, err := loadConfig(
		[]string{"--http", "127.0.0.1:3", "--stun", "stun:flag"},
		environment(map[string]string{
			"PORTHOLE_CONFIG": path, "PORTHOLE_HTTP": "127.0.0.1:2", "PORTHOLE_MAX_VIEWERS": "2",
			"PORTHOLE_GRACE": "", // empty is as good as absent
		}))
	if err != nil {
		t.Fatal(err)
	}
	if got.HTTP != "127.0.0.1:3" || got.MaxViewers != 2 || got.Grace != time.Second {
		t.Errorf("got http %s, max-viewers %d, grace %v; want those of flag, environment and file", got.HTTP, got.MaxViewers, got.Grace)
	}
	if !slices.Equal(got.STUN, stunServers(t, "stun:flag")) {
		t.Errorf("got %v: a list replaces the one before it", got.STUN)
	}
}

func TestBadInput(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(text string) []string {
		if err := os.WriteFile("p.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"--config", "p.yaml"}
	}
	tests := []struct {
		name string
		args []string
		yaml string
		env  map[string]string
		want []string // each is part of the message
	}{
		{name: "unknown flag", args: []string{"--htpp", ":1"}, want: []string{"unknown flag --htpp", "did you mean --http?"}},
		{name: "unknown flag unlike any", args: []string{"--frobnicate"}, want: []string{"unknown flag --frobnicate;"}},
		{name: "flag without value", args: []string{"--http"}, want: []string{"--http needs a value"}},
		{name: "argument", args: []string{"camera"}, want: []string{`unexpected argument "camera"`}},
		{name: "no port", args: []string{"--http", "localhost"}, want: []string{"--http:", `"localhost" is not HOST:PORT`}},
		{name: "port too large", args: []string{"--http", ":70000"}, want: []string{"--http:", "0 to 65535"}},
		{name: "media on a name", args: []string{"--media", "localhost:1"}, want: []string{"--media:", "not an IP address"}},
		{name: "media without port", args: []string{"--media", "127.0.0.1"}, want: []string{"--media:", "HOST:PORT"}},
		{name: "source without name", args: []string{"--source", "camera:"}, want: []string{"--source:", "NAME=URI"}},
		{name: "source with a bad name", args: []string{"--source", "my cam=camera:"}, want: []string{"--source:", `"my cam"`}},
		{name: "source with a bad URI", args: []string{"--source", "a=webcam:"}, want: []string{"--source:", `unknown scheme "webcam"`}},
		{name: "source with a bad key", args: []string{"--source", "a=pattern:?sise=1x1"}, want: []string{"--source:", `"sise"`}},
		{name: "source twice", args: []string{"--source", "a=pattern:", "--source", "a=camera:"}, want: []string{"--source:", `"a" is taken twice`}},
		{name: "STUN is no URL", args: []string{"--stun", "stun.example.org"}, want: []string{"--stun:", "stun:stun.example.org:3478"}},
		{name: "STUN is TURN", args: []string{"--stun", "turn:h"}, want: []string{"--stun:", "STUN server"}},
		{name: "TURN without password", args: []string{"--turn", "turn:h:1"}, want: []string{"--turn:", "turn:USER:PASSWORD@h:1", "secret=SECRET", "--turn-secret"}},
		{name: "TURN with a bad transport", args: []string{"--turn", "turn:u:p@h:1?transport=sctp"}, want: []string{"--turn:", "h:1", "udp or tcp"}},
		{name: "profile", args: []string{"--profile", "wan"}, want: []string{"--profile:", "lan, internet, relay"}},
		{name: "policy", args: []string{"--ice-policy", "none"}, want: []string{"--ice-policy:", "all or relay"}},
		{name: "policy without a relay", args: []string{"--ice-policy", "relay"}, want: []string{"--ice-policy relay:", "--turn"}},
		{name: "relay without one", args: []string{"--profile", "relay"}, want: []string{"--profile relay:", "--turn"}},
		{name: "TURN on a name", args: []string{"--turn-listen", "localhost:1"}, want: []string{"--turn-listen:", "not an IP address"}},
		{name: "TURN beside media", args: []string{"--turn-listen", ":8081"}, want: []string{"--turn-listen and --media", "8081"}},
		{name: "TURN's name with a port", args: []string{"--turn-host", "h:1"}, want: []string{"--turn-host:", "a port"}},
		{name: "relay ports", args: []string{"--turn-relay-ports", "20-10"}, want: []string{"--turn-relay-ports:", "49160-49200"}},
		{name: "relays' networks", args: []string{"--turn-allow", "lan"}, want: []string{"--turn-allow:", "10.0.0.0/8"}},
		{name: "other server", args: []string{"--redirect-to", "cam2.example"}, want: []string{"--redirect-to:", `"cam2.example" is not a URL`}},
		{name: "other server's query", args: []string{"--redirect-to", "https://cam2.example/?x"}, want: []string{"--redirect-to:", "more than host, port and path"}},
		{name: "public address", args: []string{"--public-ip", "example.org"}, want: []string{"--public-ip:", `"example.org" is not an IP address`}},
		{name: "advertised address", args: []string{"--advertise", "cam example"}, want: []string{"--advertise:", `"cam example" is not an address`}},
		{name: "interface", args: []string{"--interfaces", "eth0,eth["}, want: []string{"--interfaces:", `"eth["`}},
		{name: "public address of nobody", args: []string{"--public-ip", "0.0.0.0"}, want: []string{"--public-ip:", "reach"}},
		{name: "token", args: []string{"--publish-token", "top secret"}, want: []string{"--publish-token:", "a space"}},
		{name: "negative number", args: []string{"--max-viewers", "-1"}, want: []string{"--max-viewers:", "the least is 0"}},
		{name: "no number", args: []string{"--max-viewers", "many"}, want: []string{"--max-viewers:", `"many" is not a whole number`}},
		{name: "no unit", args: []string{"--grace", "30"}, want: []string{"--grace:", "such as 30s"}},
		{name: "too short", args: []string{"--grace", "1ms"}, want: []string{"--grace:", "the least is 1s"}},
		{name: "proxy", args: []string{"--trusted-proxy", "10.0.0.0/40"}, want: []string{"--trusted-proxy:", "10.0.0.0/8"}},
		{name: "host with a port", args: []string{"--host", "cam.example:8080"}, want: []string{"--host:", "without scheme and port"}},
		{name: "host as an address", args: []string{"--host", "192.0.2.1"}, want: []string{"--host:", "leave it out"}},
		{name: "origin with a path", args: []string{"--allow-origin", "https://a.example/"}, want: []string{"--allow-origin:", "https://example.org"}},
		{name: "origin without a scheme", args: []string{"--allow-origin", "a.example"}, want: []string{"--allow-origin:", "https://example.org"}},
		{name: "embedder", args: []string{"--frame-ancestors", "https://a.example; script-src *"}, want: []string{"--frame-ancestors:", "https://example.org"}},
		{name: "no embedder, and one", args: []string{"--frame-ancestors", "none", "--frame-ancestors", "a.example"}, want: []string{"--frame-ancestors: none stands alone"}},
		{name: "log level", args: []string{"--log-level", "loud"}, want: []string{"--log-level:", "debug, info, warn, error"}},
		{name: "log format", args: []string{"--log-format", "xml"}, want: []string{"--log-format:", "text, json"}},
		{name: "certificate without key", args: []string{"--cert", "c.pem"}, want: []string{"--cert and --key"}},
		{name: "same port", args: []string{"--http", "127.0.0.1:8081"}, want: []string{"--http and --media", "8081"}},
		{name: "environment", env: map[string]string{"PORTHOLE_HTTP": "x"}, want: []string{"PORTHOLE_HTTP:"}},
		{name: "unknown variable", env: map[string]string{"PORTHOLE_MAX_VIEWER": "3"}, want: []string{"PORTHOLE_MAX_VIEWER: no setting", "did you mean PORTHOLE_MAX_VIEWERS?"}},
		{name: "unknown variable far from any", env: map[string]string{"PORTHOLE_": ""}, want: []string{"PORTHOLE_: no setting"}},
		{name: "no such file", args: []string{"--config", "nowhere.yaml"}, want: []string{"--config:", "nowhere.yaml", "no such file"}},
		{name: "no such file by environment", env: map[string]string{"PORTHOLE_CONFIG": "nowhere.yaml"}, want: []string{"PORTHOLE_CONFIG:", "nowhere.yaml"}},
		{name: "directory", args: []string{"--config", "."}, want: []string{"--config:", "is a directory"}},
		{name: "YAML syntax", yaml: "http: :8080\n\t- x\n", want: []string{"--config:", "p.yaml", "line 2"}},
		{name: "YAML list", yaml: "- http\n", want: []string{"p.yaml:1:", "not a list of settings"}},
		{name: "YAML key", yaml: "http: 127.0.0.1:1\nmax-viewer: 2\n", want: []string{"p.yaml:2: max-viewer:", "unknown key", "did you mean max-viewers?"}},
		{name: "YAML key twice", yaml: "http: 127.0.0.1:1\nhttp: 127.0.0.1:2\n", want: []string{"p.yaml:2: http:", "set twice"}},
		{name: "YAML value", yaml: "\nmax-viewers: few\n", want: []string{"p.yaml:2: max-viewers:", `"few"`}},
		{name: "YAML list for a single value", yaml: "http: [a, b]\n", want: []string{"p.yaml:1: http:", "single value"}},
		{name: "YAML source without quotes", yaml: "source:\n  - webcam=camera:\n", want: []string{"p.yaml:1: source:", "line 2", "quotes"}},
		{name: "YAML names itself", yaml: "config: p.yaml\n", want: []string{"p.yaml:1: config:", "unknown key"}},
		{
			name: "all faults at once", args: []string{"--http", "x", "--stun", "y", "--stun", "z"},
			yaml: "grace: soon\nviewers: 1\n", env: map[string]string{"PORTHOLE_MAX_VIEWERS": "-3"},
			want: []string{"--http:", `--stun: "y"`, `--stun: "z"`, "p.yaml:1: grace:", "p.yaml:2: viewers:", "PORTHOLE_MAX_VIEWERS:"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := tt.args
			if tt.yaml != "" {
				args = append(write(tt.yaml), args...)
			}
			_, err := loadConfig(args, environment(tt.env))
			if err == nil {
				t.Fatal("accepted")
			}
			if _, ok := errors.AsType[usageError](err); !ok {
				t.Errorf("%v is not a usage error", err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is missing in: %v", part, err)
				}
			}
		})
	}
}

func TestHelpIsNoFault(t *testing.T) {
	for _, arg := range []string{"--help", "-h"} {
		if _, err := loadConfig([]string{arg}, environment(nil)); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%s: got %v", arg, err)
		}
	}
}

// What reads like a secret must show up nowhere: not in what the configuration
// prints of itself, and not in the error about a bad one.
func TestSecretsAreNotShown(t *testing.T) {
	c, err := loadConfig([]string{
		"--publish-token", "s3cret-publish", "--view-token", "s3cret-view", "--turn", "turn:user:s3cret-turn@h:1",
		"--turn", "turn:h:2?secret=s3cret-shared", "--turn-secret", "s3cret-turn",
	}, environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	table := serveSettings()
	record := table.LogValue(&c)
	shown := []string{record.String(), fmt.Sprintf("%v %+v %#v", c, c, c), fmt.Sprintf("%v %+v", c.TURN, c.TURN)}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("configuration", "config", record, "whole", c)
	shown = append(shown, log.String())

	for _, args := range [][]string{
		{"--publish-token", "s3cret with spaces"},
		{"--turn", "turn:user:s3cret-turn"},
		{"--turn", "turn:user:s3cret-turn@h:99999999"},
		{"--turn", "nonsense:s3cret"},
		{"--turn", "turn:h:2?sekret=s3cret-shared"},
		{"--turn-secret", "s3cret with spaces"},
		{"--turn", "turn:s3cret%zz:x@h:1"},
	} {
		_, err := loadConfig(args, environment(nil))
		if err == nil {
			t.Errorf("%q is accepted", args)
			continue
		}
		shown = append(shown, err.Error())
	}
	for _, text := range shown {
		if strings.Contains(text, "s3cret") {
			t.Errorf("shows a secret: %s", text)
		}
	}
	if !strings.Contains(record.String(), "publish_token=set") {
		t.Errorf("whether a token is set should be seen: %s", record)
	}
}

func TestFallbacks(t *testing.T) {
	read := func(args ...string) (server.Config, error) { return loadConfig(args, environment(nil)) }
	c, err := read("--source", "cam=pattern:", "--source", "pattern=pattern:",
		"--fallback", "door=cam", "--fallback", "hall=pattern:?fps=5", "--fallback", "shed=pattern:?fps=5", "--fallback", "pattern:")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Fallbacks); got != "[door=cam hall=pattern:?fps=5 shed=pattern:?fps=5 pattern:]" {
		t.Errorf("shown as %s", got)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--fallback", "a=b", "--fallback", "b=a"}, "a → b → a"},
		{[]string{"--fallback", "a=a"}, "a → a"},
		{[]string{"--fallback", "a=b", "--fallback", "a=c"}, `two are given for "a"`},
		{[]string{"--fallback", "b", "--fallback", "c"}, "without a stream"},
		{[]string{"--fallback", "a=b c"}, "neither a stream's name"},
		{[]string{"--fallback", "a=nonsense:"}, "nonsense:"},
	} {
		if _, err := read(tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q in it", tt.args, err, tt.want)
		}
	}
}
