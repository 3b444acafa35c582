package diagnosis_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"porthole/internal/diagnosis"
)

// docs/TROUBLESHOOTING.md explains each code, in the order of Codes, and no other.
func TestDocumentExplainsEveryCode(t *testing.T) {
	text, err := os.ReadFile("../../docs/TROUBLESHOOTING.md")
	if err != nil {
		t.Fatal(err)
	}
	var explained []diagnosis.Code
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		explained = append(explained, diagnosis.Code(row[1]))
	}
	if !slices.Equal(explained, diagnosis.Codes()) {
		t.Errorf("the document explains %q\nthe codes are %q", explained, diagnosis.Codes())
	}
}
