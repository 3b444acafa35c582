//go:build !faults

package capture

import "log/slog"

// extraSchemes are the kinds that only some binaries have: none in this one.
func extraSchemes() map[string]Kind { return nil }

func newDevice(spec Spec, log *slog.Logger) (origin, *deviceWatch) { return newRealCamera(spec, log) }

func checkDevice(spec Spec) error { return checkCamera(spec) }

func extraCodecs(_ Spec, c codecs) codecs { return c }
