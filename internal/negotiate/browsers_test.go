package negotiate

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// need is what one offer has of what is bounded.
type need struct{ lines, line, sections, media, session, candidates, addresses, names, codecs int }

// needOf counts it, in the text and in what is read of it.
func needOf(t *testing.T, role Role, body []byte) (n need) {
	t.Helper()
	o, err := ParseOffer(role, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range o.Media {
		if codecs, err := m.Supported(); err == nil && role == Publish {
			n.codecs = max(n.codecs, len(codecs))
		}
	}
	n.names = len(o.Hidden)
	var candidates, addresses int
	for line := range strings.Lines(string(body)) {
		n.lines++
		n.line = max(n.line, len(line))
		switch {
		case strings.HasPrefix(line, "m="):
			n.sections++
			candidates, addresses = 0, 0
			if strings.HasPrefix(line, "m=audio") || strings.HasPrefix(line, "m=video") {
				n.media++
			}
		case strings.HasPrefix(line, "a=candidate:"):
			if candidates++; !strings.Contains(line, ".local ") {
				addresses++
			}
		}
		if n.sections == 0 {
			n.session += len(line)
		}
		n.candidates, n.addresses = max(n.candidates, candidates), max(n.addresses, addresses)
	}
	return n
}

// Offers of browsers and other programs, as they were recorded, need a fraction of what is
// allowed, and the documentation says which.
func TestOffersAreFarFromTheBounds(t *testing.T) {
	files, err := filepath.Glob("testdata/*.sdp")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var most need
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		role := Publish
		if strings.Contains(file, "recvonly") {
			role = Watch
		}
		n := needOf(t, role, body)
		most.lines, most.line = max(most.lines, n.lines), max(most.line, n.line)
		most.sections, most.media, most.session = max(most.sections, n.sections), max(most.media, n.media), max(most.session, n.session)
		most.candidates, most.addresses = max(most.candidates, n.candidates), max(most.addresses, n.addresses)
		most.names, most.codecs = max(most.names, n.names), max(most.codecs, n.codecs)
	}
	told := toldNeeds(t)
	for what, tt := range map[string]struct{ need, bound, fraction int }{
		"Lines":                                        {most.lines, maxLines, 9},
		"Bytes of a line":                              {most.line, maxLine, 10},
		"Sections":                                     {most.sections, maxAllSections, 10},
		"Sections of sound and pictures":               {most.media, maxSections, 4},
		"Bytes before the first section":               {most.session, maxSessionPart, 10},
		"Candidates of a section":                      {most.candidates, maxCandidateLines, 10},
		"Addresses among them":                         {most.addresses, maxCandidates, 4},
		"Names among them (mDNS)":                      {most.names, maxHidden, 1},
		"Codecs that a publisher may use in a section": {most.codecs, maxSupported, 1},
	} {
		if tt.need*tt.fraction > tt.bound {
			t.Errorf("%s: an offer has %d, which is more than 1/%d of %d", what, tt.need, tt.fraction, tt.bound)
		}
		if got, want := told[what], [2]int{tt.bound, tt.need}; got != want {
			t.Errorf("%s: docs/SECURITY.md says %d and %d, want %d and %d", what, got[0], got[1], want[0], want[1])
		}
	}
}

// toldNeeds reads the bounds, and what offers have, from the table of the documentation.
func toldNeeds(t *testing.T) map[string][2]int {
	t.Helper()
	text, err := os.ReadFile("../../docs/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[string][2]int)
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \| ([\d,]+)[^|]* \| ([\d,]+) \|$`).FindAllStringSubmatch(string(text), -1) {
		var numbers [2]int
		for i, cell := range row[2:] {
			if numbers[i], err = strconv.Atoi(strings.ReplaceAll(cell, ",", "")); err != nil {
				t.Fatal(err)
			}
		}
		told[row[1]] = numbers
	}
	return told
}
