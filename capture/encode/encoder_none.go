//go:build !cgo

package encode

import (
	"log/slog"

	"porthole/capture/source"
)

// New cannot return a library.
func New(*slog.Logger) (Library, error) { return nil, source.ErrNoCgo }
