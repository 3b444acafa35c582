//go:build e2e

package e2e_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// shown is one picture that a page showed.
type shown struct {
	ShownMs    float64 `json:"shownMs"`    // Unix time
	ReceivedMs float64 `json:"receivedMs"` // Unix time at which the last packet of it came
	CapturedMs float64 `json:"capturedMs"` // Unix time, of the test pattern only
	Number     int     `json:"number"`     // modulo 4096, of the test pattern only
}

// pictures takes what the page's probe has seen since it was asked last.
func (p *tab) pictures() []shown {
	p.t.Helper()
	return eval[[]shown](p, "take the pictures", "__probe.pictures.splice(0)")
}

// inbound is what WebRTC's statistics say of one received track.
type inbound struct {
	PacketsReceived      int     `json:"packetsReceived"`
	PacketsLost          int     `json:"packetsLost"`
	FramesDecoded        int     `json:"framesDecoded"`
	TotalSamplesReceived int     `json:"totalSamplesReceived"`
	TotalAudioEnergy     float64 `json:"totalAudioEnergy"`
}

// inbound asks for the statistics of all of the page's connections.
func (p *tab) inbound(kind string) []inbound {
	p.t.Helper()
	return eval[[]inbound](p, "read the statistics", fmt.Sprintf("__probe.inbound(%q)", kind))
}

// TestBrowserPlaysThePattern opens the page of a stream as a person does and
// reads the pattern's clock out of the pictures that the browser shows; then a
// second page opens, which must change nothing for the first.
func TestBrowserPlaysThePattern(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	browser := startChromium(t)

	first := openTab(t, browser, s.url+"/watch/webcam")
	first.waitPlaying(20 * time.Second)
	first.do("observe", "__probe.observe(true)")
	first.collect(30) // the decoder and the jitter buffer have settled after a second
	watch := startStopwatch()
	alone := first.collect(120)
	requireRate(t, "alone", alone, 24, watch.slowdown())

	second := openTab(t, browser, s.url+"/watch/webcam")
	second.waitPlaying(20 * time.Second)
	second.do("observe", "__probe.observe(true)")
	second.collect(30)
	first.pictures() // what came while the second page was loading is not compared
	watch = startStopwatch()
	late := startLateness(t)
	together := first.collect(120)
	others := second.collect(30)
	allowed := late.stop()
	requireRate(t, "with a second page", together, 24, watch.slowdown())
	requireRate(t, "the second page", others, 20, watch.slowdown())
	s.waitViewers(t, "webcam", 2, 5*time.Second)

	if invalid := eval[int](first, "count pictures without a clock", "__probe.invalid"); invalid > 0 {
		t.Errorf("%d pictures had no readable clock", invalid)
	}
	busy := float64(allowed(0.5).Milliseconds())
	if a, b := networkDelay(alone, 0.5), networkDelay(together, 0.5); b > a+40+busy {
		t.Errorf("a second page raised the first one's median delay to arrival from %.0f to %.0f ms", a, b)
	}
	// The browser itself now decodes and paints twice, on the same processors, which is not the server's doing.
	if a, b := glassToGlass(alone, 0.5), glassToGlass(together, 0.5); b > a+250+2*busy {
		t.Errorf("a second page raised the first one's median delay to the screen from %.0f to %.0f ms", a, b)
	}
	first.screenshot("watch")
}

// collect waits for n pictures of the page.
func (p *tab) collect(n int) []shown {
	p.t.Helper()
	var all []shown
	waitFor(p.t, 5*time.Second+time.Duration(n)*100*time.Millisecond, fmt.Sprintf("%d pictures in the page", n), func() error {
		all = append(all, p.pictures()...)
		if len(all) < n {
			return fmt.Errorf("%d have come; the page says: %s", len(all), p.text())
		}
		return nil
	})
	return all
}

// requireRate checks that pictures advance at about 30 a second by their own
// numbers and clocks. A machine that slows things down may show fewer of them.
func requireRate(t testing.TB, what string, pictures []shown, atLeast, slowdown float64) {
	t.Helper()
	first, last := pictures[0], pictures[len(pictures)-1]
	seconds := (last.ShownMs - first.ShownMs) / 1000
	if seconds <= 0 {
		t.Fatalf("%s: no time passed between %+v and %+v", what, first, last)
	}
	advanced := float64((last.Number - first.Number) & 0xfff)
	t.Logf("%s: %d pictures in %.1fs, shown at %.1f a second, advancing at %.1f; capture to arrival median %.0f ms, p95 %.0f ms, glass to glass median %.0f ms, p95 %.0f ms",
		what, len(pictures), seconds, float64(len(pictures)-1)/seconds, advanced/seconds,
		networkDelay(pictures, 0.5), networkDelay(pictures, 0.95), glassToGlass(pictures, 0.5), glassToGlass(pictures, 0.95))
	if rate := float64(len(pictures)-1) / seconds; rate*slowdown < atLeast {
		t.Errorf("%s: %.1f pictures a second were shown, want at least %v", what, rate, atLeast/slowdown)
	}
	if rate := advanced / seconds; rate < 27/slowdown || rate > 33*slowdown {
		t.Errorf("%s: the pattern advanced at %.1f pictures a second, want 30", what, rate)
	}
	for i := 1; i < len(pictures); i++ {
		if pictures[i].CapturedMs < pictures[i-1].CapturedMs {
			t.Errorf("%s: picture %d was shown after picture %d", what, pictures[i].Number, pictures[i-1].Number)
		}
	}
}

// glassToGlass is a quantile of the milliseconds from capture to the screen.
func glassToGlass(pictures []shown, q float64) float64 {
	return delayQuantile(pictures, q, func(p shown) float64 { return p.ShownMs })
}

// networkDelay is a quantile of the milliseconds from capture to the browser.
func networkDelay(pictures []shown, q float64) float64 {
	return delayQuantile(pictures, q, func(p shown) float64 { return p.ReceivedMs })
}

func delayQuantile(pictures []shown, q float64, until func(shown) float64) float64 {
	all := make([]float64, len(pictures))
	for i, p := range pictures {
		all[i] = until(p) - p.CapturedMs
	}
	slices.Sort(all)
	return quantile(all, q)
}
