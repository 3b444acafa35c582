//go:build e2e

package e2e_test

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/fallback.js
var fallbackScript string

// TestPlayerSwapsRolesWhenNoPathComesAbout is a network on which nothing connects
// while the page offers: the player asks for an offer instead, and plays.
func TestPlayerSwapsRolesWhenNoPathComesAbout(t *testing.T) {
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	page := openTab(t, startChromium(t), s.url+"/")
	page.do("start a player that cannot offer", fmt.Sprintf("(%s)(%q)", fallbackScript, s.url+"/whep/webcam"))
	page.waitTrue(40*time.Second, "the player to play", `__player.state.name === "playing"`)
	if n := eval[int](page, "count the attempts", "__offered"); n != 1 {
		t.Errorf("it offered %d times before it let the server offer, want once", n)
	}
	// Checks came with a password that is not the server's, which counts as none.
	if said := eval[[]string](page, "read what the player said", "__said"); len(said) == 0 || !strings.Contains(said[0], "arrived at 127.0.0.1") {
		t.Errorf("of the connection that did not come about the player said %q, want the server's diagnosis", said)
	} else {
		t.Logf("it said: %s", said[0])
	}
}
