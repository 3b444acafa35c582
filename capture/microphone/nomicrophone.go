//go:build !cgo

package microphone

import (
	"porthole/capture/media"
	"porthole/capture/source"
)

// List cannot look for microphones.
func List() []Info { return []Info{} }

// Any says that there is none.
func Any() bool { return false }

// Microphone is an open one: there is none.
type Microphone struct {
	media.Sound
	Name string
}

// Open cannot open one.
func Open(name string) (*Microphone, error) {
	if name == source.MicOff {
		return nil, nil
	}
	return nil, source.ErrNoCgo
}
