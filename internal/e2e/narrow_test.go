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
	if float64(got) < 35*w.seconds || lost > 2 { // 50 a second are sent, fewer where the sender waits for a processor
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
	s := startServerIn(n, "--source", "webcam=pattern:?size=1280x720&fps=30&bitrate=2500k&ondemand=off", "--http", address, "--turn-listen", "off")
	s.waitLive(t, "webcam", true, 20*time.Second)
	w := watchNarrow(t, s, home, address, 15*time.Second)
	w.requireSoundAndNoStorm(t)
	if w.pictures < 15 {
		t.Errorf("in %.1f s %d pictures were decoded", w.seconds, w.pictures)
	}
}

// encodeLikeOBS makes four seconds of 720p with a keyframe every two, at a constant 2.5 Mbit/s: one layer that no
// narrow link carries, and nothing to leave out of it but whole groups of pictures.
func encodeLikeOBS(t testing.TB) [][]byte {
	t.Helper()
	out := runFFmpeg(t, nil,
		"-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=10:allf=t", "-t", "4",
		"-c:v", "libx264", "-profile:v", "baseline", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "60",
		"-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k",
		"-x264-params", "repeat-headers=1:scenecut=0:keyint=60:min-keyint=60", "-f", "h264", "-")
	frames := accessUnits(out)
	if len(frames) != 120 {
		t.Fatalf("FFmpeg made %d frames of test video, want 120", len(frames))
	}
	return frames
}

// TestOneLayerOverANarrowLink watches over 1 Mbit/s what a publisher like OBS sends, of which no part fits but keyframes and
// the sound: those come, nothing is sent again and again, the page says why, and the connection stays.
func TestOneLayerOverANarrowLink(t *testing.T) {
	n := newNetwork(t)
	home, studio := n.connect("home"), n.connect("studio")
	must(t, n.Throttle(home.Machine, 1_000_000, 200*time.Millisecond))
	address := n.center.addr.String() + ":8080"
	s := startServerIn(n, "--source", "spare=slate:", "--http", address, "--turn-listen", "off", "--publish-token", "send")
	base, err := newTracedPeer(t, s, studio, func([]byte, time.Time) {})
	must(t, err)
	base.token = "send"
	sender, err := publisherOf(base, h264Track())
	must(t, err)
	t.Cleanup(func() { sender.close() })
	must(t, sender.signal("/whip/webcam"))
	sender.waitConnected(t)
	sender.start(encodeLikeOBS(t))
	t.Cleanup(func() { sender.stop() })
	s.waitLive(t, "webcam", true, 20*time.Second)

	w := watchNarrow(t, s, home, address, 16*time.Second)
	w.requireSoundAndNoStorm(t)
	if got := w.pictures; float64(got) < w.seconds/2-2 {
		t.Errorf("in %.1f s %d pictures were decoded, want one of each keyframe, which comes every two seconds", w.seconds, got)
	}
	w.page.waitTrue(5*time.Second, "the page to say why", `/your connection carries/i.test(`+thePlayer+`.shadowRoot.textContent)`)
}
