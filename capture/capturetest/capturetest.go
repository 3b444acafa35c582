// Package capturetest holds what the tests of capture's rooms share.
package capturetest

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"porthole/capture/source"
)

// Spec reads a source URI that has no faults.
func Spec(t testing.TB, uri string) source.Spec {
	t.Helper()
	spec, err := source.ParseSpec(uri)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// Unit makes an access unit in Annex B form of NAL units given as type and size.
func Unit(nals ...[]byte) []byte {
	var all []byte
	for i, nal := range nals {
		if i == 0 {
			all = append(all, 0) // the four-byte start code
		}
		all = append(append(all, 0, 0, 1), nal...)
	}
	return all
}

// NAL makes a NAL unit whose bytes show where they belong, and which holds no start code.
func NAL(kind byte, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i%250 + 1)
	}
	b[0] = 0x60 | kind
	return b
}

// Lines collects what is logged.
type Lines struct {
	mu    sync.Mutex
	lines strings.Builder
}

// NewLog returns a log and what it says.
func NewLog() (*slog.Logger, *Lines) {
	lines := new(Lines)
	return slog.New(slog.NewTextHandler(lines, nil)), lines
}

// Write is for the log.
func (l *Lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(b)
}

// Count says how often a text was logged.
func (l *Lines) Count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.lines.String(), text)
}
