//go:build !faults

package capture

import (
	"log/slog"

	"porthole/capture/source"
)

func newDevice(spec source.Spec, log *slog.Logger) (origin, *deviceWatch) {
	return newRealCamera(spec, log)
}

func checkDevice(spec source.Spec) error { return checkCamera(spec) }

func extraCodecs(_ source.Spec, c codecs) codecs { return c }
