//go:build !cgo

package encode

import "porthole/capture/source"

// New cannot return a library.
func New() (Library, error) { return nil, source.ErrNoCgo }
