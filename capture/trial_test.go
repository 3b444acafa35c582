//go:build cgo

package capture

import (
	"context"
	"testing"

	"porthole/capture/source"
)

func TestTrialEncodesWhatIsAskedFor(t *testing.T) {
	spec, err := source.ParseSpec("pattern:?size=160x90&fps=30")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Trial(t.Context(), spec, 5)
	if err != nil || r.Pictures != 5 || r.Mean <= 0 || r.Longest < r.Mean {
		t.Errorf("got %+v, %v", r, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err = Trial(ended, spec, 5); err != nil || r.Pictures != 0 {
		t.Errorf("after the end: got %+v, %v", r, err)
	}
}
