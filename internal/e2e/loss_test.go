//go:build e2e && linux

package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBadNetworksDisturbNobodyElse watches the stream over a good network, alone
// and then beside viewers whose networks are bad in every way at once.
func TestBadNetworksDisturbNobodyElse(t *testing.T) {
	const (
		measure = 8 * time.Second
		// What a two-core machine may add. Waiting for one of the others would
		// add hundreds of milliseconds.
		medianTolerance, tailTolerance = 20 * time.Millisecond, 60 * time.Millisecond
	)
	n := newNetwork(t)
	good := n.connect("good")
	s := startServerIn(n, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	control := watchTraced(t, s, "webcam", good, false)
	watch := startStopwatch()
	alone := control.during(t, measure)

	lossy, narrow, deaf := n.connect("lossy"), n.connect("narrow"), n.connect("deaf")
	unlucky := watchTraced(t, s, "webcam", lossy, true)
	squeezed := watchTraced(t, s, "webcam", narrow, true)
	silent := watchTraced(t, s, "webcam", deaf, false)
	stalled, stall := newTCPViewerIn(t, n, s)
	if err := stalled.signal("/whep/webcam"); err != nil {
		t.Fatalf("watch over TCP: %v", err)
	}
	stalled.waitPlaying(t)
	n.lose(lossy, 10)
	n.throttle(narrow, 300_000)
	silent.conn.deaf.Store(true)
	stall()

	began, late := time.Now(), startLateness(t)
	among := control.during(t, measure)
	allowed, slowdown := late.stop(), watch.slowdown()
	t.Logf("alone: %v", alone)
	t.Logf("among viewers with bad networks: %v", among)
	for name, service := range map[string]service{"alone": alone, "among viewers with bad networks": among} {
		if service.missing > 0 || float64(service.pictures) < 25*service.seconds/slowdown {
			t.Fatalf("%s: want every packet and about 30 pictures a second, got %v", name, service)
		}
	}
	for _, c := range []struct {
		q         float64
		tolerance time.Duration
	}{{0.5, medianTolerance}, {0.95, tailTolerance}} {
		if got, limit := quantile(among.delays, c.q), quantile(alone.delays, c.q)+c.tolerance+allowed(c.q); got > limit {
			t.Errorf("quantile %v of the delay is %v among them, want at most %v", c.q, got, limit)
		}
	}

	// The others' networks were bad indeed.
	if got := unlucky.service(began, time.Now()); got.lossPercent() < 5 {
		t.Errorf("the viewer with 10 %% loss: %v", got)
	} else {
		t.Logf("the viewer with 10 %% loss, before anything is sent again: %v", got)
	}
	if got := squeezed.service(began, time.Now()); got.packets == 0 || got.lossPercent() < 20 {
		t.Errorf("the viewer behind 300 kbit/s: %v", got)
	} else {
		t.Logf("the viewer behind 300 kbit/s: %v", got)
	}
	if got := silent.service(began.Add(time.Second), time.Now()); got.packets > 0 {
		t.Errorf("the viewer that does not read has read: %v", got)
	}
	if c := stalled.video.counts(); c.pause < measure/2 {
		t.Errorf("the stalled TCP viewer got pictures: %+v", c)
	}
}

// during watches for a while and says what came.
func (v *tracedViewer) during(t testing.TB, period time.Duration) service {
	t.Helper()
	began := time.Now()
	waitFor(t, period+30*time.Second, period.String()+" of pictures", func() error {
		if time.Since(began) < period {
			return errNotYet
		}
		return nil
	})
	return v.service(began, began.Add(period))
}

// newTCPViewerIn is newTCPViewer for a server in a network.
func newTCPViewerIn(t testing.TB, n *network, s *server) (v *viewer, stall func()) {
	t.Helper()
	outside := &server{t: t, url: s.url, media: n.forward(s.media.String())}
	v, stall = newTCPViewer(t, outside)
	adapt := v.adapt
	v.adapt = func(answer string) string {
		return strings.ReplaceAll(adapt(answer), n.center.addr.String(), "127.0.0.1")
	}
	return v, stall
}

// TestLostPacketsAreSentAgain watches under loss: what a viewer asks for again
// comes in time, so that nobody has to ask the publisher for a keyframe.
func TestLostPacketsAreSentAgain(t *testing.T) {
	const measure = 12 * time.Second
	n := newNetwork(t)
	good, lossy := n.connect("good"), n.connect("lossy")
	s := startServerIn(n, "--source", "webcam=pattern:?size=1280x720&fps=30&bitrate=2500k&keyframe=4s&ondemand=off")
	s.waitLive(t, "webcam", true, 20*time.Second)
	relay := republish(t, s, "webcam", "relayed", good)
	s.waitLive(t, "relayed", true, 10*time.Second)

	v := watchTraced(t, s, "relayed", lossy, true)
	requests := relay.keyframeRequests.Load()
	n.lose(lossy, 5)
	began, watch := time.Now(), startStopwatch()
	wire := v.during(t, measure)
	played := v.played.between(v.ssrc, began, began.Add(measure))
	// What was lost in the last moment may still be on its way.
	settled := serviceOf(dropNewest(played, 500*time.Millisecond), measure)
	pause := longestPause(played)
	lost, refresh := v.player.results()
	t.Logf("on the wire: %v", wire)
	t.Logf("played: %v; longest pause between whole pictures %v; %d packets given up, %d keyframes asked for", settled, pause, lost, refresh)

	if wire.lossPercent() < 3 {
		t.Errorf("%.1f %% were lost on the way: the test shows nothing", wire.lossPercent())
	}
	if settled.lossPercent() >= 0.5 {
		t.Errorf("%.2f %% stayed lost, want less than 0.5 %%", settled.lossPercent())
	}
	// A busy machine has fewer pictures and longer pauses, at the publisher already.
	sent := relay.picturesBetween(began, began.Add(measure-time.Second))
	if settled.pictures < len(sent)*9/10 || len(sent) == 0 {
		t.Errorf("pictures do not go on: %v, the publisher sent %d in all but the last second", settled, len(sent))
	}
	if lost := watch.gone(); pause > 700*time.Millisecond+longestStep(sent)+lost {
		t.Errorf("longest pause %v, the publisher's %v, and the machine let us wait for %v", pause, longestStep(sent), lost)
	}
	if got := relay.keyframeRequests.Load() - requests; got > 1 {
		t.Errorf("the publisher was asked for %d keyframes, want none", got)
	}
	if resent := s.metric(t, "porthole_packets_resent_total"); resent < float64(wire.missing)/2 {
		t.Errorf("%v packets were sent again, %d were missing", resent, wire.missing)
	}
}

// dropNewest leaves out the packets whose numbers came within the last moment.
func dropNewest(packets []arrival, moment time.Duration) []arrival {
	if len(packets) == 0 {
		return nil
	}
	limit := packets[len(packets)-1].at.Add(-moment)
	i := slices.IndexFunc(packets, func(p arrival) bool { return p.at.After(limit) })
	newest := packets[i].number
	return slices.DeleteFunc(slices.Clone(packets), func(p arrival) bool { return p.number >= newest })
}

// longestPause is the longest time between two whole pictures, each shown when
// it and all before it are there.
func longestPause(packets []arrival) (longest time.Duration) {
	ordered := slices.Clone(packets)
	slices.SortFunc(ordered, func(a, b arrival) int { return int(a.number - b.number) })
	var shown, ready time.Time
	for _, p := range ordered {
		if p.at.After(ready) {
			ready = p.at
		}
		if !p.marker {
			continue
		}
		if !shown.IsZero() {
			longest = max(longest, ready.Sub(shown))
		}
		shown = ready
	}
	return longest
}
