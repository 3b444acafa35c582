package diagnosis_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"porthole/internal/diagnosis"
)

// docs/TROUBLESHOOTING.md explains each code, in the order of Codes, and no other.
func TestDocumentExplainsEveryCode(t *testing.T) {
	text, err := os.ReadFile("../../docs/TROUBLESHOOTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## A session\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var explained []diagnosis.Code
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(section, -1) {
		explained = append(explained, diagnosis.Code(row[1]))
	}
	if !slices.Equal(explained, diagnosis.Codes()) {
		t.Errorf("the document explains %q\nthe codes are %q", explained, diagnosis.Codes())
	}
}
