//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"testing"
	"time"
)

// narrowWatch is a page that watches a camera of 2.5 Mbit/s over a link that carries less, for a while.
type narrowWatch struct {
	page           *tab
	before, after  spentOnViewers
	sound, soundAt inbound // at the end, and at the beginning
	seconds        float64
}

// spentOnViewers is what the server has sent to all viewers of its life.
type spentOnViewers struct{ packets, resent float64 }

func (s *server) spentOnViewers(t testing.TB) spentOnViewers {
	t.Helper()
	return spentOnViewers{s.metric(t, "porthole_packets_sent_total"), s.metric(t, "porthole_packets_resent_total")}
}

// watchNarrow has a browser watch over a link of so many bits a second, with a queue of 200 ms, until the picture moves and
// then for a time.
func watchNarrow(t *testing.T, bits int, period time.Duration) narrowWatch {
	t.Helper()
	n := newNetwork(t)
	home := n.connect("home")
	must(t, n.Throttle(home.Machine, bits, 200*time.Millisecond))
	address := n.center.addr.String() + ":8080"
	s := startServerIn(n, "--source", "webcam=pattern:?size=1280x720&fps=30&bitrate=2500k", "--http", address, "--turn-listen", "off",
		"--max-load", "0", "--max-lateness", "0")
	s.waitLive(t, "webcam", true, 20*time.Second)
	w := narrowWatch{page: openTab(t, startChromiumOn(t, home), "http://"+address+"/watch/webcam")}
	w.page.waitPlaying(40 * time.Second)
	waitFor(t, 8*time.Second, "the beginning to be over", after(3*time.Second))
	w.before, w.soundAt = s.spentOnViewers(t), onlyOne(t, w.page.inbound("audio"))
	began := time.Now()
	waitFor(t, period+10*time.Second, "some seconds to pass", after(period))
	w.after, w.sound, w.seconds = s.spentOnViewers(t), onlyOne(t, w.page.inbound("audio")), time.Since(began).Seconds()
	return w
}

func onlyOne(t testing.TB, tracks []inbound) inbound {
	t.Helper()
	if len(tracks) != 1 {
		t.Fatalf("the page has had %d tracks, want one: it has made a second connection", len(tracks))
	}
	return tracks[0]
}

// TestNarrowLinkGetsNoStorm watches over 1 Mbit/s. How many pictures come is the machine's business, too; that little is
// sent again, that all of the sound comes, and that the connection stays, is not.
func TestNarrowLinkGetsNoStorm(t *testing.T) {
	w := watchNarrow(t, 1_000_000, 15*time.Second)
	sent, again := w.after.packets-w.before.packets, w.after.resent-w.before.resent
	got, lost := w.sound.PacketsReceived-w.soundAt.PacketsReceived, w.sound.PacketsLost-w.soundAt.PacketsLost
	t.Logf("in %.1f s, %v packets were sent and %v again; of the sound %d came and %d were lost", w.seconds, sent, again, got, lost)
	if sent == 0 || again > 0.1*sent {
		t.Errorf("%v packets were sent and %v again, want a tenth at most", sent, again)
	}
	if float64(got) < 45*w.seconds || lost > 2 { // 50 a second are sent
		t.Errorf("in %.1f s %d packets of the sound came, and %d were lost", w.seconds, got, lost)
	}
	if c := eval[int](w.page, "count the connections", "__probe.connections.length"); c != 1 {
		t.Errorf("the page made %d connections, want one", c)
	}
	before := onlyOne(t, w.page.inbound("video")).FramesDecoded
	w.page.waitTrue(10*time.Second, "more pictures", fmt.Sprintf("__probe.inbound('video').then(([v]) => v.framesDecoded > %d)", before+10))
}
