//go:build e2e

package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// firefox is one headless browser with a fake camera and microphone. It has no H.264:
// streams for it are VP8, VP9 or AV1.
type firefox struct {
	t     testing.TB
	input io.WriteCloser

	mu      sync.Mutex
	last    int                           // id of the last command
	waiting map[int]chan<- firefoxMessage // by id; guarded by mu
	faults  map[int][]string              // what pages wrote to their consoles as errors, by page; guarded by mu
	ended   chan struct{}                 // closed when the driver has ended
}

// firefoxMessage is one line of testdata/firefox.mjs.
type firefoxMessage struct {
	ID    int             `json:"id"`
	Value json.RawMessage `json:"value"`
	Error string          `json:"error"`
	Ready string          `json:"ready"`
	Page  int             `json:"page"`
	Fault string          `json:"fault"`
}

// puppeteerCore is the directory that scripts/puppeteer.sh prints.
func puppeteerCore(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("E2E_PUPPETEER"); dir != "" {
		return dir
	}
	out, err := exec.CommandContext(t.Context(), "../../scripts/puppeteer.sh").Output()
	if err != nil {
		t.Fatalf("get puppeteer-core: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// startFirefox starts a browser, ended with the test.
func startFirefox(t testing.TB) *firefox {
	t.Helper()
	return startFirefoxBy(t)
}

// startFirefoxOn starts it on a machine of a test network, where the host is as good as
// one with HTTPS.
func startFirefoxOn(t testing.TB, m *machine, host string) *firefox {
	t.Helper()
	return startFirefoxBy(t, "ip", "netns", "exec", m.namespace, "env", "SECURE="+host)
}

// startFirefoxBy starts it by another command, that runs the one that it is given.
func startFirefoxBy(t testing.TB, command ...string) *firefox {
	t.Helper()
	program, err := exec.LookPath("firefox-esr")
	if err != nil {
		t.Fatalf("find Firefox (Debian's package firefox-esr): %v", err)
	}
	command = append(command, "node", "testdata/firefox.mjs")
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "PUPPETEER="+puppeteerCore(t), "FIREFOX="+program, "HOME="+t.TempDir())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	f := &firefox{t: t, waiting: make(map[int]chan<- firefoxMessage), faults: make(map[int][]string), ended: make(chan struct{})}
	if f.input, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start node: %v", err)
	}
	ready := make(chan string, 1)
	go func() {
		defer close(f.ended)
		f.read(output, ready)
		_ = cmd.Wait() // why it failed is in stderr
	}()
	t.Cleanup(func() {
		f.input.Close()
		select {
		case <-f.ended:
		case <-time.After(15 * time.Second):
			t.Error("Firefox did not end")
			_ = cmd.Process.Kill()
			<-f.ended
		}
		if t.Failed() {
			t.Logf("Firefox's driver says:\n%.4000s", stderr.String())
		}
	})
	select {
	case <-ready:
	case <-f.ended:
		t.Fatalf("Firefox did not start:\n%.4000s", stderr.String())
	case <-time.After(60 * time.Second):
		t.Fatal("waited 60s for Firefox")
	}
	return f
}

// read takes what the driver says until it ends.
func (f *firefox) read(output io.Reader, ready chan<- string) {
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var m firefoxMessage
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			continue // not from the driver
		}
		f.mu.Lock()
		switch {
		case m.Ready != "":
			ready <- m.Ready
		case m.Fault != "":
			f.faults[m.Page] = append(f.faults[m.Page], m.Fault)
		case f.waiting[m.ID] != nil:
			f.waiting[m.ID] <- m
			delete(f.waiting, m.ID)
		}
		f.mu.Unlock()
	}
}

// command sends one command and waits for its result.
func (f *firefox) command(within time.Duration, fields map[string]any) (id int, m firefoxMessage, err error) {
	answer := make(chan firefoxMessage, 1)
	f.mu.Lock()
	f.last++
	id = f.last
	f.waiting[id] = answer
	f.mu.Unlock()
	fields["id"] = id
	line, err := json.Marshal(fields)
	if err != nil {
		return 0, m, err
	}
	if _, err := f.input.Write(append(line, '\n')); err != nil {
		return 0, m, fmt.Errorf("talk to Firefox's driver: %w", err)
	}
	select {
	case m = <-answer:
	case <-f.ended:
		return 0, m, fmt.Errorf("Firefox's driver has ended")
	case <-time.After(within):
		return 0, m, fmt.Errorf("waited %v", within)
	}
	if m.Error != "" {
		return 0, m, fmt.Errorf("%s", m.Error)
	}
	return id, m, nil
}

// firefoxTab is one page, in a context of its own.
type firefoxTab struct {
	*firefox
	id        int
	url       string
	tolerated []string // texts of faults that are what the test is about
}

// open opens a page, in which scripts run before its own. Whatever its console shows as
// an error fails the test, and so does a request to another machine; but for 409 and 406,
// by which a page learns that nobody publishes yet or gets an offer.
func (f *firefox) open(url string, scripts ...string) *firefoxTab {
	f.t.Helper()
	id, _, err := f.command(30*time.Second, map[string]any{"open": url, "scripts": scripts})
	if err != nil {
		f.t.Fatalf("open %s in Firefox: %v", url, err)
	}
	p := &firefoxTab{firefox: f, id: id, url: url}
	f.t.Cleanup(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		expected := append([]string{"409", "406"}, p.tolerated...)
		for _, fault := range f.faults[id] {
			if !slices.ContainsFunc(expected, func(text string) bool { return strings.Contains(fault, text) }) {
				f.t.Errorf("error in the console of %s: %s", url, fault)
			}
		}
	})
	f.t.Cleanup(func() {
		if f.t.Failed() {
			p.screenshot("failed")
		}
	})
	return p
}

// evalFirefox runs a script, an expression that may await, and returns its value.
func evalFirefox[T any](p *firefoxTab, what, script string) (value T) {
	p.t.Helper()
	_, m, err := p.command(20*time.Second, map[string]any{"page": p.id, "eval": script})
	if err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	if len(m.Value) == 0 {
		return value // undefined
	}
	if err := json.Unmarshal(m.Value, &value); err != nil {
		p.t.Fatalf("%s: %v in %s", what, err, m.Value)
	}
	return value
}

// click clicks, as a person does, on the element that a script returns.
func (p *firefoxTab) click(what, script string) {
	p.t.Helper()
	if _, _, err := p.command(20*time.Second, map[string]any{"page": p.id, "click": script}); err != nil {
		p.t.Fatalf("click %s: %v", what, err)
	}
}

// waitTrue waits until a script's value is true.
func (p *firefoxTab) waitTrue(within time.Duration, what, script string) {
	p.t.Helper()
	waitFor(p.t, within, what, func() error {
		if !evalFirefox[bool](p, what, script) {
			return fmt.Errorf("not so; the page says: %.300q", evalFirefox[string](p, "read the page's text", "document.body.innerText"))
		}
		return nil
	})
}

// waitPlaying waits until the page's video shows moving pictures.
func (p *firefoxTab) waitPlaying(within time.Duration) {
	p.t.Helper()
	p.waitTrue(within, "the page's video to play", `(() => {
		const video = __probe.video();
		return !!video && !video.paused && video.videoWidth > 0 && video.currentTime > 0;
	})()`)
}

// screenshot keeps a picture of the page for a person to look at.
func (p *firefoxTab) screenshot(name string) {
	file := filepath.Join(artifacts(p.t), strings.ReplaceAll(p.t.Name(), "/", "_")+"-firefox-"+name+".png")
	if _, _, err := p.command(15*time.Second, map[string]any{"page": p.id, "screenshot": file}); err != nil {
		p.t.Logf("no screenshot %s: %v", name, err)
		return
	}
	p.t.Logf("screenshot: %s", file)
}
