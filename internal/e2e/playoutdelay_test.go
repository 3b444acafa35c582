//go:build e2e

package e2e_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// withoutPlayoutDelay takes the header extension out of what a page offers.
const withoutPlayoutDelay = `{
	const native = window.fetch;
	window.fetch = (resource, options) => {
		if (typeof options?.body === "string") {
			options = { ...options, body: options.body.replace(/a=extmap:[^\r\n]*playout-delay\r?\n/g, "") };
		}
		return native(resource, options);
	};
}`

// TestPlayoutDelayInChromium shows one picture as soon as it can be, another one smoothly, and a
// third as a player does that is told nothing; and each of them reports on what it gets.
func TestPlayoutDelayInChromium(t *testing.T) {
	s := startServer(t, "--source", patternSource, "--source", "hall=pattern:?size=640x360&bitrate=800k&ondemand=off", "--smooth", "hall")
	s.waitLive(t, "webcam", true, 20*time.Second)
	s.waitLive(t, "hall", true, 20*time.Second)
	// For as long as it takes: a page in the background shows few pictures.
	browser := startChromium(t, chromedp.Flag("disable-renderer-backgrounding", true))
	medians := map[string]float64{}
	for _, page := range []struct {
		name, stream string
		scripts      []string
	}{
		{"at once", "webcam", nil},
		{"smooth", "hall", nil},
		{"without the extension", "webcam", []string{withoutPlayoutDelay}},
	} {
		p := openTab(t, browser, s.url+"/watch/"+page.stream, page.scripts...)
		p.waitPlaying(20 * time.Second)
		p.do("observe", "__probe.observe(true)")
		p.collect(90) // the player settles
		pictures := p.collect(300)
		medians[page.name] = glassToGlass(pictures, 0.5)
		t.Logf("%s: from capture to the screen %.0f ms (p95 %.0f), to the browser %.0f ms", page.name,
			glassToGlass(pictures, 0.5), glassToGlass(pictures, 0.95), networkDelay(pictures, 0.5))
		p.do("leave", `location.href = "about:blank"`)
	}
	if medians["smooth"] < medians["at once"]+50 {
		t.Errorf("a smooth stream is shown after %.0f ms, others after %.0f", medians["smooth"], medians["at once"])
	}
	if n := s.metric(t, "porthole_transport_feedback_received_total"); n < 100 {
		t.Errorf("Chromium has sent %v reports on what it gets, want some a second", n)
	} else {
		t.Logf("%v reports on what came", n)
	}
}
