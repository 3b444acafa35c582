package streamname_test

import (
	"os"
	"strings"
	"testing"

	"porthole/internal/streamname"
)

func TestValid(t *testing.T) {
	for _, name := range []string{"webcam", "a", "A-b_c.9", strings.Repeat("x", 64), "..."} {
		if !streamname.Valid(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", ".", "..", "a b", "a/b", "ä", "a\n", "a%20", strings.Repeat("x", 65)} {
		if streamname.Valid(name) {
			t.Errorf("%q is accepted", name)
		}
	}
}

// The pages check names by the same expression before they ask the server.
func TestPagesKnowTheRule(t *testing.T) {
	script, err := os.ReadFile("../../static/pages/site.js")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.ReplaceAll(streamname.Pattern, `\`, `\\`); !strings.Contains(string(script), want) {
		t.Errorf("site.js has no %s", want)
	}
}
