package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// list runs `go list` at the top of the module.
func list(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	return strings.Fields(string(out))
}

// The arrows between packages point one way (ARCHITECTURE.md). What a package
// must not reach, not even through others, and why:
func TestArrows(t *testing.T) {
	const (
		webrtc = "github.com/pion/webrtc/v4"
		chi    = "github.com/go-chi/chi/v5"
	)
	tests := []struct {
		pkg       string
		forbidden map[string]string
	}{
		{"porthole/internal/broadcast", map[string]string{
			"net/http":               "the heart must be testable, and usable, without a server",
			chi:                      "likewise",
			webrtc:                   "viewers are sinks; what a sink is made of is not the heart's business",
			"porthole/internal/peer": "peer and broadcast do not know each other",
		}},
		{"porthole/internal/broadcast/sentlog", map[string]string{
			"porthole/internal/broadcast": "numbers are remembered without knowing viewers", "github.com/pion/rtp": "likewise",
		}},
		{"porthole/internal/broadcast/thinning", map[string]string{
			"porthole/internal/broadcast": "numbers are given and kept without knowing packets", "github.com/pion/rtp": "likewise",
		}},
		{"porthole/cmd/porthole", map[string]string{
			"net/http/pprof": "it registers profiles where a handler by default would show them, and makes the program larger by 400 kB",
		}},
		{"porthole/internal/broadcast/ring", map[string]string{
			"net": "memory needs no sockets", "porthole/internal/codec": "what packets carry is none of its business", "porthole/internal/broadcast": "nor who reads them",
		}},
		{"porthole/internal/broadcast/number", map[string]string{
			"net": "arithmetic needs no sockets", "porthole/internal/broadcast/ring": "numbers are given to packets, wherever they are kept", "porthole/internal/broadcast": "likewise",
		}},
		{"porthole/internal/broadcast/pace", map[string]string{
			"net": "buckets need no sockets", "porthole/internal/broadcast/ring": "a bucket knows sizes, not packets", "porthole/internal/broadcast": "likewise",
		}},
		{"porthole/internal/broadcast/choice", map[string]string{
			"net": "a choice is made of numbers, and tested as a table", "porthole/internal/broadcast": "likewise",
		}},
		{"porthole/internal/broadcast/report", map[string]string{
			"net": "reports are read, wherever they came from", "porthole/internal/broadcast": "likewise",
		}},
		{"porthole/internal/bandwidth", map[string]string{
			"net": "what a path carries is worked out from numbers and times: it is simulated, and fuzzed", webrtc: "likewise",
			"github.com/pion/rtcp": "feedback is read in place", "github.com/pion/rtp": "it knows sizes, not packets",
			"porthole/internal/broadcast": "it says what a path carries, and not what to send on it",
		}},
		{"porthole/internal/codec", map[string]string{
			"net": "what bytes mean needs no sockets: it is fuzzed", webrtc: "likewise", "github.com/pion/rtp": "it reads payloads, not packets",
		}},
		{"porthole/internal/peer", map[string]string{
			"porthole/internal/broadcast": "peer and broadcast do not know each other",
			"porthole/internal/signaling": "a connection does not know how its offer came",
			"porthole/internal/iceserver": "whom to ask for our address, and when, is decided elsewhere",
			chi:                           "likewise",
		}},
		{"porthole/internal/negotiate", map[string]string{
			"net/http": "reading offers is pure: it is fuzzed",
			webrtc:     "likewise",
		}},
		{"porthole/internal/iceserver", map[string]string{
			"porthole/internal/peer": "how a server is asked from the media socket comes from outside", webrtc: "likewise",
			"porthole/internal/signaling": "who is told of a server is not its business",
		}},
		{"porthole/internal/diagnosis", map[string]string{
			"net/http": "a verdict is made of facts, and tested as a table",
			webrtc:     "likewise", "porthole/internal/peer": "likewise",
		}},
		{"porthole/internal/signaling", map[string]string{
			"porthole/internal/broadcast": "HTTP does not know media: errors have a class, sessions an interface", "porthole/internal/peer": "likewise",
			webrtc: "likewise", "github.com/pion/rtp": "likewise", "porthole/internal/api": "who tells of sessions does not make them",
		}},
		{"porthole/internal/sessions", map[string]string{
			"porthole/internal/signaling": "a session is kept, however its offer came", "porthole/internal/negotiate": "likewise", chi: "likewise",
			"porthole/internal/broadcast": "what a session is made of is its own business", "porthole/internal/peer": "likewise", webrtc: "likewise",
		}},
		{"porthole/internal/events", map[string]string{
			"net": "news is about names; who makes it, or acts on it, is not known here", "porthole/internal/sessioninfo": "likewise",
			"porthole/internal/broadcast": "likewise", "porthole/internal/codec": "likewise",
		}},
		{"porthole/internal/refusal", map[string]string{
			"net": "a class of errors is a word",
		}},
		{"porthole/internal/sessioninfo", map[string]string{
			"net/http": "documents are made of values, whoever sends them", webrtc: "likewise", "porthole/internal/codec": "nor do they know media",
		}},
		{"porthole/internal/sourceinfo", map[string]string{
			"net/http": "documents are made of values, whoever sends them", "porthole/capture/source": "nor do they know who makes them",
			"porthole/internal/broadcast": "likewise",
		}},
		{"porthole/internal/advice", map[string]string{
			"net/http": "words for what was seen, tested as a table",
			webrtc:     "likewise", "porthole/internal/peer": "likewise", "porthole/internal/signaling": "likewise",
		}},
		{"porthole/internal/turnserver", map[string]string{
			"porthole/internal/peer": "where relays may send comes from outside", webrtc: "a relay knows packets, not connections",
			"porthole/internal/signaling": "what a session is does not matter to it", "porthole/internal/broadcast": "likewise",
		}},
		{"porthole/internal/doctor", map[string]string{
			"porthole/internal/peer":      "a leaf: it looks at what is there, not at what would use it",
			"porthole/internal/signaling": "likewise",
			chi:                           "likewise",
		}},
		{"porthole/internal/reach", map[string]string{
			webrtc: "an address is told, whoever it is told to", "porthole/internal/negotiate": "likewise",
			"porthole/internal/peer": "the sockets come from outside", "porthole/internal/iceserver": "so do the servers",
		}},
		{"porthole/internal/turnclient", map[string]string{
			webrtc:                   "an address at a TURN server knows packets, not connections",
			"github.com/pion/ice/v4": "likewise",
		}},
		{"porthole/internal/egress", map[string]string{
			webrtc: "a socket knows packets, not connections",
		}},
		{"porthole/internal/auth", map[string]string{
			webrtc: "tokens are checked before any connection exists", "porthole/internal/signaling": "auth serves all routes",
		}},
		{"porthole/internal/api", map[string]string{
			webrtc: "the API reads what the heart tells", "porthole/internal/signaling": "sessions are told as documents", "porthole/internal/peer": "likewise", "porthole/capture": "a source is a publisher like any other",
		}},
		{"porthole/internal/snapshot", map[string]string{
			webrtc: "a picture is made of packets, whoever brought them", "porthole/capture": "sources are handed in",
			"porthole/internal/signaling": "so is what limits requests",
		}},
		{"porthole/internal/container", map[string]string{
			"net/http": "a format is bytes", "porthole/internal/broadcast": "wherever its samples come from", "github.com/pion/rtp": "likewise",
		}},
		{"porthole/internal/clip", map[string]string{
			webrtc: "a clip is made of packets, whoever brought them", "porthole/internal/signaling": "what limits requests is handed in", "porthole/capture": "likewise",
		}},
		{"porthole/internal/remux", map[string]string{
			"net/http": "packets become files, whoever wants them", webrtc: "likewise", "porthole/internal/archive": "where files go is the business of an Output",
		}},
		{"porthole/internal/archive", map[string]string{
			"net/http": "files are found, whoever asks", "porthole/internal/broadcast": "streams are names of directories", webrtc: "likewise",
		}},
		{"porthole/internal/mjpeg", map[string]string{
			webrtc: "pictures are made of pictures", "porthole/capture": "sources are handed in", "porthole/internal/signaling": "so is what limits requests",
		}},
		{"porthole/internal/still", map[string]string{
			"porthole/internal/broadcast": "a picture is one, whatever stream it is of", webrtc: "likewise", chi: "nor who asks", "porthole/capture": "likewise",
		}},
		{"porthole/internal/oembed", map[string]string{
			webrtc: "a description of a page", "porthole/internal/broadcast": "likewise", "porthole/internal/signaling": "likewise",
		}},
		{"porthole/internal/load", map[string]string{
			"porthole/internal/peer":      "a measure must not share what it measures",
			"porthole/internal/negotiate": "likewise",
			"porthole/internal/signaling": "likewise",
		}},
		{"porthole/internal/netlab", map[string]string{
			"porthole/internal/broadcast": "a network knows nobody who uses it", "porthole/internal/peer": "likewise", webrtc: "likewise",
			"porthole/internal/server": "likewise", "porthole/internal/bench/process": "likewise",
		}},
		{"porthole/internal/settings", map[string]string{
			"net/http": "a table of settings knows none of them", "porthole/capture": "likewise",
			"porthole/internal/peer": "likewise", "porthole/internal/signaling": "likewise", "porthole/internal/doctor": "likewise",
		}},
		{"porthole/internal/core", map[string]string{
			"porthole/capture": "the benchmark builds without cgo", "porthole/internal/server": "core is what the server is built around",
			"porthole/internal/api": "likewise", "porthole/static": "likewise",
		}},
		{"porthole/internal/server", map[string]string{
			"porthole/internal/settings": "the command reads what operators want; the server is given it", "go.yaml.in/yaml/v3": "likewise",
			"porthole/internal/load": "a client is no part of a server",
		}},
		{"porthole/internal/overload", map[string]string{
			"porthole/internal/broadcast": "it measures and decides, and knows neither media nor sessions",
			"porthole/internal/peer":      "likewise", "porthole/internal/signaling": "likewise",
		}},
		{"porthole/capture", map[string]string{
			"porthole/internal/peer": "capture publishes to the heart", "porthole/internal/signaling": "likewise", chi: "likewise",
		}},
		{"porthole/capture/supervisor", map[string]string{
			"porthole/capture/media": "it keeps alive whatever is captured, and knows no pictures", "porthole/capture/encode": "likewise",
			"porthole/capture/pipeline": "what it runs comes from outside", "porthole/capture/v4l2": "likewise", "porthole/capture/synthetic": "likewise",
		}},
		{"porthole/capture/pipeline", map[string]string{
			"porthole/capture/supervisor": "it lives once, and does not know who begins the next life",
			"porthole/capture/v4l2":       "it sends what was opened, whoever opened it", "porthole/capture/microphone": "likewise",
			"porthole/capture/synthetic": "likewise",
		}},
		{"porthole/capture/encode", map[string]string{
			"porthole/capture/pipeline": "an encoder makes access units, whoever sends them", "porthole/capture/v4l2": "nor where pictures come from",
			"porthole/capture/synthetic": "likewise",
		}},
		{"porthole/capture/v4l2", map[string]string{
			"porthole/internal/broadcast": "a device delivers, and does not know to whom", "porthole/capture/encode": "likewise",
			"porthole/capture/pipeline": "likewise", "porthole/capture/supervisor": "likewise",
		}},
		{"porthole/capture/v4l2/videodev", map[string]string{
			"runtime/cgo": "the kernel's calls need no C", "porthole/capture/source": "a node is opened, whoever asked for it",
			"porthole/capture/media": "what is in its buffers is for others to say", "porthole/internal/codec": "likewise",
		}},
		{"porthole/capture/microphone", map[string]string{
			"porthole/internal/broadcast": "a device delivers, and does not know to whom", "porthole/capture/encode": "likewise",
			"porthole/capture/v4l2": "microphones go without cameras",
		}},
		{"porthole/capture/synthetic", map[string]string{
			"runtime/cgo": "what is drawn needs no library", "porthole/internal/broadcast": "what is drawn does not know who sends it",
			"porthole/capture/encode": "likewise", "porthole/capture/pipeline": "likewise",
		}},
		{"porthole/capture/program", map[string]string{
			"runtime/cgo": "a program encodes so that nothing is linked", "porthole/internal/broadcast": "it delivers, and does not know to whom",
			"porthole/capture/encode": "likewise", "porthole/capture/pipeline": "likewise",
		}},
		{"porthole/capture/retouch", map[string]string{
			"porthole/capture/encode": "pictures are changed, whoever encodes them", "porthole/capture/pipeline": "likewise",
			"porthole/internal/broadcast": "likewise", "porthole/capture/v4l2": "and wherever they come from",
		}},
		{"porthole/capture/lettering", map[string]string{
			"runtime/cgo": "a leaf: text becomes masks", "porthole/capture/media": "whoever paints with them", "net": "likewise",
		}},
		{"porthole/capture/media", map[string]string{
			"runtime/cgo": "a leaf: what passes between all rooms", "porthole/internal/broadcast": "likewise",
		}},
		{"porthole/capture/source", map[string]string{
			"runtime/cgo": "a leaf: text and errors", "porthole/capture/media": "likewise", "porthole/internal/broadcast": "likewise",
		}},
		{"porthole/internal/holders", map[string]string{
			"porthole/capture": "a leaf: who has something open, for whoever asks", "porthole/internal/doctor": "likewise", webrtc: "likewise",
		}},
		{"porthole/internal/bundle", map[string]string{
			"porthole/static": "it bundles whatever it is given", "porthole/internal/cors": "likewise",
		}},
		{"porthole/static", map[string]string{
			"porthole/internal/broadcast": "pages ask the API", "porthole/internal/signaling": "likewise",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.pkg, func(t *testing.T) {
			for _, dep := range list(t, "-deps", tt.pkg) {
				if why, ok := tt.forbidden[dep]; ok {
					t.Errorf("%s reaches %s: %s", tt.pkg, dep, why)
				}
			}
		})
	}
}

// What a package must not name itself, though what it uses may: package negotiate reads
// descriptions with pion's parser and says what is in them by codecs, and Prometheus brings HTTP.
func TestDirectImports(t *testing.T) {
	forbidden := map[string][]string{
		"porthole/internal/signaling": {"github.com/pion/", "porthole/internal/codec"},
		"porthole/internal/sessions":  {"github.com/pion/", "porthole/internal/codec", "net/http"},
	}
	for pkg, prefixes := range forbidden {
		for _, imported := range list(t, "-f", "{{join .Imports \"\\n\"}}", pkg) {
			for _, prefix := range prefixes {
				if strings.HasPrefix(imported, prefix) {
					t.Errorf("%s imports %s", pkg, imported)
				}
			}
		}
	}
}

// Only the command knows the server, and nobody the command.
func TestNobodyImportsTheCommand(t *testing.T) {
	for _, line := range list(t, "-f", "{{.ImportPath}}:{{join .Imports \",\"}}", "./...") {
		pkg, imports, _ := strings.Cut(line, ":")
		if strings.Contains(imports, "porthole/cmd/") {
			t.Errorf("%s imports the command", pkg)
		}
		if slices.Contains(strings.Split(imports, ","), "porthole/internal/server") && pkg != "porthole/cmd/porthole" {
			t.Errorf("%s imports the composition, which knows everybody", pkg)
		}
		if slices.Contains(strings.Split(imports, ","), "porthole/internal/servertest") {
			t.Errorf("%s has a test harness in it", pkg)
		}
		if slices.Contains(strings.Split(imports, ","), "porthole/internal/netlab") && !strings.HasPrefix(pkg, "porthole/internal/bench/") {
			t.Errorf("%s makes networks, which is for benchmarks and tests", pkg)
		}
	}
}

// Only capture needs cgo; without it, Porthole is a relay in one static binary. Of capture's rooms, those need it that open
// devices, encode or scale.
func TestOnlyCaptureNeedsCgo(t *testing.T) {
	needs := map[string]bool{
		"porthole/capture/v4l2": true, "porthole/capture/microphone": true,
		"porthole/capture/encode": true, "porthole/capture/encode/openh264": true, "porthole/capture/scale": true,
		"porthole/capture/retouch": true,
	}
	for _, line := range list(t, "-f", "{{.ImportPath}}:{{len .CgoFiles}}:{{join .Imports \",\"}}", "./...") {
		pkg, rest, _ := strings.Cut(line, ":")
		files, imports, _ := strings.Cut(rest, ":")
		if !needs[pkg] && (files != "0" || strings.Contains(imports, "github.com/pion/mediadevices")) {
			t.Errorf("%s has cgo files, or imports a library that has", pkg)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", "/dev/null", "./...")
	cmd.Dir = "../.."
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("CGO_ENABLED=0 go build ./...: %v\n%s", err, out)
	}
}
