//go:build !cgo

package capture

import (
	"log/slog"

	"porthole/capture/source"
)

func listDevices() (Inventory, error) { return Inventory{}, source.ErrNoCgo }

func checkCamera(source.Spec) error { return source.ErrNoCgo }

func newRealCamera(spec source.Spec, _ *slog.Logger) (origin, *deviceWatch) {
	return newCameraOrigin(spec, systemDevices, func(string) (*input, string, error) { return nil, "", source.ErrNoCgo })
}

func canHear() bool { return false }

func newCodecs() (codecs, error) { return nil, source.ErrNoCgo }
