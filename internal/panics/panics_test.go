package panics

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestAsError(t *testing.T) {
	var lines strings.Builder
	log := slog.New(slog.NewTextHandler(&lines, nil))
	failed := errors.New("failed")
	for name, test := range map[string]struct {
		f    func() error
		want error
	}{
		"success": {func() error { return nil }, nil},
		"failure": {func() error { return failed }, failed},
	} {
		if err := AsError(log, "a decoder", test.f); !errors.Is(err, test.want) || lines.Len() > 0 {
			t.Errorf("%s: got %v, logged %q", name, err, lines.String())
		}
	}
	err := AsError(log, "a decoder", func() error { panic("bad picture") })
	if !errors.Is(err, ErrPanic) || !strings.Contains(err.Error(), "bad picture") {
		t.Errorf("a panic became %v", err)
	}
	if text := lines.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "panic in a decoder") || !strings.Contains(text, "TestAsError") {
		t.Errorf("logged %q, want one line with where, and the stack", text)
	}
}
