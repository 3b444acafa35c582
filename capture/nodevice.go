//go:build !cgo

package capture

import "log/slog"

func listDevices() (Inventory, error) { return Inventory{}, ErrNoCgo }

func checkCamera(Spec) error { return ErrNoCgo }

func newRealCamera(spec Spec, _ *slog.Logger) (origin, *deviceWatch) {
	return newCameraOrigin(spec, systemDevices, func(string) (*input, string, error) { return nil, "", ErrNoCgo })
}

func canHear() bool { return false }

func newCodecs() (codecs, error) { return nil, ErrNoCgo }
