package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"porthole/capture"
	"porthole/internal/iceserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// healthy is a machine without a fault, of which nothing real is asked.
func healthy() Config {
	return Config{
		HTTP:    "127.0.0.1:8080",
		Sockets: []Socket{{Flag: "--http", Address: "127.0.0.1:0", TCP: true}},
		Addresses: func() ([]Address, error) {
			return []Address{
				{Interface: "eth0", Addr: netip.MustParseAddr("192.168.1.5"), Offered: true},
				{Interface: "docker0", Addr: netip.MustParseAddr("172.17.0.1"), Why: "a bridge"},
			}, nil
		},
		Devices: fakeDevices(nil),
	}
}

// fakeDevices has one camera and one microphone; the camera opens with err.
func fakeDevices(err error) Devices {
	return Devices{
		List: func() (capture.Inventory, error) {
			return capture.Inventory{
				Cameras:     []capture.CameraInfo{{Device: "/dev/video0", Name: "Cam", Modes: []capture.Mode{{Format: "MJPEG", Width: 1280, Height: 720}}}},
				Microphones: []capture.MicrophoneInfo{{ID: "mic0", Name: "Mic", Default: true}},
			}, nil
		},
		Check: func(capture.Spec) error { return err },
		Trial: func(context.Context, capture.Spec, int) (capture.TrialResult, error) {
			return capture.TrialResult{Pictures: 30, Mean: 5 * time.Millisecond, Longest: 9 * time.Millisecond}, nil
		},
	}
}

// Programs rely on the names in the JSON.
func TestReportAsJSON(t *testing.T) {
	var last Progress
	c := healthy()
	c.Progress = func(p Progress) { last = p }
	report := Run(t.Context(), c)
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Verdict string
		Seconds *float64
		Checks  []map[string]any
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Seconds == nil || !slices.Contains([]string{"ok", "warn"}, doc.Verdict) {
		t.Errorf("got %s", text)
	}
	if last.Done != last.Total || last.Total != 10 || len(last.Running) != 0 {
		t.Errorf("the last progress is %+v", last)
	}
	var names []string
	for _, check := range doc.Checks {
		names = append(names, fmt.Sprintf("%s/%s", check["group"], check["name"]))
		for key := range check {
			if !slices.Contains([]string{"group", "name", "verdict", "found", "cure", "data"}, key) {
				t.Errorf("%v has the field %q", check["name"], key)
			}
		}
		if check["found"] == "" {
			t.Errorf("%v says nothing", check["name"])
		}
	}
	want := []string{
		"sockets/--http TCP", "buffers/receive buffer", "buffers/send buffer", "buffers/batches",
		"addresses/clients are told", "addresses/pages of other sites", "addresses/docker0", "nat/NAT", "servers/STUN and TURN",
		"camera/cameras", "camera/--source webcam", "camera/microphone of webcam", "encoder/encoder for webcam",
		"certificate/HTTPS", "system/open files", "system/clock",
	}
	if !slices.Equal(names, want) {
		t.Errorf("got %q\nwant %q", names, want)
	}
}

func TestReportAsTable(t *testing.T) {
	r := Report{Verdict: Fail, Seconds: 1.25, Checks: []Finding{
		{Group: "a", Name: "short", Verdict: OK, Found: "fine"},
		{Group: "b", Name: "a longer name", Verdict: Warn, Found: "so so", Cure: "do this"},
		{Group: "b", Name: "x", Verdict: Fail, Found: "broken", Cure: "do that"},
	}}
	var b bytes.Buffer
	if err := r.WriteTable(&b, false); err != nil {
		t.Fatal(err)
	}
	want := "ok    short          fine\n\n" +
		"warn  a longer name  so so\n                     → do this\n" +
		"fail  x              broken\n                     → do that\n" +
		"\nfail in 1.2 s: 1 ok, 1 to look at, 1 that will not work\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	if err := r.WriteTable(&b, true); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), red+"fail"+plain) {
		t.Errorf("no colours in %q", b.String())
	}
}

// A check that hangs costs its own result only.
func TestDeadline(t *testing.T) {
	c := healthy()
	c.Deadline = time.Second // in which the others are done on any machine
	release := make(chan struct{})
	defer close(release) // the check that was left behind ends
	c.Devices.Check = func(capture.Spec) error { <-release; return nil }
	r := Run(t.Context(), c)
	i := slices.IndexFunc(r.Checks, func(f Finding) bool { return f.Group == "camera" })
	if i < 0 || r.Checks[i].Verdict != Fail || !strings.Contains(r.Checks[i].Found, "no result within") {
		t.Errorf("got %+v", r.Checks)
	}
	if r.Verdict != Fail || len(r.Checks) < 10 {
		t.Errorf("the other checks are missing: %+v", r)
	}
}

func TestAddressesThatAreTold(t *testing.T) {
	ip := netip.MustParseAddr
	tests := []struct {
		name string
		told []netip.Addr
		c    Config
		want Verdict
		says string
	}{
		{"a LAN", []netip.Addr{ip("192.168.1.5")}, Config{}, OK, "192.168.1.5"},
		{"none", nil, Config{}, Fail, "no address"},
		{"loopback", []netip.Addr{ip("127.0.0.1")}, Config{}, Warn, "only this machine"},
		{"a container", []netip.Addr{ip("172.17.0.2")}, Config{}, Fail, "container"},
		{"a container with its host's address", []netip.Addr{ip("172.17.0.2")}, Config{Public: []netip.Addr{ip("198.51.100.7")}}, OK, "198.51.100.7"},
		{"a name in the place of all", []netip.Addr{ip("172.17.0.2")}, Config{Advertise: []string{"cam.example.org"}}, OK, "cam.example.org"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.c.judgeOffered(tt.told)
			if f.Verdict != tt.want || !strings.Contains(f.Found, tt.says) || (f.Verdict == OK) != (f.Cure == "") {
				t.Errorf("got %s: %s; %s", f.Verdict, f.Found, f.Cure)
			}
		})
	}
}

func TestProfiles(t *testing.T) {
	server := []iceserver.Server{{Scheme: iceserver.SchemeTURN, Host: "relay.example.org", Port: 3478}}
	tests := []struct {
		name string
		c    Config
		want Verdict
	}{
		{"a LAN needs nothing", Config{Profile: "lan"}, OK},
		{"the internet, without anything", Config{Profile: "internet"}, Fail},
		{"the internet, by STUN alone", Config{Profile: "internet", STUN: server}, Warn},
		{"the internet, by STUN and our relay", Config{Profile: "internet", STUN: server, Relaying: true}, OK},
		{"the internet, by a forwarded port and a relay", Config{Profile: "internet", Public: []netip.Addr{netip.MustParseAddr("198.51.100.7")}, TURN: server}, OK},
		{"relays, without one", Config{Profile: "relay"}, Fail},
		{"relays", Config{Profile: "relay", TURN: server}, OK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.c.judgeProfile()
			if f.Verdict != tt.want || (f.Verdict == OK) != (f.Cure == "") {
				t.Errorf("got %s: %s; %s", f.Verdict, f.Found, f.Cure)
			}
		})
	}
	if f := (Config{RelayOnly: true}).judgeOffered(nil); f.Verdict != OK || !strings.Contains(f.Found, "relayed addresses only") {
		t.Errorf("relays only: %+v", f)
	}
}

func TestCameras(t *testing.T) {
	busy := fmt.Errorf("/dev/video0: %w: in use by ffmpeg (pid 12)", capture.ErrDeviceBusy)
	spec, err := capture.ParseSpec("camera:?mic=Studio")
	if err != nil {
		t.Fatal(err)
	}
	named := []Source{{Name: "cam", URI: "camera:?mic=Studio", Spec: spec}}
	tests := []struct {
		name string
		c    Config
		find string
		want Verdict
		says string
	}{
		{"there", Config{Devices: fakeDevices(nil)}, "cameras", OK, "/dev/video0 Cam (1 modes)"},
		{"busy", Config{Devices: fakeDevices(busy)}, "--source webcam", Fail, "ffmpeg (pid 12)"},
		{"not allowed", Config{Devices: fakeDevices(fs.ErrPermission)}, "--source webcam", Fail, "permission"},
		{"not there", Config{Devices: fakeDevices(fs.ErrNotExist), Sources: named}, "--source cam", Fail, "not exist"},
		{"hangs", Config{Devices: fakeDevices(errors.New("I/O error"))}, "--source webcam", Fail, "I/O error"},
		{"another microphone", Config{Devices: fakeDevices(nil), Sources: named}, "microphone of cam", Warn, "Studio"},
		{"the default microphone", Config{Devices: fakeDevices(nil)}, "microphone of webcam", OK, "Mic"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, f := range tt.c.camera(t.Context()) {
				if f.Name != tt.find {
					continue
				}
				if f.Verdict != tt.want || !strings.Contains(f.Found, tt.says) || (f.Verdict == OK) != (f.Cure == "") {
					t.Errorf("got %s: %s; %s", f.Verdict, f.Found, f.Cure)
				}
				return
			}
			t.Errorf("there is no line %q", tt.find)
		})
	}
}

// A binary without cgo captures nothing, and that is a fault only when it should.
func TestWithoutCapture(t *testing.T) {
	devices := Devices{
		List: func() (capture.Inventory, error) { return capture.Inventory{}, capture.ErrNoCgo },
		Trial: func(context.Context, capture.Spec, int) (capture.TrialResult, error) {
			return capture.TrialResult{}, capture.ErrNoCgo
		},
	}
	spec, err := capture.ParseSpec("pattern:")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		sources []Source
		want    Verdict
	}{{nil, OK}, {[]Source{{Name: "cam", URI: "pattern:", Spec: spec}}, Fail}} {
		c := Config{Devices: devices, Sources: tt.sources}
		if f := c.camera(t.Context()); len(f) != 1 || f[0].Verdict != tt.want {
			t.Errorf("got %+v", f)
		}
		if f := c.encoder(t.Context()); len(f) != 1 || f[0].Verdict != OK {
			t.Errorf("got %+v", f)
		}
	}
}

func TestEncoderThatIsTooSlow(t *testing.T) {
	for mean, want := range map[time.Duration]Verdict{5 * time.Millisecond: OK, 25 * time.Millisecond: Warn, 50 * time.Millisecond: Fail} {
		devices := fakeDevices(nil)
		devices.Trial = func(context.Context, capture.Spec, int) (capture.TrialResult, error) {
			return capture.TrialResult{Pictures: 30, Mean: mean, Longest: mean}, nil
		}
		f := Config{Devices: devices}.encoder(t.Context())
		if len(f) != 1 || f[0].Verdict != want || (want == OK) != (f[0].Cure == "") {
			t.Errorf("%v a picture: got %+v", mean, f)
		}
	}
}

func TestSystem(t *testing.T) {
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for want, f := range map[Verdict]Finding{
		OK:   judgeClock(now, now.AddDate(0, -1, 0), clockSynced),
		Warn: judgeClock(now, time.Time{}, clockFree),
		Fail: judgeClock(now, now.AddDate(1, 0, 0), clockSynced),
	} {
		if f.Verdict != want {
			t.Errorf("clock: got %s: %s, want %s", f.Verdict, f.Found, want)
		}
	}
	for limit, want := range map[uint64]Verdict{0: OK, 1024: Warn, 20000: OK} {
		if f := judgeFiles(limit); f.Verdict != want {
			t.Errorf("%d files: got %s", limit, f.Verdict)
		}
	}
}

// A camera that encodes by itself needs no fast processor.
func TestEncoderThatIsSpared(t *testing.T) {
	devices := fakeDevices(nil)
	devices.Trial = func(context.Context, capture.Spec, int) (capture.TrialResult, error) {
		return capture.TrialResult{Pictures: 30, Mean: 50 * time.Millisecond, Longest: 50 * time.Millisecond, Spared: true}, nil
	}
	if f := (Config{Devices: devices}).encoder(t.Context()); len(f) != 1 || f[0].Verdict != OK || !strings.Contains(f[0].Found, "as it is") {
		t.Errorf("got %+v", f)
	}
}
