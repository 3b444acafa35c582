//go:build e2e

package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// libdatachannel is a client made of the library inside OBS.
type libdatachannel struct {
	t testing.TB

	events chan libdatachannelEvent // closed when the program has ended
	stop   func()                   // ends the program as a person does, and waits
}

// libdatachannelEvent is one line that the program prints.
type libdatachannelEvent struct {
	Event        string
	Status       int
	Body         string
	Audio, Video int
}

// nodeDatachannel is the directory that scripts/node-datachannel.sh prints.
func nodeDatachannel(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("E2E_LIBDATACHANNEL"); dir != "" {
		return dir
	}
	out, err := exec.CommandContext(t.Context(), "../../scripts/node-datachannel.sh").Output()
	if err != nil {
		t.Fatalf("get libdatachannel: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// startLibdatachannel runs testdata/libdatachannel.mjs until the end of the test.
func startLibdatachannel(t testing.TB, args ...string) *libdatachannel {
	t.Helper()
	cmd := exec.Command("node", append([]string{"testdata/libdatachannel.mjs"}, args...)...)
	cmd.Env = append(os.Environ(), "LIBDATACHANNEL="+nodeDatachannel(t))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start node: %v", err)
	}
	c := &libdatachannel{t: t, events: make(chan libdatachannelEvent)}
	done, stopping := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		c.read(output, stopping)
		_ = cmd.Wait() // what it did is in the events, and why it failed in stderr
	}()
	c.stop = sync.OnceFunc(func() {
		input.Close()
		close(stopping)
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("the libdatachannel client did not end")
			_ = cmd.Process.Kill()
			<-done
		}
		if stderr.Len() > 0 {
			t.Logf("node said:\n%s", stderr.String())
		}
	})
	t.Cleanup(c.stop)
	return c
}

// read passes the lines on until the program ends; nobody need take them any more
// once it is stopping.
func (c *libdatachannel) read(output io.Reader, stopping <-chan struct{}) {
	defer close(c.events)
	for lines := bufio.NewScanner(output); lines.Scan(); {
		var e libdatachannelEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			continue // the library's own words
		}
		select {
		case c.events <- e:
		case <-stopping:
		}
	}
}

// await takes events until one that is wanted.
func (c *libdatachannel) await(what string, wanted func(libdatachannelEvent) bool) {
	c.t.Helper()
	deadline := time.After(20 * time.Second)
	var last libdatachannelEvent
	for {
		select {
		case e, ok := <-c.events:
			if !ok {
				c.t.Fatalf("the libdatachannel client ended before %s", what)
			}
			if e.Event == "posted" && e.Status != http.StatusCreated {
				c.t.Fatalf("its offer is answered %d: %s", e.Status, e.Body)
			}
			if wanted(e) {
				return
			}
			last = e
		case <-deadline:
			c.t.Fatalf("waited 20s for %s; the last event was %+v", what, last)
		}
	}
}

// framesFile writes frames as the script reads them.
func framesFile(t testing.TB, frames [][]byte) string {
	t.Helper()
	var content []byte
	for _, frame := range frames {
		n := len(frame)
		content = append(content, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		content = append(content, frame...)
	}
	path := filepath.Join(t.TempDir(), "frames")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLibdatachannelPublishes sends what OBS sends, the way OBS does, and plays it.
func TestLibdatachannelPublishes(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	c := startLibdatachannel(t, "publish", s.url+"/whip/obs", framesFile(t, encodeTestVideo(t)))
	c.await("it sends", func(e libdatachannelEvent) bool { return e.Event == "sending" })
	s.waitLive(t, "obs", true, 10*time.Second)

	v := watch(t, s, "obs")
	v.waitPlaying(t)
	v.video.reset()
	v.waitFrames(t, 60)
	if got := v.video.counts(); got.missing > 0 {
		t.Errorf("%d packets of the picture are missing", got.missing)
	}
	waitFor(t, 5*time.Second, "sound", func() error {
		if n := v.audio.counts().packets; n < 50 {
			return fmt.Errorf("%d packets came", n)
		}
		return nil
	})

	c.stop()
	s.waitLive(t, "obs", false, 5*time.Second)
}

// TestLibdatachannelWatches plays a stream with libdatachannel.
func TestLibdatachannelWatches(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	publish(t, s, "cam", encodeTestVideo(t))
	s.waitLive(t, "cam", true, 10*time.Second)
	c := startLibdatachannel(t, "watch", s.url+"/whep/cam")
	c.await("pictures and sound", func(e libdatachannelEvent) bool { return e.Video > 100 && e.Audio > 100 })
	s.waitViewers(t, "cam", 1, 5*time.Second)
	c.stop()
	s.waitViewers(t, "cam", 0, 5*time.Second)
}
