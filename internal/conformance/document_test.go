package conformance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documented is how many rows each part of docs/CONFORMANCE.md has.
var documented = map[string]int{"HTTP": 30, "WHIP": 13, "WHEP": 13, "ICE": 21, "SDP": 21, "MEDIA": 21}

var (
	rowLine  = regexp.MustCompile(`(?m)^\| ([A-Z]+)-(\d\d) \| (.+) \| (.+) \| (.+) \|$`)
	testName = regexp.MustCompile("`(?:([a-z0-9]+)\\.)?(Test[A-Za-z0-9_]+)`")
	rowTest  = regexp.MustCompile(`^Test([A-Z]+)(\d\d)[A-Z]`)
)

// docs/CONFORMANCE.md has every row once and in order, names the tests that there
// are for it, all of them, and says why where there is none.
func TestDocument(t *testing.T) {
	page, err := os.ReadFile("../../docs/CONFORMANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := rowLine.FindAllStringSubmatch(string(page), -1)
	count := make(map[string]int)
	tests := map[string][]string{"": testsOf(t, ".")}
	named := make(map[string]bool)
	for _, row := range rows {
		group, number, what, shown := row[1], row[2], row[4], row[5]
		count[group]++
		if want := count[group]; number != string([]byte{byte('0' + want/10), byte('0' + want%10)}) {
			t.Errorf("%s-%s is row %d of its part", group, number, want)
		}
		names := testName.FindAllStringSubmatch(shown, -1)
		if reason := strings.HasPrefix(what, "Does not apply: "); reason == (len(names) > 0) {
			t.Errorf("%s-%s: %d tests, and the text begins %.20q", group, number, len(names), what)
		}
		for _, name := range names {
			pkg, test := name[1], name[2]
			if tests[pkg] == nil {
				tests[pkg] = testsOf(t, filepath.Join("..", pkg))
			}
			if !slices.Contains(tests[pkg], test) {
				t.Errorf("%s-%s names %s, which does not exist", group, number, test)
			}
			if m := rowTest.FindStringSubmatch(test); pkg == "" && (m == nil || m[1] != group || m[2] != number) {
				t.Errorf("%s-%s names %s, the test of another row", group, number, test)
			}
			named[test] = true
		}
	}
	if !maps.Equal(count, documented) {
		t.Errorf("the rows are %v, want %v", count, documented)
	}
	for _, test := range tests[""] {
		if rowTest.MatchString(test) && !named[test] {
			t.Errorf("no row names %s", test)
		}
	}
}

// testsOf lists the test functions in a directory, whatever their build tags.
func testsOf(t testing.TB, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", dir, err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}
