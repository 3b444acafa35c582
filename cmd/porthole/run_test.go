package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"porthole/capture"
	"porthole/internal/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// call runs a command that ends by itself.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = run(t.Context(), args, environment(nil), &out, &errs)
	return code, out.String(), errs.String()
}

// program is a server that runs inside the test.
type program struct {
	url    string
	media  string
	stop   func() int // ends it and returns the exit code
	output *recorder  // everything on stdout and stderr
	stdout *recorder
}

// recorder collects what is written, by any goroutine.
type recorder struct {
	also io.Writer

	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	r.text.Write(b)
	r.mu.Unlock()
	return r.also.Write(b)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// start runs the server and waits until it listens.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	output := &recorder{also: io.Discard}
	stdout := &recorder{also: output}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"--log-format", "json", "--log-level", "debug"}, args...), environment(nil),
			stdout, io.MultiWriter(output, writer))
		writer.Close()
	}()
	listening := make(chan map[string]any, 1)
	go func() {
		defer close(listening)
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			var record map[string]any
			if json.Unmarshal(lines.Bytes(), &record) == nil && record["msg"] == "listening" {
				listening <- record
			}
		}
	}()
	stop := sync.OnceValue(func() int {
		cancel()
		return <-code
	})
	t.Cleanup(func() {
		stop()
		for range listening { // its sender ends with the output
		}
	})

	select {
	case record, ok := <-listening:
		if !ok {
			t.Fatalf("ended with code %d: %s", stop(), output)
		}
		return &program{
			url: "http://" + record["http"].(string), media: record["media"].(string),
			stop: stop, output: output, stdout: stdout,
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("does not listen: %s", output)
		return nil
	}
}

// loopback is what keeps a test on this machine and away from others' ports.
func loopback(args ...string) []string {
	return append([]string{"--http", "127.0.0.1:0", "--media", "127.0.0.1:0"}, args...)
}

// patternSource returns the flags of a small test picture, or skips the test in
// a build that cannot draw it.
func patternSource(t *testing.T) []string {
	t.Helper()
	const uri = "pattern:?size=320x180&fps=10&bitrate=200k&ondemand=off"
	spec, err := capture.ParseSpec(uri)
	if err != nil {
		t.Fatal(err)
	}
	if err := capture.Check(spec); err != nil {
		t.Skip(err)
	}
	return []string{"--source", "webcam=" + uri}
}

func (p *program) get(t *testing.T, path string, headers ...string) (status int, body string, header http.Header) {
	t.Helper()
	return p.request(t, http.MethodGet, path, headers...)
}

func (p *program) request(t *testing.T, method, path string, headers ...string) (status int, body string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

func TestServerServesAndStops(t *testing.T) {
	p := start(t, loopback(patternSource(t)...)...)
	waitFor(t, "the URL to open", func() bool { return p.stdout.String() != "" })
	if got := p.stdout.String(); got != fmt.Sprintf("\nPorthole is ready. Open\n\n    %s/\n\n", p.url) {
		t.Errorf("stdout is %q, want the URL to open, set off by blank lines", got)
	}
	for path, part := range map[string]string{
		"/healthz": `"status":"ok"`, "/": "<html", "/watch/webcam": "<html", "/publish/webcam": "<html", "/embed/webcam": "<html",
		"/static/whep-video.js": "customElements", "/metrics": "go_goroutines", "/api/streams": `"streams":`,
	} {
		if status, body, _ := p.get(t, path); status != http.StatusOK || !strings.Contains(body, part) {
			t.Errorf("%s: status %d, %q is missing", path, status, part)
		}
	}
	waitFor(t, "the test picture to be live", func() bool {
		status, body, _ := p.get(t, "/api/streams/webcam")
		return status == http.StatusOK && strings.Contains(body, `"live":true`)
	})
	begin := time.Now()
	if code := p.stop(); code != exitOK {
		t.Errorf("exit code %d after it was told to stop: %s", code, p.output)
	}
	if took := time.Since(begin); took > server.StopWithin {
		t.Errorf("stopping took %v", took)
	}
}

// waitFor polls, because there is nothing to be notified by over HTTP.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s for %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestUnknownRoutesAndMethodsAreProblems(t *testing.T) {
	p := start(t, loopback(patternSource(t)...)...)
	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/nothing", 404, ""},
		{"GET", "/api/nothing", 404, ""},
		{"POST", "/whip", 404, ""},
		{"GET", "/watch/live/cam", 404, ""},
		{"POST", "/healthz", 405, "GET, HEAD"},
		{"DELETE", "/api/streams", 405, "GET, HEAD, OPTIONS"},
		{"POST", "/watch/webcam", 405, "GET, HEAD"},
	}
	for _, tt := range tests {
		status, body, header := p.request(t, tt.method, tt.path)
		var doc struct{ Status int }
		if err := json.Unmarshal([]byte(body), &doc); err != nil || doc.Status != tt.status || status != tt.status {
			t.Errorf("%s %s: status %d, body %s; want a problem document of status %d", tt.method, tt.path, status, body, tt.status)
		}
		if got := header.Get("Allow"); got != tt.allow {
			t.Errorf("%s %s: Allow is %q, want %q", tt.method, tt.path, got, tt.allow)
		}
	}
}

// An open event stream must not keep the server from stopping.
func TestStopsWithAnEventStreamOpen(t *testing.T) {
	p := start(t, loopback(patternSource(t)...)...)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(p.url + "/api/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || line != "event: streams\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	begin := time.Now()
	if code := p.stop(); code != exitOK {
		t.Errorf("exit code %d: %s", code, p.output)
	}
	if took := time.Since(begin); took > server.StopWithin {
		t.Errorf("stopping took %v", took)
	}
}

// Whoever publishes from another machine needs a token even when the operator
// gave none; it is told once, and never in a log.
func TestTokenIsMadeBeyondLoopback(t *testing.T) {
	p := start(t, append([]string{"--http", "0.0.0.0:0", "--media", "127.0.0.1:0"}, patternSource(t)...)...)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(p.url, "http://"))
	p.url = "http://127.0.0.1:" + port
	waitFor(t, "the lines for people", func() bool { return p.stdout.String() != "" })
	_, after, ok := strings.Cut(p.stdout.String(), "Publishers need the token ")
	if !ok {
		t.Fatalf("no token on stdout: %s", p.stdout)
	}
	token, _, _ := strings.Cut(after, " ")
	if len(token) < 22 {
		t.Errorf("the token %q is guessed too easily", token)
	}
	if status, _, _ := p.get(t, "/api/sessions/x"); status != http.StatusUnauthorized {
		t.Errorf("without the token: status %d, want 401", status)
	}
	if status, _, _ := p.get(t, "/api/sessions/x?token="+token); status != http.StatusNotFound {
		t.Errorf("with the token: status %d, want 404", status)
	}
	if status, _, _ := p.request(t, http.MethodPost, "/whip/x"); status != http.StatusUnauthorized {
		t.Errorf("publishing without the token: status %d, want 401", status)
	}
	p.stop()
	if n := strings.Count(p.output.String(), token); n != 1 {
		t.Errorf("the token is printed %d times, want once: %s", n, p.output)
	}
}

func TestTokensAreNotPrinted(t *testing.T) {
	p := start(t, loopback(append(patternSource(t), "--publish-token", "s3cret-publish", "--view-token", "s3cret-view")...)...)
	for _, path := range []string{"/api/streams?token=s3cret-view", "/nothing?token=s3cret-view", "/api/streams?token=s3cret-wrong"} {
		p.get(t, path)
	}
	p.get(t, "/api/streams", "Authorization", "Bearer s3cret-view")
	p.request(t, http.MethodPost, "/whip/x", "Authorization", "Bearer s3cret-publish")
	waitFor(t, "the lines for people", func() bool { return strings.Contains(p.stdout.String(), "/watch/webcam") })
	p.stop()
	if strings.Contains(p.output.String(), "s3cret") {
		t.Errorf("a token was printed: %s", p.output)
	}
	if !strings.Contains(p.output.String(), `"route":"/api/streams"`) {
		t.Errorf("requests should be logged at debug level: %s", p.output)
	}
}

func TestWrongUsageIsExitCode2(t *testing.T) {
	for _, args := range [][]string{
		{"--frobnicate"},
		{"serve", "--frobnicate"},
		{"sevre"},
		{"--http", "nowhere"},
		{"--config", "/nonexistent/porthole.yaml"},
		{"devices", "--frobnicate"},
		{"load"},
		{"load", "--whep", "nowhere"},
		{"load", "--whep", "http://127.0.0.1:1/whep/x", "--viewers", "0"},
		{"load", "--whep", "http://127.0.0.1:1/whep/x", "--for", "20"},
		{"version", "please"},
		{"help", "frobnicate"},
	} {
		code, stdout, stderr := call(t, args...)
		if code != exitUsage {
			t.Errorf("%q: exit code %d, want %d", args, code, exitUsage)
		}
		if stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "porthole: ") {
			t.Errorf("%q: stdout %q, stderr %q; want one line on stderr", args, stdout, stderr)
		}
	}
}

// The address of a page is what people have at hand.
func TestLoadKnowsPagesFromEndpoints(t *testing.T) {
	for page, want := range map[string]string{
		"http://127.0.0.1:1/watch/webcam#token=x":            "use --whep http://127.0.0.1:1/whep/webcam",
		"https://cam.example/porthole/embed/door?controls=0": "use --whep https://cam.example/porthole/whep/door",
		"http://127.0.0.1:1/whip/webcam":                     "use --whep http://127.0.0.1:1/whep/webcam",
	} {
		code, _, stderr := call(t, "load", "--whep", page)
		if code != exitUsage || !strings.Contains(stderr, want+"\n") {
			t.Errorf("%s: exit code %d, %q, want %q", page, code, stderr, want)
		}
	}
}

func TestDevicesSaysWhatToCheck(t *testing.T) {
	var out bytes.Buffer
	if err := (capture.Inventory{}).WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"ls -l /dev/video*", "adduser USER video", "Another machine"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in:\n%s", part, &out)
		}
	}
}

func TestHelpExplains(t *testing.T) {
	for _, tt := range []struct {
		args  []string
		parts []string
	}{
		{[]string{"help"}, []string{"devices", "load", "version", "--http HOST:PORT", "PORTHOLE_", "--config FILE"}},
		{[]string{"--help"}, []string{"--http HOST:PORT", "\nStart:\n", "\nWho may do what:\n", "\nNetwork:\n", "\nLimits:\n", "\nLogs:\n"}},
		{[]string{"serve", "--help"}, []string{"--source NAME=URI", "(repeatable)", "(default 127.0.0.1:8080)"}},
		{[]string{"help", "load"}, []string{"--whep URL", "--viewers N", "(default 20s)"}},
		{[]string{"devices", "-h"}, []string{"--json"}},
	} {
		code, stdout, stderr := call(t, tt.args...)
		if code != exitOK || stderr != "" {
			t.Errorf("%q: exit code %d, stderr %q", tt.args, code, stderr)
		}
		for _, part := range tt.parts {
			if !strings.Contains(stdout, part) {
				t.Errorf("%q: %q is missing in %s", tt.args, part, stdout)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "--version", "-v"} {
		if code, stdout, _ := call(t, arg); code != exitOK || !strings.HasPrefix(stdout, "porthole ") {
			t.Errorf("%s: exit code %d, %q", arg, code, stdout)
		}
	}
}

func TestPortInUseIsOneLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()

	for flag, address := range map[string]string{"--http": taken.Addr().String(), "--media": udp.LocalAddr().String()} {
		args := map[string]string{"--http": "127.0.0.1:0", "--media": "127.0.0.1:0"}
		args[flag] = address
		code, stdout, stderr := call(t, append(patternSource(t), "--http", args["--http"], "--media", args["--media"])...)
		if code != exitFailure || stdout != "" {
			t.Errorf("%s: exit code %d, stdout %q; want 1 and nothing", flag, code, stdout)
		}
		if strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, flag+" "+address) || !strings.Contains(stderr, "uses this port") {
			t.Errorf("%s: stderr %q, want one line that names flag and address", flag, stderr)
		}
	}
}

func TestUnusableDeviceIsOneLine(t *testing.T) {
	patternSource(t) // skips without cgo
	code, stdout, stderr := call(t, loopback("--source", "door=camera:/dev/nonexistent")...)
	if code != exitFailure || stdout != "" {
		t.Errorf("exit code %d, stdout %q; want 1 and nothing", code, stdout)
	}
	if strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--source door=camera:/dev/nonexistent") {
		t.Errorf("stderr %q, want one line that names the source", stderr)
	}
}

func TestUnusableCertificate(t *testing.T) {
	broken := file(t, "not PEM")
	code, _, stderr := call(t, loopback(append(patternSource(t), "--cert", broken, "--key", broken)...)...)
	if code != exitFailure || !strings.Contains(stderr, "--cert "+broken) {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

func TestDevices(t *testing.T) {
	patternSource(t) // skips without cgo
	if code, stdout, stderr := call(t, "devices"); code != exitOK || !strings.Contains(stdout, "CAMERA") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	code, stdout, stderr := call(t, "devices", "--json")
	var inventory struct{ Cameras, Microphones []any }
	if err := json.Unmarshal([]byte(stdout), &inventory); code != exitOK || err != nil || inventory.Cameras == nil {
		t.Errorf("exit code %d, %v, %q, %q", code, err, stdout, stderr)
	}
}

// The load generator watches the server of this very binary.
func TestLoadWatchesTheServer(t *testing.T) {
	p := start(t, loopback(patternSource(t)...)...)
	waitFor(t, "the test picture to be live", func() bool {
		_, body, _ := p.get(t, "/api/streams/webcam")
		return strings.Contains(body, `"live":true`)
	})
	code, stdout, stderr := call(t, "load", "--whep", p.url+"/whep/webcam", "--viewers", "3", "--for", "2s", "--json")
	var report struct{ Viewers, Media, Keyframe int }
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != exitOK {
		t.Fatalf("exit code %d, %v, %s, %s", code, err, stdout, stderr)
	}
	if report.Viewers != 3 || report.Media != 3 || report.Keyframe != 3 {
		t.Errorf("got %s", stdout)
	}
	code, stdout, stderr = call(t, "load", "--whep", p.url+"/whep/nobody", "--viewers", "2", "--for", "1s")
	if code != exitFailure || !strings.Contains(stdout, "2 failed: POST: 409") || stderr != "" {
		t.Errorf("without a publisher: exit code %d, %s, %s", code, stdout, stderr)
	}
}
