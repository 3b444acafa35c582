//go:build e2e && linux

package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// startChromiumOn starts a browser on a machine of the network.
func startChromiumOn(t testing.TB, m *machine) context.Context {
	t.Helper()
	return startChromium(t, m.Browser())
}

// TestConnectionIsMended lets the network between a browser and the server go silent,
// and then away, and come back: the first needs no new connection.
func TestConnectionIsMended(t *testing.T) {
	n := newNetwork(t)
	home := n.connect("home")
	s := startServerIn(n, "--source", patternSource, "--http", n.center.addr.String()+":8080", "--turn-listen", "off")
	p := openTab(t, startChromiumOn(t, home), "http://"+n.center.addr.String()+":8080/watch/webcam")
	// What the console says of a network that is away.
	p.tolerate("net::ERR_")
	p.waitPlaying(30 * time.Second)

	home.freeze()
	waitFor(t, 8*time.Second, "the network to be silent for a while", after(6*time.Second))
	p.requireNews(t, false, 0)
	home.thaw()
	p.requireNews(t, true, 20*time.Second)
	if c := eval[int](p, "count the connections", "__probe.connections.length"); c != 1 {
		t.Errorf("the page made %d connections, want one that is mended", c)
	}

	home.run("", "ip", "link", "set", home.device, "down")
	waitFor(t, 8*time.Second, "the network to be away for a while", after(6*time.Second))
	if said := p.says("headline"); said != "Waiting for the picture" && !strings.HasPrefix(said, "Reconnecting") {
		t.Errorf("without a network the page says %q", said)
	}
	home.run("", "ip", "link", "set", home.device, "up")
	p.requireNews(t, true, 40*time.Second)
	s.waitViewers(t, "webcam", 1, 45*time.Second) // what the lost connection left behind goes away
}

// requireNews checks whether new pictures come, and how soon.
func (p *tab) requireNews(t *testing.T, wanted bool, within time.Duration) {
	t.Helper()
	const decoded = `__probe.video().getVideoPlaybackQuality().totalVideoFrames`
	before, began := eval[int](p, "count the pictures", decoded), time.Now()
	if !wanted {
		waitFor(t, 2*time.Second, "half a second to pass", after(500*time.Millisecond))
		if got := eval[int](p, "count the pictures", decoded) - before; got > 0 {
			t.Fatalf("%d pictures came through a silent network: the test shows nothing", got)
		}
		return
	}
	waitFor(t, within, "pictures", func() error {
		if got := eval[int](p, "count the pictures", decoded); got < before+30 && (got >= before || got < 30) {
			return fmt.Errorf("%d before, %d now; the player says %q", before, got, p.says("reader"))
		}
		return nil
	})
	t.Logf("pictures came again after %v", time.Since(began).Round(100*time.Millisecond))
}
