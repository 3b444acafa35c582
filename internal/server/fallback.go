package server

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"porthole/capture"
	"porthole/internal/broadcast"
)

// Fallback is what the viewers of a stream see while its publisher is away.
type Fallback struct {
	Stream string // broadcast.EveryOther: all that have no fallback of their own
	Name   string // of the stream that is shown; empty when Source is
	Source Source // captured for this purpose; its name is chosen by shownFallbacks
}

// String returns it as the operator wrote it, without the arguments of a program.
func (f Fallback) String() string {
	shown := f.Name
	if shown == "" {
		shown = capture.Shown(f.Source.URI)
	}
	if f.Stream == broadcast.EveryOther {
		return shown
	}
	return f.Stream + "=" + shown
}

// shownFallbacks returns which stream is shown in place of which, and the sources that
// are captured for it: one for each URI, named after its scheme.
func (c Config) shownFallbacks() (shown map[string]string, sources []Source) {
	shown = make(map[string]string, len(c.Fallbacks))
	for _, f := range c.Fallbacks {
		if f.Name != "" {
			shown[f.Stream] = f.Name
			continue
		}
		same := slices.IndexFunc(sources, func(s Source) bool { return s.URI == f.Source.URI })
		if same < 0 {
			same = len(sources)
			source := f.Source
			source.Name = c.freeName(source.URI, sources)
			sources = append(sources, source)
		}
		shown[f.Stream] = sources[same].Name
	}
	return shown, sources
}

// freeName names a source after its scheme, and counts on when that name is taken.
func (c Config) freeName(uri string, sources []Source) string {
	scheme, _, _ := strings.Cut(uri, ":")
	taken := func(name string) bool {
		named := func(s Source) bool { return s.Name == name }
		return name == defaultStream || slices.ContainsFunc(c.Sources, named) || slices.ContainsFunc(sources, named) ||
			slices.ContainsFunc(c.Fallbacks, func(f Fallback) bool { return f.Stream == name || f.Name == name })
	}
	name := scheme
	for n := 2; taken(name); n++ {
		name = fmt.Sprintf("%s-%d", scheme, n)
	}
	return name
}

// checkFallbacks returns the faults that show when all of them are seen together.
func (c Config) checkFallbacks() []error {
	var faults []error
	seen := make(map[string]bool, len(c.Fallbacks))
	for _, f := range c.Fallbacks {
		if seen[f.Stream] {
			if f.Stream == broadcast.EveryOther {
				faults = append(faults, errors.New("--fallback: two are given without a stream; give STREAM=NAME for all but one"))
			} else {
				faults = append(faults, fmt.Errorf("--fallback: two are given for %q; a stream has one", f.Stream))
			}
		}
		seen[f.Stream] = true
	}
	shown, _ := c.shownFallbacks()
	if err := broadcast.CheckFallbacks(shown); err != nil {
		faults = append(faults, fmt.Errorf("--fallback: %w", err))
	}
	return faults
}
