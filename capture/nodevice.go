//go:build !cgo

package capture

import (
	"log/slog"

	"porthole/capture/media"
	"porthole/capture/source"
)

func listDevices() (Inventory, error) { return Inventory{}, source.ErrNoCgo }

func checkCamera(source.Spec) error { return source.ErrNoCgo }

func newRealCamera(spec source.Spec, _ *slog.Logger) (origin, *deviceWatch) {
	return newCameraOrigin(spec, systemDevices, func(string) (*media.Input, string, error) { return nil, "", source.ErrNoCgo })
}

func canHear() bool { return false }

func newCodecs() (codecs, error) { return nil, source.ErrNoCgo }
