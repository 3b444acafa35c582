//go:build !cgo

package capture

import "log/slog"

func listDevices() (Inventory, error) { return Inventory{}, ErrNoCgo }

func checkCamera(Spec) error { return ErrNoCgo }

func openCamera(Spec, *slog.Logger) (*input, error) { return nil, ErrNoCgo }

func newCodecs() (codecs, error) { return nil, ErrNoCgo }
