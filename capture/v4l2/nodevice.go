//go:build !cgo

package v4l2

import (
	"log/slog"

	"porthole/capture/media"
	"porthole/capture/source"
)

// List cannot look for cameras.
func List() ([]CameraInfo, error) { return nil, source.ErrNoCgo }

// Check cannot open a camera.
func Check(source.Spec) error { return source.ErrNoCgo }

// New returns a camera that cannot be opened.
func New(spec source.Spec, _ *slog.Logger) *Camera {
	return NewCamera(spec, system, func(string) (*media.Input, string, error) { return nil, "", source.ErrNoCgo })
}
