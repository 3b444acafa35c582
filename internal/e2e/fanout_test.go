//go:build e2e

package e2e_test

import (
	"fmt"
	"testing"
	"time"
)

// TestViewersDoNotSlowEachOther measures the time from a frame's capture to
// its arrival at the first viewer, alone and in the company of nineteen more.
// The pictures are decoded afterwards, so the decoder costs the measurement nothing.
func TestViewersDoNotSlowEachOther(t *testing.T) {
	const (
		others  = 19
		width   = 640 // of patternSource
		measure = 4 * time.Second
		// What a two-core machine may add; queueing behind others adds much more.
		tolerance = 60 * time.Millisecond
	)
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)

	first := watch(t, s, "webcam")
	first.video.startRecording()
	first.waitPlaying(t)

	first.video.reset()
	aloneFrom, watch := time.Now(), startStopwatch()
	first.waitFrames(t, int(measure.Seconds()*30))
	aloneTo := time.Now()

	crowd := watchMany(t, s, "webcam", others)
	for _, v := range crowd {
		v.waitPlaying(t)
	}
	s.waitViewers(t, "webcam", 1+others, 5*time.Second)
	crowdFrom, late := time.Now(), startLateness(t)
	for _, v := range crowd {
		v.video.reset()
	}
	first.waitFrames(t, int(measure.Seconds()*30))
	crowdTo := time.Now()
	allowed, slowdown := late.stop(), watch.slowdown()

	for i, v := range append(crowd, first) {
		if c := v.video.counts(); c.missing != 0 || float64(c.frames) < measure.Seconds()*20/slowdown {
			t.Errorf("viewer %d: want every sequence number and about 30 frames a second for %v, got %+v", i, measure, c)
		}
	}

	pictures := first.video.recorded()
	clocks := decodeClocks(t, pictures, width)
	requireAdvancing(t, clocks)
	aloneClocks, alonePictures := during(clocks, pictures, aloneFrom, aloneTo)
	crowdClocks, crowdPictures := during(clocks, pictures, crowdFrom, crowdTo)
	requireFewSkipped(t, aloneClocks, slowdown)
	requireFewSkipped(t, crowdClocks, slowdown)
	alone, together := delays(aloneClocks, alonePictures), delays(crowdClocks, crowdPictures)
	report := func(of []time.Duration) string {
		return fmt.Sprintf("median %v, p95 %v of %d frames", quantile(of, 0.5), quantile(of, 0.95), len(of))
	}
	t.Logf("capture to arrival, alone: %s; with %d viewers: %s", report(alone), others+1, report(together))
	if got, limit := quantile(together, 0.5), quantile(alone, 0.5)+time.Duration(float64(tolerance)*slowdown)+allowed(0.5); got > limit {
		t.Errorf("with %d viewers the first one's median delay is %v, want at most %v", others+1, got, limit)
	}
}

// during keeps the pictures that arrived in a period.
func during(clocks []clock, pictures []picture, from, to time.Time) ([]clock, []picture) {
	var c []clock
	var p []picture
	for i := range pictures {
		if at := pictures[i].arrived; at.After(from) && at.Before(to) {
			c, p = append(c, clocks[i]), append(p, pictures[i])
		}
	}
	return c, p
}

// requireAdvancing checks that every picture is younger than the one before.
func requireAdvancing(t testing.TB, clocks []clock) {
	t.Helper()
	for i := 1; i < len(clocks); i++ {
		before, after := clocks[i-1], clocks[i]
		step := (after.number - before.number) & 0xfff
		if step == 0 || step > 0x800 || !after.captured.After(before.captured) {
			t.Errorf("picture %d follows picture %d, captured %v later",
				after.number, before.number, after.captured.Sub(before.captured))
		}
	}
}

// requireFewSkipped checks that nearly all pictures came. A source that gets
// too little processor time leaves some out, more on a machine that slows it down.
func requireFewSkipped(t testing.TB, clocks []clock, slowdown float64) {
	t.Helper()
	want := (clocks[len(clocks)-1].number-clocks[0].number)&0xfff + 1
	if skipped := want - len(clocks); float64(len(clocks)) < 0.8*float64(want)/slowdown {
		t.Errorf("%d of %d pictures did not come", skipped, want)
	}
}
