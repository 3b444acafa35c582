//go:build e2e && linux

package e2e_test

import (
	"testing"
	"time"
)

// narrowWatch is a page that has watched over a link that carries less than the stream has.
type narrowWatch struct {
	page           *tab
	before, after  spentOnViewers
	sound, soundAt inbound // at the end, and at the beginning
	pictures       int
	seconds        float64
}

// spentOnViewers is what the server has sent to all viewers of its life.
type spentOnViewers struct{ packets, resent float64 }

func (s *server) spentOnViewers(t testing.TB) spentOnViewers {
	t.Helper()
	return spentOnViewers{s.metric(t, "porthole_packets_sent_total"), s.metric(t, "porthole_packets_resent_total")}
}

// watchNarrow has a browser watch the stream webcam of the server at an address, until the picture moves and then for a time.
func watchNarrow(t *testing.T, s *server, home *machine, address string, period time.Duration) narrowWatch {
	t.Helper()
	w := narrowWatch{page: openTab(t, startChromiumOn(t, home), "http://"+address+"/watch/webcam")}
	w.page.waitPlaying(40 * time.Second)
	waitFor(t, 8*time.Second, "the beginning to be over", after(3*time.Second))
	w.before, w.soundAt = s.spentOnViewers(t), onlyOne(t, w.page.inbound("audio"))
	before, began := onlyOne(t, w.page.inbound("video")).FramesDecoded, time.Now()
	waitFor(t, period+10*time.Second, "some seconds to pass", after(period))
	w.after, w.sound, w.seconds = s.spentOnViewers(t), onlyOne(t, w.page.inbound("audio")), time.Since(began).Seconds()
	w.pictures = onlyOne(t, w.page.inbound("video")).FramesDecoded - before
	return w
}

func onlyOne(t testing.TB, tracks []inbound) inbound {
	t.Helper()
	if len(tracks) != 1 {
		t.Fatalf("the page has had %d tracks, want one: it has made a second connection", len(tracks))
	}
	return tracks[0]
}

// requireSoundAndNoStorm fails the test when more than a tenth was sent again, or sound was missing, or another
// connection was made.
func (w narrowWatch) requireSoundAndNoStorm(t *testing.T) {
	t.Helper()
	sent, again := w.after.packets-w.before.packets, w.after.resent-w.before.resent
	got, lost := w.sound.PacketsReceived-w.soundAt.PacketsReceived, w.sound.PacketsLost-w.soundAt.PacketsLost
	t.Logf("in %.1f s, %v packets were sent and %v again; of the sound %d came and %d were lost; %d pictures", w.seconds, sent, again, got, lost, w.pictures)
	if sent == 0 || again > 0.1*sent {
		t.Errorf("%v packets were sent and %v again, want a tenth at most", sent, again)
	}
	if float64(got) < 45*w.seconds || lost > 2 { // 50 a second are sent
		t.Errorf("in %.1f s %d packets of the sound came, and %d were lost", w.seconds, got, lost)
	}
	if c := eval[int](w.page, "count the connections", "__probe.connections.length"); c != 1 {
		t.Errorf("the page made %d connections, want one", c)
	}
}

// TestNarrowLinkGetsNoStorm watches a camera of 2.5 Mbit/s over 1 Mbit/s. How many pictures come is the machine's business,
// too; that few packets are sent again, that all of the sound comes, and that the connection stays, is not.
func TestNarrowLinkGetsNoStorm(t *testing.T) {
	n := newNetwork(t)
	home := n.connect("home")
	must(t, n.Throttle(home.Machine, 1_000_000, 200*time.Millisecond))
	address := n.center.addr.String() + ":8080"
	s := startServerIn(n, "--source", "webcam=pattern:?size=1280x720&fps=30&bitrate=2500k", "--http", address, "--turn-listen", "off")
	s.waitLive(t, "webcam", true, 20*time.Second)
	w := watchNarrow(t, s, home, address, 15*time.Second)
	w.requireSoundAndNoStorm(t)
	if w.pictures < 15 {
		t.Errorf("in %.1f s %d pictures were decoded", w.seconds, w.pictures)
	}
}
