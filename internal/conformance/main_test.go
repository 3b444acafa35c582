package conformance_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"porthole/internal/processtest"
)

// porthole is the path of the program under test, set by TestMain.
var porthole string

// together is how many tests run at the same time. Most of them wait, for timeouts
// of the protocols, so that it need not be the number of processors.
const together = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	explicit := false
	flag.Visit(func(f *flag.Flag) { explicit = explicit || f.Name == "test.parallel" })
	if !explicit {
		if err := flag.Set("test.parallel", together); err != nil {
			fmt.Fprintln(os.Stderr, "conformance:", err)
			os.Exit(1)
		}
	}
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		code = 1
	}
	os.Exit(code)
}

// buildAndRun builds the program once and runs the tests.
func buildAndRun(m *testing.M) (int, error) {
	porthole = os.Getenv("CONFORMANCE_BINARY")
	if porthole != "" {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "porthole-conformance-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	porthole = filepath.Join(dir, "porthole")
	if err := processtest.Build(porthole, raceDetector); err != nil {
		return 0, err
	}
	return m.Run(), nil
}
