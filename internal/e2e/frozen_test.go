//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"testing"
	"time"
)

// TestPagesRecoverFromAFrozenNetwork has a browser publish and watch over a cable that
// passes nothing for some seconds: both pages say so, and carry on by themselves.
func TestPagesRecoverFromAFrozenNetwork(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	m := n.connect("laptop")
	var s *server
	host := n.center.addr.String()
	err := n.center.inside(func() {
		s = startServer(t, "--source", patternSource, "--http", host+":0", "--media", host+":0", "--publish-token", "send")
	})
	if err != nil {
		t.Fatal(err)
	}
	inside := s.url
	s.url = "http://" + n.forward(inside[len("http://"):]).String()

	browser := startFirefoxOn(t, m, host)
	sender := browser.open(inside + "/publish/cam#token=send")
	sender.waitTrue(20*time.Second, "the page's preview", `document.querySelector("#preview").videoWidth > 0`)
	sender.click("the button", `document.querySelector("#go")`)
	sender.waitTrue(20*time.Second, "the page to say that it is live", `!document.querySelector("#badge").hidden`)
	s.waitLive(t, "cam", true, 20*time.Second)
	viewer := browser.open(inside + "/watch/cam")
	viewer.waitPlaying(30 * time.Second)
	viewer.waitTrue(10*time.Second, "the player to play", playerState+` === "playing"`)

	m.freeze()
	viewer.waitTrue(30*time.Second, "the watch page to notice", playerState+` !== "playing"`)
	sender.waitTrue(30*time.Second, "the publish page to notice", `/interrupted|Reconnecting/.test(document.querySelector("#state").textContent)`)
	m.thaw()
	began := time.Now()
	sender.waitTrue(40*time.Second, "the publish page to be live again", `document.querySelector("#state").textContent === "Live as cam"`)
	t.Logf("live again %v after the cable was", time.Since(began).Round(100*time.Millisecond))
	viewer.waitTrue(40*time.Second, "the watch page to play again", playerState+` === "playing"`)
	before := evalFirefox[int](viewer, "count pictures", decoded)
	viewer.waitTrue(10*time.Second, "more pictures", fmt.Sprintf("%s > %d", decoded, before))
	t.Logf("playing again %v after the cable was", time.Since(began).Round(100*time.Millisecond))
}
