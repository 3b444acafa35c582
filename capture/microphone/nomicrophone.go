//go:build !cgo

package microphone

import (
	"log/slog"

	"porthole/capture/media"
)

// List cannot look for microphones.
func List() []Info { return []Info{} }

// Any says that there is none.
func Any() bool { return false }

// Microphone is an open one: there is none.
type Microphone struct{ media.Sound }

// Name is that of none.
func (*Microphone) Name() string { return "" }

// Open cannot open one.
func Open(string, *slog.Logger) *Microphone { return nil }
